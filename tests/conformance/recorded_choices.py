"""The recorded chains of thought of `self_consistency/*.jsonl`, with the letters read off them.

Each row is a multiple-choice question with ten replies of one model, the letter that the authors of
the recording read off each reply, and the correct letter. `disagreements` lists every reply that we
read differently than they.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from pathlib import Path

from understudy.text.answers import extract

FILES = {
    "sat": "gpt-35-turbo__sat-math-100__T1.0.jsonl",
    "aqua": "gpt-35-turbo__aqua-rat-100__T0.7.jsonl",
    "llama": "llama-2-70b-chat__comprehensive-100__T1.0.jsonl",
}
UNREADABLE = ("", "N")
"""What the authors wrote where they could read no letter."""


@dataclass(frozen=True)
class Question:
    """One question, its replies, and what the authors read off them."""

    id: str
    choices: tuple[str, ...]
    correct: str
    replies: tuple[str, ...]
    """A reply that was never made is empty."""
    recorded: tuple[str, ...]

    @cached_property
    def ours(self) -> list[str | None]:
        """The letters that we read off the raw replies."""
        return [extract(reply, "choice", choices=self.choices) for reply in self.replies]

    @cached_property
    def theirs(self) -> list[str | None]:
        """The authors' letters, None for what they could not read."""
        return [None if letter in UNREADABLE else letter for letter in self.recorded]


@dataclass(frozen=True)
class Disagreement:
    """One reply read in two ways."""

    question: str
    draw: int
    correct: str
    theirs: str | None
    ours: str | None
    tail: str
    """The last 300 characters of the reply."""

    @property
    def kind(self) -> str:
        """`found` (only we read something), `lost` (only they) or `conflict`; + if right.

        Right is the one that read something; in a conflict, we.
        """
        if self.ours is None:
            return "lost" + "+" * (self.theirs == self.correct)
        return ("found" if self.theirs is None else "conflict") + "+" * (self.ours == self.correct)


@cache
def load(data: Path, name: str) -> list[Question]:
    """The questions of one file."""
    text = (data / "self_consistency" / FILES[name]).read_text(encoding="utf-8")
    return [_question(json.loads(line)) for line in text.splitlines()]


def single(questions: Sequence[Question], letters: Sequence[Sequence[str | None]]) -> Fraction:
    """Share of single replies that are right; unreadable ones are wrong."""
    right = [
        letter == q.correct for q, row in zip(questions, letters, strict=True) for letter in row
    ]
    return Fraction(sum(right), len(right))


def vote(questions: Sequence[Question], letters: Sequence[Sequence[str | None]]) -> Fraction:
    """Accuracy of the most frequent letter, ties averaged, unreadable replies left out."""
    total = Fraction(0)
    for question, row in zip(questions, letters, strict=True):
        counts = Counter(letter for letter in row if letter is not None)
        winners = [letter for letter, n in counts.items() if n == max(counts.values())]
        total += Fraction(winners.count(question.correct), max(len(winners), 1))
    return total / len(questions)


def disagreements(questions: Sequence[Question]) -> Iterator[Disagreement]:
    """Every reply off which we read another letter than the authors, or one of us none."""
    for q in questions:
        for draw, (theirs, ours) in enumerate(zip(q.theirs, q.ours, strict=True)):
            if theirs != ours:
                yield Disagreement(q.id, draw, q.correct, theirs, ours, q.replies[draw][-300:])


def _question(row: dict[str, object]) -> Question:
    problem = str(row["problem"])
    replies, recorded = row["responses"], row["recorded_answers"]
    assert isinstance(replies, list)
    assert isinstance(recorded, list)
    listed = problem.rpartition("Choices:\n")[2]
    return Question(
        id=str(row["problem_id"]),
        choices=tuple(re.findall(r"^  [A-J]: (.*)$", listed, re.MULTILINE)),
        correct=str(row["correct"]),
        replies=tuple(reply or "" for reply in replies),
        recorded=tuple(recorded),
    )
