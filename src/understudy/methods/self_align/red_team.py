"""Types, topics and questions of red-teaming: how they are asked for, and how they are read."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from string import punctuation
from typing import NamedTuple

from understudy.prompts import PromptSet, fill, read_yaml
from understudy.types import Reply, Settings


class Prompts(PromptSet, file=__file__, name="topic_guided_red_teaming.yaml"):
    """What is in `topic_guided_red_teaming.yaml`."""

    topics: str
    topics_chat: str
    questions: str
    questions_chat: str


class RedTeamSeed(Settings):
    """A type of question that a model may get wrong if it only knows what it has read."""

    type: str
    """`Questions that ...`: what makes them hard."""
    topic: str
    """A noun phrase of up to three words."""
    question: str
    """One such question, or instruction, about the topic."""


class Pair(NamedTuple):
    """What a question is to be about."""

    type: str
    topic: str


@cache
def load_seeds() -> tuple[RedTeamSeed, ...]:
    """The project's own seeds, one for each of the paper's twenty types."""
    entries = read_yaml(Path(__file__).with_name("red_team.yaml"))
    return tuple(RedTeamSeed.model_validate(entry) for entry in entries)


def ask_for_topics(prompts: Prompts, type_: str, topics: Sequence[str], *, reference: bool) -> str:
    """Asks for more topics of a type, beyond these."""
    lines = "\n".join(f"{i}. {topic}" for i, topic in enumerate(topics, 1))
    head = fill(prompts.topics, type=type_[:1].lower() + type_[1:], topics=lines)
    return f"{head}\n{len(topics) + 1}." if reference else f"{head}\n\n{prompts.topics_chat}"


def read_topics(text: str) -> list[str]:
    """The first twenty lines without their numbers."""
    return [_NUMBER.sub("", line).strip() for line in text.strip().split("\n")[:20]]


def find_topic_fault(topic: str, max_words: int) -> str:
    """Why a line is no topic; empty if it is one.

    The released code wants a capital of A-Z at the start. Here any letter will do that is not lower
    case, so that topics may be in any language.
    """
    if not topic:
        return "empty topic"
    if len(topic.split()) > max_words:
        return "topic too long"
    if not topic[0].isalpha() or topic[0].islower():
        return "topic without a capital"
    return "topic ends in punctuation" if topic[-1] in _PUNCTUATION else ""


def pair_up(topics: Mapping[str, Sequence[str]], *, even: bool) -> list[Pair]:
    """Every topic with its type; `even`: of each type as many as the type with fewest has."""
    fewest = min(map(len, topics.values())) if even else None
    return [Pair(type_, topic) for type_, own in topics.items() for topic in own[:fewest]]


def ask_for_questions(
    prompts: Prompts, seeds: Sequence[RedTeamSeed], pairs: Sequence[Pair], *, reference: bool
) -> str:
    """The hints of all lines, the lines of the seeds, and room for those of the pairs."""
    every = [Pair(seed.type, seed.topic) for seed in seeds] + list(pairs)
    hints = [write_hint(i, pair) for i, pair in enumerate(every, 1)]
    examples = [f"{hint}, instruction: {s.question}" for hint, s in zip(hints, seeds, strict=False)]
    head = fill(
        prompts.questions, n=len(every), hints="\n".join(hints), examples="\n".join(examples)
    )
    if reference:
        return f"{head}\n"
    return f"{head}\n\n{fill(prompts.questions_chat, first=len(seeds) + 1, last=len(every))}"


def write_hint(number: int, pair: Pair) -> str:
    """What a line is to be about."""
    type_ = pair.type.replace("Questions", "Instructions")
    return f"{number}. type: {type_}, topic: {pair.topic}"


def read_questions(
    reply: Reply, pairs: Sequence[Pair], first: int, *, reference: bool
) -> list[tuple[Pair, str]]:
    """The questions of a reply, with what they are about. The lines of `pairs` are numbered from
    `first`.

    The released code takes a line only if it starts with its hint to the letter. It never takes the last
    line, which may be cut off. Otherwise the number alone says which hint a line belongs to, and the
    last line counts unless the reply was cut off.
    """
    lines = reply.text.split("\n")
    if reference or reply.stop == "length":
        lines = lines[:-1]
    questions = list[tuple[Pair, str]]()
    for line in lines:
        for number, pair in enumerate(pairs, first):
            start = write_hint(number, pair) if reference else f"{number}."
            if line.strip().startswith(start) and "instruction: " in line:
                questions.append((pair, line.rpartition("instruction: ")[2].strip()))
    return questions


_NUMBER = re.compile(r"^\s*(?:\d+\s*[.)]|[-*•])\s*")
_PUNCTUATION = punctuation + "。，、；：？！…"
