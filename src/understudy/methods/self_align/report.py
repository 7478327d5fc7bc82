"""The report of Self-Align: what each filter left, and which principles were used."""

from collections import Counter
from collections.abc import Iterable
from typing import cast

from understudy.types import Example, Json, Rejection

STAGES = (
    ("readable", ("no self-identification", "no answer after the thought", "malformed reply",
                  "cut off", "empty answer", "pictures")),
    ("no refusal", ("refusal",)),
    ("long enough", ("too short",)),
    ("thought kept apart", ("thought in the answer",)),
    ("free of exemplars", ("exemplar in the answer",)),
)  # fmt: skip
"""The filters, each with the reasons it rejects for."""


def report(rows: Iterable[Example | Rejection]) -> str:
    """The share that each filter leaves, and how often the answers kept cite each principle."""
    reasons, principles, citing, answers = Counter[str](), Counter[str](), 0, 0
    for row in rows:
        if isinstance(row, Rejection) and row.example is None:
            reasons[row.reason] += 1
            continue
        # A good answer beyond the number wanted is a rejection with its example.
        meta: Json = row.meta if isinstance(row, Example) else cast("Example", row.example).meta
        answers += 1
        labels = cast("list[str]", meta.get("principles") or [])
        citing += bool(labels)
        principles.update(labels)
    total = answers + reasons.total()
    if not total:
        return "no answers"
    lines, left = [f"{'answers':<24} {total:>9,}"], total
    for stage, own in STAGES:
        left -= sum(reasons[reason] for reason in own)
        lines.append(f"{stage:<24} {left:>9,} {left / total:>7.1%}")
    refusals = reasons["refusal"]
    lines.append(f"refusals: {refusals:,} ({refusals / total:.1%} of all answers)")
    if answers:
        mean = principles.total() / answers
        lines.append(f"principles: {mean:.2f} per kept answer, {citing / answers:.1%} cite one")
        lines += [
            f"    {label:<24} {n:>5,} {n / answers:>7.1%}" for label, n in principles.most_common()
        ]
    return "\n".join(lines)
