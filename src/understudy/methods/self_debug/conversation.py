"""The conversation with the model that debugs: attempts, what it may still see of them, its verdicts."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from understudy.call.model import Model
from understudy.types import Json, Message, Reply, Sampling, assistant

from .problem import Candidate, Observation, Score, Topic

Verdict: TypeAlias = Literal["right", "wrong", ""]
"""What the model says of its program; empty where it says nothing, or nothing that can be read."""


@dataclass
class CountingModel:
    """A model whose completion tokens are counted."""

    model: Model
    max_tokens: int
    tokens: int = 0
    estimated: bool = False
    """Whether the endpoint left some uncounted. Those are estimated as characters / 4."""

    async def ask(self, messages: Sequence[Message]) -> str:
        """The greedy reply."""
        return (await self.sample(messages, 1, 0.0))[0]

    async def sample(self, messages: Sequence[Message], n: int, temperature: float) -> list[str]:
        """`n` replies."""
        sampling = Sampling(temperature=temperature, max_tokens=self.max_tokens)
        replies = await self.model.sample(messages, n, sampling)
        for reply in replies:
            self._count(reply)
        return [reply.text for reply in replies]

    def _count(self, reply: Reply) -> None:
        # Of several replies to one request the first carries the tokens of all.
        if reply.usage is not None:
            self.tokens += reply.usage.tokens_out
        else:
            self.tokens += math.ceil((len(reply.text) + len(reply.reasoning)) / 4)
            self.estimated = True


class Attempt(NamedTuple):
    """One program, and what was said about it."""

    candidate: Candidate
    reply: str
    observation: Observation | None
    """None where it was not run in the loop."""
    answers: dict[Topic, str]
    """What the model said when it was asked about it."""
    verdict: Verdict
    messages: tuple[Message, ...]
    """The reply, all that was asked and said about it, and the request for a better one."""
    score: Score = Score(None, None)

    def as_json(self, turn: int, kind: str) -> Json:
        """As it stands in `meta`."""
        observation = self.observation or Observation("", None)
        discussed = self.answers or self.messages[-1:] != (assistant(self.reply),)
        row: Json = {
            "turn": turn,
            "code": self.candidate.code,
            "status": observation.status,
            "failed_test": observation.test,
            "outcome": observation.text,
            "feedback": kind if discussed else None,
            "verdict": self.verdict,
            "question": self.answers.get("question"),
            "explanation": self.answers.get("explanation"),
            "trace": self.answers.get("trace") or observation.trace,
        }
        row = {key: value for key, value in row.items() if value not in (None, "")}
        return row | {"visible": self.score.visible, "hidden": self.score.hidden}

    @property
    def truth(self) -> bool | None:
        """Whether it is right, as far as tests can tell."""
        return self.score.visible if self.score.hidden is None else self.score.hidden


def window(
    head: Sequence[Message],
    attempts: Sequence[Attempt],
    current: Sequence[Message],
    history: int | None,
) -> list[Message]:
    """Demonstrations and task, the last attempts, and what is being said about the current one."""
    start = 0 if history is None else max(0, len(attempts) + bool(current) - history)
    earlier = [message for attempt in attempts[start:] for message in attempt.messages]
    return [*head, *earlier, *current]


def read_verdict(reply: str) -> Verdict:
    """What a reply says of the program: its last plain statement, else its first Yes or No, else the
    last word that judges; empty where there is none."""
    text = reply.lower().replace("\u2019", "'").replace("n't", " not")
    for pattern, place in ((_STATEMENT, -1), (r"\b(yes|no)\b", 0), (_JUDGEMENT, -1)):
        if words := re.findall(pattern, text):
            return "right" if words[place] in ("right", "correct", "yes") else "wrong"
    return ""


_JUDGEMENT = r"\b(not right|not correct|incorrect|wrong|right|correct)\b"
_STATEMENT = r"\b(?:is|are|was|were|looks|seems) " + _JUDGEMENT.removeprefix(r"\b")
