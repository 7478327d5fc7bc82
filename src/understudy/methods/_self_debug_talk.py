"""The model's side of Self-Debug: what it says, what that costs, how its verdicts are read."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from understudy.call.model import Model
from understudy.methods._self_debug_programs import Source
from understudy.methods._self_debug_rows import Attempt
from understudy.methods._self_debug_runs import Problem, Score, Selection, score, select
from understudy.types import Json, Message, Reply, Sampling


@dataclass
class Speaker:
    """A model whose completion tokens are counted."""

    model: Model
    max_tokens: int
    tokens: int = 0
    estimated: bool = False
    """Whether the endpoint left some uncounted: those are characters / 4."""

    async def ask(self, messages: Sequence[Message]) -> str:
        """The greedy reply."""
        return (await self.draw(messages, 1, 0.0))[0]

    async def draw(self, messages: Sequence[Message], n: int, temperature: float) -> list[str]:
        """`n` replies."""
        sampling = Sampling(temperature=temperature, max_tokens=self.max_tokens)
        replies = await self.model.sample(messages, n, sampling)
        self._count(replies)
        return [reply.text for reply in replies]

    def _count(self, replies: Sequence[Reply]) -> None:
        # Of several replies to one request the first carries the tokens of all.
        for reply in replies:
            if reply.usage is not None:
                self.tokens += reply.usage.tokens_out
            else:
                self.tokens += math.ceil((len(reply.text) + len(reply.reasoning)) / 4)
                self.estimated = True


def window(
    head: Sequence[Message], tried: Sequence[Attempt], now: Sequence[Message], history: int | None
) -> list[Message]:
    """Demonstrations and task, the last attempts, and what is being said of the present one."""
    start = 0 if history is None else max(0, len(tried) + bool(now) - history)
    return [*head, *(message for attempt in tried[start:] for message in attempt.messages), *now]


def verdict(reply: str) -> Literal["right", "wrong", ""]:
    """What a reply says of the program: its last plain statement, else its first Yes or No, else the
    last word that judges; empty where there is none."""
    text = reply.lower()
    for pattern, place in ((_STATED, -1), (r"\b(yes|no)\b", 0), (_JUDGING, -1)):
        if found := re.findall(pattern, text):
            said = "".join(found[place])
            return "right" if said in ("right", "correct", "yes") else "wrong"
    return ""


_JUDGING = r"\b(not right|not correct|incorrect|wrong|right|correct)\b"
_STATED = r"\b(?:is|are|was|were|isn't|looks|seems) " + _JUDGING.removeprefix(r"\b")


class Resampled(NamedTuple):
    """Plain sampling at the price of the debugging it is compared with."""

    draws: int
    tokens: int
    code: str
    score: Score
    selection: Selection

    def as_json(self) -> Json:
        """As it stands in `meta`."""
        return {
            "draws": self.draws,
            "tokens": self.tokens,
            "code": self.code,
            "visible": self.score.visible,
            "hidden": self.score.hidden,
        }


async def resample(
    problem: Problem, head: Sequence[Message], speaker: Speaker, budget: int, temperature: float
) -> Resampled:
    """Programs drawn until they cost as many completion tokens as `budget`, and the one that the same
    visible tests select."""
    sources = list[Source]()
    while not sources or (speaker.tokens < budget and len(sources) < MOST_DRAWS):
        (reply,) = await speaker.draw(head, 1, temperature)
        sources.append(problem.program(reply))
    chosen = await select(problem, sources)
    source = sources[chosen.taken]
    found = await score(problem, source, None)
    return Resampled(len(sources), speaker.tokens, source.code, found, chosen)


MOST_DRAWS = 200
"""For an endpoint that counts next to nothing."""
