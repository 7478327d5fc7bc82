"""The constitution of Self-Align: a code-name, numbered principles, and exemplars with their thoughts.

It is data. `constitution.yaml` is the shipped one, and a user's own file takes its place.
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import Field, model_validator

from understudy.prompts import read_yaml
from understudy.types import Settings


class Principle(Settings):
    """One rule for answers."""

    label: str
    """What thoughts call it."""
    text: str
    brief: str = ""
    """The same in one short sentence, for small models; if empty, they get `text`."""


class Turn(Settings):
    """A question, with the thought and the answer of an assistant that keeps to the principles."""

    question: str
    thought: str
    """What the question needs. The self-identification is put before it, and the principles after it."""
    principles: tuple[str, ...] = Field(min_length=1)
    """Labels of the principles that the answer follows."""
    answer: str


class Dialogue(Settings):
    """An exemplar: it shows how to think and answer."""

    turns: tuple[Turn, ...] = Field(min_length=1)
    tells: tuple[str, ...] = ()
    """More words that show that an answer to another question was copied from this exemplar."""


class Constitution(Settings):
    """What answers are driven by."""

    name: str = "Watson"
    """Code-name of the assistant; examples have another in its place."""
    about: str = "{name} is an AI assistant."
    """What it is and what it knows, dates included."""
    self_identification: str = "I am a helpful, ethical, and reliable assistant."
    """Every thought begins with it (released code)."""
    closing: str = "Thanks, that is just what I was looking for."
    """The user's last words in each exemplar of a completion. They mark the end of an answer."""
    auto_reply: str = "Glad to hear it. What else can I do for you?"
    """The answer to that."""
    principles: tuple[Principle, ...] = Field(min_length=1)
    """Numbered from 1."""
    exemplars: tuple[Dialogue, ...] = ()

    @model_validator(mode="after")
    def _check_labels(self) -> Self:
        for label in self.labels:
            if self.labels.count(label) > 1:
                raise ValueError(f"two principles have the label {label!r}")
        labels = {label for e in self.exemplars for turn in e.turns for label in turn.principles}
        if unknown := sorted(labels - set(self.labels)):
            raise ValueError(f"an exemplar cites {unknown[0]!r}, and no principle has that label")
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(principle.label for principle in self.principles)

    @property
    def introduction(self) -> str:
        """What the assistant is, by its code-name."""
        return self.about.replace("{name}", self.name)


class Leak(NamedTuple):
    """A word or phrase that shows that an answer was copied from the prompt."""

    text: str
    kind: str
    """`frame` of the dialogue, or a `phrase` or `tell` of an exemplar."""


@cache
def load_constitution() -> Constitution:
    """The project's own constitution."""
    return Constitution.model_validate(read_yaml(Path(__file__).with_name("constitution.yaml")))


def write_rules(constitution: Constitution, *, brief: bool = False) -> str:
    """The principles, numbered, one per line."""
    return "\n".join(
        f"{number} ({p.label}). {p.brief if brief and p.brief else p.text}"
        for number, p in enumerate(constitution.principles, 1)
    )


def write_thought(turn: Turn, constitution: Constitution) -> str:
    """A thought in full: what the assistant is, what the question needs, which rules it follows."""
    rules = [f"{i} ({constitution.labels[i - 1]})" for i in find_numbers(turn, constitution)]
    text = ", ".join(rules[:-1]) + " and " + rules[-1] if len(rules) > 1 else rules[0]
    follow = f"I follow rule{'s' if len(rules) > 1 else ''} {text}."
    return f"{constitution.self_identification} {turn.thought} {follow}"


def find_numbers(turn: Turn, constitution: Constitution) -> list[int]:
    """The numbers of the principles that a turn cites by label."""
    return [constitution.labels.index(label) + 1 for label in turn.principles]


def find_citations(text: str, constitution: Constitution) -> tuple[int, ...]:
    """The principles that a thought names as `2 (informative)`, in order, each once.

    The label decides, not the number: models get numbers wrong more often than words. What has no
    label of a principle, as in "in 1990 (or so)", is no citation.
    """
    labels = {label.lower(): i for i, label in enumerate(constitution.labels, 1)}
    numbers = [labels.get(match[2].strip().lower()) for match in _CITATION.finditer(text)]
    return tuple(dict.fromkeys(number for number in numbers if number is not None))


def read_principles(ids: Iterable[object], constitution: Constitution) -> tuple[int, ...]:
    """The principles that a model listed by number or label. What is neither is left out."""
    labels = {label.lower(): i for i, label in enumerate(constitution.labels, 1)}
    numbers = list[int]()
    for entry in ids:
        head = re.match(r"\s*(?:\(|rule |principle )?(\d{1,4})\b", str(entry), re.IGNORECASE)
        number = int(head[1]) if head else labels.get(str(entry).strip().lower(), 0)
        if 1 <= number <= len(constitution.principles) and number not in numbers:
            numbers.append(number)
    return tuple(numbers)


def find_leaks(constitution: Constitution, shots: int) -> tuple[Leak, ...]:
    """What must not turn up in an answer: the frame of the dialogue, whole sentences of the exemplars'
    answers, the names and rows of numbers in them, and their tells.

    The released code has such a list by hand, for its own exemplars. This one follows from the
    exemplars that are shown, whatever they are.
    """
    frame = ["User:", constitution.closing, "(auto reply)", "(internal thoughts)"]
    leaks = [Leak(text, "frame") for text in frame if text]
    for exemplar in constitution.exemplars[:shots]:
        for turn in exemplar.turns:
            sentences = (s.strip() for s in re.split(r"(?<=[.?!])\s+|\n", turn.answer))
            leaks += [Leak(s, "phrase") for s in sentences if len(s.split()) >= _SENTENCE]
            # Two capitals in mid-sentence: the name of a person or a thing.
            names = re.findall(r"(?<=[a-z,] )[A-Z]\w+(?: [A-Z]\w+)+", turn.question)
            rows = re.findall(r"\d+(?:, \d+){2,}", turn.answer)
            leaks += [Leak(text, "tell") for text in (*names, *rows)]
        leaks += [Leak(text, "tell") for text in exemplar.tells]
    return tuple(dict.fromkeys(leaks))


_CITATION = re.compile(r"\b(\d{1,4}) ?\(([^()\n]{1,60})\)")
_SENTENCE = 5
"""Words that make a sentence of an exemplar its own."""
