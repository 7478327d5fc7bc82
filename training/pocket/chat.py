"""A training sample: a chat and what of it the loss is on."""

from dataclasses import dataclass, replace

Message = tuple[str, str]
"""Role (`system`, `user`, `assistant`) and text."""

FOCUS_WEIGHT = 4.0
"""What a repair changes and the fault that feedback names: without it copying wins."""


@dataclass(frozen=True)
class Sample:
    """A chat to train on; the loss is on its last message unless said otherwise."""

    kind: str
    messages: tuple[Message, ...]
    prompt_weight: float = 0.05
    """Loss weight of all text before the last message (its other assistant turns included)."""
    reply_weight: float = 1.0
    """Loss weight of the last message, apart from its verdict letter."""
    verdict: bool = False
    """The last message ends in an option letter, whose token gets `VERDICT_WEIGHT`."""
    focus: tuple[int, int] = (0, 0)
    """Characters of the last message that matter most; their tokens weigh `FOCUS_WEIGHT` times."""


VERDICT_WEIGHT = 15.0
"""One token in a hundred decides a verdict: unweighted it is never learnt."""


def chat(kind: str, user: str, reply: str, **extra: float) -> Sample:
    return Sample(kind, (("user", user), ("assistant", reply)), **extra)


def focus_on(sample: Sample, span: tuple[int, int]) -> Sample:
    return replace(sample, focus=span)


def changed_span(before: str, after: str) -> tuple[int, int]:
    """The part of `after` that differs from `before`, apart from a common beginning and end."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    shorter = min(len(before), len(after)) - start
    while end < shorter and before[-1 - end] == after[-1 - end]:
        end += 1
    return start, max(start + 1, len(after) - end)


def last_step(feedback: str) -> tuple[int, int]:
    """The part of a feedback that decides: its last step and what follows."""
    return max(0, feedback.rfind("Step ")), len(feedback)
