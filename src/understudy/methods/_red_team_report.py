"""What `understudy show` prints for topic-guided red-teaming: questions and topics by type."""

from collections import Counter
from collections.abc import Iterable
from typing import cast

from understudy.types import Example, Rejection


def report(made: Iterable[Example | Rejection]) -> str:
    """New questions by type, and why lines of replies were no topics or questions."""
    kinds, reasons, passed = Counter[str](), Counter[str](), 0
    for row in made:
        if isinstance(row, Rejection):
            reasons[row.reason] += 1
        elif "topic" in row.meta and "type" in row.meta:
            kinds[cast("str", row.meta["type"])] += 1
        else:
            passed += 1
    lines = [
        f"{kinds.total():,} questions of {len(kinds):,} types; {passed:,} other prompts passed on"
    ]
    lines += [f"    {n:>5,} {kind}" for kind, n in kinds.most_common()]
    lines += [f"    {n:>5,} lines dropped: {reason}" for reason, n in reasons.most_common()]
    return "\n".join(lines)
