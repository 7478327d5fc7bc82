"""What happened to one task of Self-Refine: its versions, and what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from understudy.call.model import Model
from understudy.types import Call, Json, Reply, Usage


class Feedback(NamedTuple):
    """What a critic says of a version."""

    text: str
    """As the writer reads it."""
    content: bool
    """Whether it has no complaint."""
    score: float | None = None
    """Part of the highest, in [0, 1]."""
    aspects: Json | None = None
    """Points by aspect."""


class Version(NamedTuple):
    """One y_t."""

    text: str
    feedback: Feedback | None = None
    """None where none was asked for, or none came."""
    accepted: bool = True
    """False where the judge did not prefer it to the version before."""
    right: bool | None = None
    """Whether it is the reference, or passes all tests. None where nobody can say."""

    @property
    def score(self) -> float | None:
        return self.feedback.score if self.feedback else None


@dataclass
class Cost:
    """What a task has cost so far."""

    calls: int = 0
    tokens: int = 0
    first: tuple[int, int] = (0, 0)
    """Calls and tokens of the first answer."""

    def as_json(self) -> Json:
        return {
            "calls": self.calls,
            "tokens": self.tokens,
            "first_calls": self.first[0],
            "first_tokens": self.first[1],
        }


def count_calls(model: Model, cost: Cost) -> Model:
    """The same model, with its calls and tokens added to `cost`."""

    async def generate(call: Call) -> Reply:
        reply = await model.generate(call)
        usage = reply.usage or Usage()
        cost.calls += 1
        cost.tokens += usage.tokens_in + usage.tokens_out
        return reply

    return replace(model, generate=generate)


def current(trace: Sequence[Version]) -> Version:
    """The last version that was accepted."""
    return next(version for version in reversed(trace) if version.accepted)


def history(trace: Sequence[Version], last: int | None) -> list[tuple[str, str]]:
    """The accepted versions with their feedback, oldest first; only the `last` of them."""
    pairs = [(v.text, v.feedback.text) for v in trace if v.accepted and v.feedback]
    return pairs[-(last or len(pairs)) :]


def count_drops(trace: Sequence[Version]) -> int:
    """How many versions in a row, up to the last, score below the best or were turned down."""
    drops, best = 0, 0.0
    for version in trace:
        score = version.score
        below = score is not None and score < best
        drops = drops + 1 if below or not version.accepted else 0
        best = max(best, score or 0.0)
    return drops


def find_best(trace: Sequence[Version]) -> int:
    """The ordinal of the accepted version with the highest score, of equals the earlier one; without
    scores that of the last accepted version."""
    accepted = [t for t, version in enumerate(trace) if version.accepted]
    scores = {t: score for t in accepted if (score := trace[t].score) is not None}
    return max(scores, key=lambda t: scores[t]) if scores else accepted[-1]


def record(trace: Sequence[Version]) -> list[Json]:
    """The versions as plain JSON, without what is not known of one."""
    rows = list[Json]()
    for t, version in enumerate(trace):
        fb = version.feedback
        row: Json = {
            "t": t,
            "answer": version.text,
            "feedback": fb.text if fb else None,
            "score": version.score,
            "aspects": fb.aspects if fb else None,
            "accepted": None if version.accepted else False,
            "right": version.right,
        }
        rows.append({name: value for name, value in row.items() if value is not None})
    return rows
