"""What Self-Consistency's report says and draws: shares, ties, and accuracy by number of paths."""

from collections.abc import Iterable
from typing import cast

from understudy.charts.lines import Chart
from understudy.registry import Account
from understudy.text.answers import canonicalize, grade
from understudy.text.votes import Curve, measure_curve
from understudy.types import Example, Rejection


def report(made: Iterable[Example | Rejection]) -> Account:
    """Share and entropy of the votes, and accuracy by number of paths where references are known."""
    shares, entropies, ties = list[float](), list[float](), 0
    draws = list[tuple[list[str | None], str]]()
    for answers, meta, share, reference in _votes(made):
        ties += bool(meta.get("tie"))
        entropies.append(float(cast("float", meta.get("entropy", 0))))
        shares.append(share)
        if reference is not None:
            draws.append((_graded(answers, reference), "right"))
    if not shares:
        return Account("no votes")
    lines = [
        f"votes of {len(shares):,} tasks: mean share {_mean(shares):.3f}, mean entropy "
        f"{_mean(entropies):.3f} bits, {ties:,} ties"
    ]
    found = measure_curve(draws)
    if found.k:
        lines.append(f"{'paths':>8} {'maj@k':>8} {'pass@k':>8} {'tasks':>8}")
        lines += [
            f"{k:>8} {majority:>8.3f} {any_right:>8.3f} {tasks:>8,}"
            for k, majority, any_right, tasks in zip(*found, strict=True)
        ]
    return Account("\n".join(lines), _chart(found))


def _chart(found: Curve) -> Chart | None:
    """As far as all tasks have so many paths: what fewer have are other tasks, often harder ones."""
    n = sum(tasks == found.tasks[0] for tasks in found.tasks)
    if n < 2:
        return None
    k, (one, *_, vote) = found.k[n - 1], found.majority[:n]
    left_out = (
        "" if n == len(found.k) else " Larger numbers, of fewer tasks, are in the table only."
    )
    return Chart(
        title="Accuracy by number of paths",
        x="paths",
        at=found.k[:n],
        lines={"maj@k": found.majority[:n], "pass@k": found.any_right[:n]},
        says=f"Of {found.tasks[0]:,} tasks, one path answers {one:.1%} right, the vote of {k} paths "
        f"(maj@k) {vote:.1%}: {100 * (vote - one):+.1f} points. At least one of {k} paths is right "
        f"(pass@k) for {found.any_right[n - 1]:.1%}.{left_out}",
    )


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
            graded[answer] = "right" if right else f"= {canonicalize(answer)}"
    return [graded[answer] for answer in answers]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
