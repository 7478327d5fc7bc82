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
from understudy.text.answers import canonical, grade
from understudy.text.votes import Curve, curve
from understudy.types import Example, Rejection


def report(made: Iterable[Example | Rejection]) -> Account:
    """Share and entropy of the votes, and accuracy by number of paths where references are known."""
    n, ties, shares, entropies = 0, 0, 0.0, 0.0
    bins, graded = Bins(), Bins()
    draws = list[tuple[list[str | None], str]]()
    for answers, meta, share, reference in _votes(made):
        n, shares = n + 1, shares + share
        ties += bool(meta.get("tie"))
        entropies += float(cast("float", meta.get("entropy", 0)))
        bins.add(share)
        if reference is not None:
            draws.append((_graded(answers, reference), "right"))
            answer = meta.get("answer")
            graded.add(share, right=answer is not None and grade(str(answer), reference))
    if not n:
        return Account("no votes")
    lines = [
        f"votes of {n:,} tasks: mean share {shares / n:.3f}, mean entropy "
        f"{entropies / n:.3f} bits, {ties:,} ties"
    ]
    found = curve(draws)
    if found.k:
        lines.append(f"{'paths':>8} {'maj@k':>8} {'pass@k':>8} {'tasks':>8}")
        lines += [
            f"{k:>8} {majority:>8.3f} {any_right:>8.3f} {tasks:>8,}"
            for k, majority, any_right, tasks in zip(*found, strict=True)
        ]
    return Account("\n".join(lines), (*_curves(found), _histogram(bins), *_reliability(graded)))


def _histogram(bins: Bins) -> Histogram:
    every = bins.bins()
    return Histogram(
        title="Share of the votes",
        x="share of the votes that the chosen answer has",
        edges=[0.0, *(bin.high for bin in every)],
        counts=[bin.n for bin in every],
        unit="tasks",
    )


def _reliability(graded: Bins) -> tuple[Chart, ...]:
    if not len(graded):
        return ()
    diagram = Reliability(
        title="Share of the votes against accuracy",
        x="share of the votes that the chosen answer has",
        bins=graded.bins(),
        unit="tasks",
        caption=f"Where the share says how likely the answer is right, the points stand on the "
        f"diagonal. On average they are {graded.error():.3f} from it (expected calibration error).",
    )
    return (diagram,)


def _curves(found: Curve) -> tuple[Chart, ...]:
    """As far as all tasks have so many paths: what fewer have are other tasks, often harder ones."""
    n = sum(tasks == found.tasks[0] for tasks in found.tasks)
    if n < 2:
        return ()
    k, (one, *_, vote) = found.k[n - 1], found.majority[:n]
    left_out = (
        "" if n == len(found.k) else " Larger numbers, of fewer tasks, are in the table only."
    )
    lines = Lines(
        title="Accuracy by number of paths",
        x="paths",
        at=found.k[:n],
        lines={"maj@k": found.majority[:n], "pass@k": found.any_right[:n]},
        caption=f"Of {found.tasks[0]:,} tasks, one path answers {one:.1%} right, the vote of {k} paths "
        f"(maj@k) {vote:.1%}: {100 * (vote - one):+.1f} points. At least one of {k} paths is right "
        f"(pass@k) for {found.any_right[n - 1]:.1%}.{left_out}",
    )
    return (lines,)


def _votes(
    made: Iterable[Example | Rejection],
) -> Iterable[tuple[list[str | None], dict[str, object], float, str | None]]:
    """Answers, meta, share and reference, once per task, rejected ones included."""
    last = None
    for row in made:
        answers = cast("list[str | None] | None", row.meta.get("answers"))
        task = row.lineage[-1:] if isinstance(row, Example) else None
        if answers is None or (task is not None and task == last):
            continue
        last = task
        if isinstance(row, Example):
            yield answers, row.meta, row.scores.get("share", 0.0), row.reference
        else:
            yield answers, row.meta, row.score or 0.0, cast("str | None", row.meta.get("reference"))


def _graded(answers: list[str | None], reference: str) -> list[str | None]:
    """Each answer as `right`, or by its own key: what the reference equals is one answer."""
    graded: dict[str | None, str | None] = {None: None}
    for answer in answers:
        if answer is not None and answer not in graded:
            right = grade(answer, reference)
            graded[answer] = "right" if right else f"= {canonical(answer)}"
    return [graded[answer] for answer in answers]
