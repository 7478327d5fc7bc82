"""The constitution of Self-Align: a code-name, numbered principles, and exemplars with their thoughts.

It is data: `constitution/default.yaml` is what is shipped, and a user's own file takes its place.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, Self

import yaml
from pydantic import Field, model_validator

from understudy.types import Settings


class Principle(Settings):
    """One rule for answers."""

    label: str
    """What thoughts call it."""
    text: str
    brief: str = ""
    """The same in one short sentence, for small models; `text` where empty."""


class Turn(Settings):
    """A question with the thought and the answer of an assistant that keeps to the principles."""

    question: str
    thought: str
    """What the question needs; how the assistant is, and the rules it follows, are put around it."""
    principles: tuple[str, ...] = Field(min_length=1)
    """Labels of the principles that the answer follows."""
    answer: str


class Exemplar(Settings):
    """A dialogue that shows how to think and answer."""

    turns: tuple[Turn, ...] = Field(min_length=1)
    tells: tuple[str, ...] = ()
    """Further words that give the exemplar away where they turn up in the answer to another question."""


class Constitution(Settings):
    """What answers are driven by."""

    name: str = "Watson"
    """Code-name of the assistant; answers for training have another in its place."""
    about: str = "{name} is an AI assistant."
    """What it is and what it knows, dates included."""
    self_identification: str = "I am a helpful, ethical, and reliable assistant."
    """Every thought begins so (released code)."""
    closing: str = "Thanks, that is just what I was looking for."
    """The user's last words in each exemplar of a completion: a mark for the end of an answer."""
    auto_reply: str = "Glad to hear it. What else can I do for you?"
    """What is answered to that."""
    principles: tuple[Principle, ...] = Field(min_length=1)
    """Numbered from 1."""
    exemplars: tuple[Exemplar, ...] = ()

    @model_validator(mode="after")
    def _labels_fit(self) -> Self:
        labels = [principle.label for principle in self.principles]
        for label in labels:
            if labels.count(label) > 1:
                raise ValueError(f"two principles have the label {label!r}")
        cited = {cited for e in self.exemplars for turn in e.turns for cited in turn.principles}
        if unknown := sorted(cited - set(labels)):
            raise ValueError(f"an exemplar cites {unknown[0]!r}, and no principle has that label")
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(principle.label for principle in self.principles)


class Leak(NamedTuple):
    """A word or phrase that gives away where an answer is from."""

    text: str
    kind: str
    """`frame` of the dialogue, or a `phrase` or `tell` of an exemplar."""


@cache
def shipped() -> Constitution:
    """The project's own."""
    text = (files("understudy.methods") / "constitution" / "default.yaml").read_text()
    return Constitution.model_validate(yaml.safe_load(text))


def load(file: str) -> Any:
    """A user's own, still to be validated."""
    try:
        return yaml.safe_load(Path(file).read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"expected a YAML file at {file} ({error})") from None


def rules(constitution: Constitution, *, brief: bool = False) -> str:
    """The principles, numbered, one per line."""
    return "\n".join(
        f"{number} ({p.label}). {p.brief if brief and p.brief else p.text}"
        for number, p in enumerate(constitution.principles, 1)
    )


def thought(turn: Turn, constitution: Constitution) -> str:
    """A thought in full: what the assistant is, what the question needs, which rules it follows."""
    cited = [f"{i} ({constitution.labels[i - 1]})" for i in numbers(turn, constitution)]
    listed = ", ".join(cited[:-1]) + " and " + cited[-1] if len(cited) > 1 else cited[0]
    follow = f"I follow rule{'s' if len(cited) > 1 else ''} {listed}."
    return f"{constitution.self_identification} {turn.thought} {follow}"


def numbers(turn: Turn, constitution: Constitution) -> list[int]:
    """The numbers of the principles that an exemplar cites."""
    return [constitution.labels.index(label) + 1 for label in turn.principles]


def cited(text: str, constitution: Constitution) -> tuple[int, ...]:
    """The principles that a thought names as `2 (informative)`, in order, each once.

    A label that is one of ours goes before its number: models slip in numbers, not in words. What
    is neither, as in "in 1990 (or so)", is no citation.
    """
    labels = {label.lower(): i for i, label in enumerate(constitution.labels, 1)}
    matches = _CITED.finditer(text)
    found = [labels.get(match[2].strip().lower()) for match in matches]
    return tuple(dict.fromkeys(number for number in found if number is not None))


def known(ids: Iterable[object], constitution: Constitution) -> tuple[int, ...]:
    """Those of the ids that a model listed which are numbers or labels of principles."""
    labels = {label.lower(): i for i, label in enumerate(constitution.labels, 1)}
    found = list[int]()
    for entry in ids:
        head = re.match(r"\s*(?:\(|rule |principle )?(\d{1,4})\b", str(entry), re.IGNORECASE)
        number = int(head[1]) if head else labels.get(str(entry).strip().lower(), 0)
        if 1 <= number <= len(constitution.principles) and number not in found:
            found.append(number)
    return tuple(found)


def leaks(constitution: Constitution, shots: int) -> tuple[Leak, ...]:
    """What must not turn up in an answer: the frame of the dialogue, whole sentences of the
    exemplars' answers, the names and rows of numbers in them, and the tells they were given.

    The released code has such a list by hand, for its own exemplars; this one follows from whatever
    exemplars are shown.
    """
    frame = ["User:", constitution.closing, "(auto reply)", "(internal thoughts)"]
    found = [Leak(text, "frame") for text in frame if text]
    for exemplar in constitution.exemplars[:shots]:
        for turn in exemplar.turns:
            sentences = (s.strip() for s in re.split(r"(?<=[.?!])\s+|\n", turn.answer))
            found += [Leak(s, "phrase") for s in sentences if len(s.split()) >= _SENTENCE]
            # A capital in mid-sentence, twice in a row: the name of a person or a thing.
            names = re.findall(r"(?<=[a-z,] )[A-Z]\w+(?: [A-Z]\w+)+", turn.question)
            rows = re.findall(r"\d+(?:, \d+){2,}", turn.answer)
            found += [Leak(text, "tell") for text in (*names, *rows)]
        found += [Leak(text, "tell") for text in exemplar.tells]
    return tuple(dict.fromkeys(found))


_CITED = re.compile(r"\b(\d{1,4}) ?\(([^()\n]{1,60})\)")
_SENTENCE = 5
"""Words that make a sentence of an exemplar its own."""
