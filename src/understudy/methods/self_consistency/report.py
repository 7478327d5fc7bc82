"""What Self-Consistency's report says and draws: shares, ties, accuracy by number of paths, and how
well the share of the votes tells which answers are right."""

from collections.abc import Iterable
from typing import cast

from understudy.charts import Chart
from understudy.charts.bins import Bins
from understudy.charts.histogram import Histogram
from understudy.charts.lines import Lines
from understudy.charts.reliability import Reliability
from understudy.registry import Account
from understudy.text.answers import canonicalize, grade
from understudy.text.votes import Curve, measure_curve
from understudy.types import Example, Rejection


def report(rows: Iterable[Example | Rejection]) -> Account:
    """Share and entropy of the votes, and accuracy by number of paths if references are known."""
    n, ties, shares, entropies = 0, 0, 0.0, 0.0
    bins, calibration = Bins(), Bins()
    draws = list[tuple[list[str | None], str]]()
    for answers, meta, share, reference in _votes(rows):
        n, shares = n + 1, shares + share
        ties += bool(meta.get("tie"))
        entropies += float(cast("float", meta.get("entropy", 0)))
        bins.add(share)
        if reference is not None:
            draws.append((_grade(answers, reference), "right"))
            answer = meta.get("answer")
            calibration.add(share, right=answer is not None and grade(str(answer), reference))
    if not n:
        return Account("no votes")
    lines = [
        f"votes of {n:,} tasks: mean share {shares / n:.3f}, mean entropy "
        f"{entropies / n:.3f} bits, {ties:,} ties"
    ]
    curve = measure_curve(draws)
    if curve.k:
        lines.append(f"{'paths':>8} {'maj@k':>8} {'pass@k':>8} {'tasks':>8}")
        lines += [
            f"{k:>8} {majority:>8.3f} {any_right:>8.3f} {tasks:>8,}"
            for k, majority, any_right, tasks in zip(*curve, strict=True)
        ]
    return Account(
        "\n".join(lines), (*_curves(curve), _histogram(bins), *_reliability(calibration))
    )


def _histogram(bins: Bins) -> Histogram:
    every = bins.bins()
    return Histogram(
        title="Share of the votes",
        x="share of the votes that the chosen answer has",
        edges=[0.0, *(bin.high for bin in every)],
        counts=[bin.n for bin in every],
        unit="tasks",
    )


def _reliability(calibration: Bins) -> tuple[Chart, ...]:
    if not len(calibration):
        return ()
    diagram = Reliability(
        title="Share of the votes against accuracy",
        x="share of the votes that the chosen answer has",
        bins=calibration.bins(),
        unit="tasks",
        caption=f"Where the share says how likely the answer is right, the points stand on the "
        f"diagonal. On average they are {calibration.error():.3f} from it (expected calibration error).",
    )
    return (diagram,)


def _curves(curve: Curve) -> tuple[Chart, ...]:
    """Up to the number of paths that every task has. Tasks with more paths are others, often harder."""
    n = sum(tasks == curve.tasks[0] for tasks in curve.tasks)
    if n < 2:
        return ()
    k, (one, *_, vote) = curve.k[n - 1], curve.majority[:n]
    left_out = (
        "" if n == len(curve.k) else " Larger numbers, of fewer tasks, are in the table only."
    )
    lines = Lines(
        title="Accuracy by number of paths",
        x="paths",
        at=curve.k[:n],
        lines={"maj@k": curve.majority[:n], "pass@k": curve.any_right[:n]},
        caption=f"Of {curve.tasks[0]:,} tasks, one path answers {one:.1%} right, the vote of {k} paths "
        f"(maj@k) {vote:.1%}: {100 * (vote - one):+.1f} points. At least one of {k} paths is right "
        f"(pass@k) for {curve.any_right[n - 1]:.1%}.{left_out}",
    )
    return (lines,)


def _votes(
    rows: Iterable[Example | Rejection],
) -> Iterable[tuple[list[str | None], dict[str, object], float, str | None]]:
    """Answers, meta, share and reference, once per task, rejected ones included."""
    last = None
    for row in rows:
        answers = cast("list[str | None] | None", row.meta.get("answers"))
        task = row.lineage[-1:] if isinstance(row, Example) else None
        if answers is None or (task is not None and task == last):
            continue
        last = task
        if isinstance(row, Example):
            yield answers, row.meta, row.scores.get("share", 0.0), row.reference
        else:
            yield answers, row.meta, row.score or 0.0, cast("str | None", row.meta.get("reference"))


def _grade(answers: list[str | None], reference: str) -> list[str | None]:
    """Each answer as `right`, or by its own key: what the reference equals is one answer."""
    grades: dict[str | None, str | None] = {None: None}
    for answer in answers:
        if answer is not None and answer not in grades:
            right = grade(answer, reference)
            grades[answer] = "right" if right else f"= {canonicalize(answer)}"
    return [grades[answer] for answer in answers]
