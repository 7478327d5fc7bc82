"""What a set of votes says: the figures that `understudy show` prints for Self-Consistency."""

from collections.abc import Iterable
from typing import cast

from understudy.answers import canonical, grade
from understudy.types import Example, Rejection
from understudy.votes import curve


def report(made: Iterable[Example | Rejection]) -> str:
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
        return "no votes"
    lines = [
        f"votes of {len(shares):,} tasks: mean share {_mean(shares):.3f}, mean entropy "
        f"{_mean(entropies):.3f} bits, {ties:,} ties"
    ]
    if draws:
        found = curve(draws)
        lines.append(f"{'paths':>8} {'maj@k':>8} {'pass@k':>8} {'tasks':>8}")
        lines += [
            f"{k:>8} {majority:>8.3f} {any_right:>8.3f} {tasks:>8,}"
            for k, majority, any_right, tasks in zip(*found, strict=True)
        ]
    return "\n".join(lines)


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
    return [
        None
        if answer is None
        else "right"
        if grade(answer, reference)
        else f"= {canonical(answer)}"
        for answer in answers
    ]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
