"""Topic-guided red-teaming: questions that a model may get wrong if it only knows what it has read.

Sun et al. 2023, "Principle-Driven Self-Alignment of Language Models from Scratch with Minimal Human
Supervision", section 3.1: the half of its prompts that Self-Instruct does not bring.
https://arxiv.org/abs/2305.03047

For each of twenty types of question the model lists topics, more from epoch to epoch, and then writes
one question for each topic. What comes out is prompts, for `self_align`.

Departures: wording, topics and questions of the seeds are our own. A type stops growing at `topics`
(paper: nine epochs, of which the fifth's pool is used, about 5,000 topics for each type), and no more
prompts are sent than that takes. The end-of-text token is not banned, since it depends on the model.
With `style=chat`, the default, the list is asked for in words. A line is recognised by its number, not
to the letter. A topic may begin with any letter that is not lower case. Questions that are too similar
to an earlier one are dropped (paper: only a second one for the same type and topic). `style=reference`
has the released code's completions and rules.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from math import ceil
from pathlib import Path
from random import Random
from typing import Annotated, Literal, cast

from pydantic import Field, field_validator

from understudy.call.model import Model, gather
from understudy.methods import method
from understudy.methods._shared.requests import REFUSED, Refusal, try_request
from understudy.prompts import read_yaml
from understudy.text.rouge import RougeIndex
from understudy.types import Example, Rejection, Sampling, Settings, Task, user

from .red_team import (
    Pair,
    Prompts,
    RedTeamSeed,
    ask_for_questions,
    ask_for_topics,
    find_topic_fault,
    load_seeds,
    pair_up,
    read_questions,
    read_topics,
)


class Config(Settings):
    red_team: Literal["shipped"] | Annotated[tuple[RedTeamSeed, ...], Field(min_length=1)] = (
        "shipped"
    )
    """Types of question, with a topic and a question each (paper: 20); your own as a YAML file."""
    style: Literal["chat", "reference"] = "chat"
    """`chat` for instruction-tuned models; `reference`: the paper's completions, for base models."""
    topics: int = Field(default=20, ge=1)
    """Most topics for each type."""
    epochs: int = Field(default=5, ge=0)
    """Most rounds of asking for topics (paper: nine, of which the fifth's topics were used)."""
    alone: int = Field(default=10, ge=0)
    """While a type has fewer topics than this, a prompt shows one of them (released code: 10)."""
    shown: int = Field(default=5, ge=1)
    """Otherwise a prompt shows so many (released code: 5)."""
    max_words: int = Field(default=3, ge=1)
    """Of a topic (released code: 3)."""
    even: bool = True
    """Cut every type to the number of topics of the type that has fewest (released code)."""
    examples: int = Field(default=5, ge=1)
    """Seed questions in a prompt (released code: 5)."""
    questions: int = Field(default=5, ge=1)
    """New questions that a prompt asks for (released code: 5)."""
    batch: int = Field(default=32, ge=1)
    """Prompts for questions in flight at once (released code: 32)."""
    temperature: float = Field(default=1.0, ge=0)
    """Of topics and questions (paper: 1.0)."""
    top_p_topics: float = Field(default=0.98, gt=0, le=1)
    """Of topics (released code: 0.98)."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    """Of questions (released code: 0.95; paper: 0.98)."""
    max_tokens_topics: int = Field(default=128, ge=1)
    """Of a list of topics (released code: 128)."""
    max_tokens: int = Field(default=384, ge=1)
    """Of a reply with questions (released code: 384)."""
    max_similarity: float | None = Field(default=0.7, ge=0, le=1)
    """With `style=chat`: reject questions whose ROUGE-L with an earlier one is above this (0.7, as in
    Self-Instruct). If unset, none are rejected."""
    pass_on: bool = True
    """Put the prompts that came in before the new questions: the paper has both in one set."""
    prompts: Prompts = Field(default_factory=Prompts.load)
    """Your own texts, by the names in `topic_guided_red_teaming.yaml`."""

    @field_validator("red_team", mode="before")
    @classmethod
    def _load(cls, value: object) -> object:
        return read_yaml(Path(value)) if isinstance(value, str) and value != "shipped" else value


def report(rows: Iterable[Example | Rejection]) -> str:
    """New questions by type, and why lines of replies were no topics or questions."""
    types, reasons, others = Counter[str](), Counter[str](), 0
    for row in rows:
        if isinstance(row, Rejection):
            reasons[row.reason] += 1
        elif "topic" in row.meta and "type" in row.meta:
            types[cast("str", row.meta["type"])] += 1
        else:
            others += 1
    lines = [
        f"{types.total():,} questions of {len(types):,} types; {others:,} other prompts passed on"
    ]
    lines += [f"    {n:>5,} {type_}" for type_, n in types.most_common()]
    lines += [f"    {n:>5,} lines dropped: {reason}" for reason, n in reasons.most_common()]
    return "\n".join(lines)


@method(paper="arXiv:2305.03047", report=report, seeds="builtin:self_align")
async def topic_guided_red_teaming(
    tasks: Sequence[Task], teacher: Model, rng: Random, config: Config
) -> AsyncIterator[Example | Rejection]:
    """Questions without answers, each with its `type` and `topic` in `meta`."""
    seeds = load_seeds() if config.red_team == "shipped" else config.red_team
    for task in tasks if config.pass_on else ():
        yield task.example(task.conversation, **task.meta)
    topics: dict[str, list[str]] = {seed.type: [] for seed in seeds}
    for seed in seeds:
        topics[seed.type].append(seed.topic)
    for _ in range(config.epochs):
        for rejection in await grow(topics, teacher, rng, config):
            yield rejection
    done = {Pair(seed.type, seed.topic) for seed in seeds}
    pairs = [pair for pair in pair_up(topics, even=config.even) if pair not in done]
    rng.shuffle(pairs)
    earlier, limit = RougeIndex(), None if config.style == "reference" else config.max_similarity
    for question in (*(task.question for task in tasks), *(seed.question for seed in seeds)):
        earlier.add(question)
    async for outcome in write(pairs, seeds, teacher, rng, config):
        if isinstance(outcome, Refusal):
            yield Rejection(reason=REFUSED, meta={"error": outcome.error})
            continue
        pair, question = outcome
        reason = "no question" if not question else "second for its topic" if pair in done else ""
        if not reason and limit is not None and earlier.find_above(question, limit):
            reason = "like an earlier question"
        meta = {"type": pair.type, "topic": pair.topic}
        if reason:
            yield Rejection(reason=reason, meta=meta | {"question": question})
            continue
        done.add(pair)
        earlier.add(question)
        yield Example(messages=(user(question),), meta=meta)


async def grow(
    topics: dict[str, list[str]], teacher: Model, rng: Random, config: Config
) -> list[Rejection]:
    """One epoch: every type gets further topics. Returns the lines that were no topics."""
    sampling = Sampling(
        temperature=config.temperature,
        top_p=config.top_p_topics,
        max_tokens=config.max_tokens_topics,
    )
    reference = config.style == "reference"
    prompts = [
        (type_, ask_for_topics(config.prompts, type_, examples, reference=reference))
        for type_, own in topics.items()
        for examples in sample_topics(own, rng, config)
    ]
    replies = await gather(
        try_request(teacher, prompt, sampling, raw=reference) for _, prompt in prompts
    )
    rejections = list[Rejection]()
    for (type_, _), reply in zip(prompts, replies, strict=True):
        if isinstance(reply, Refusal):
            rejections.append(Rejection(reason=REFUSED, meta={"type": type_, "error": reply.error}))
            continue
        own = topics[type_]
        keys = {topic.lower() for topic in own}
        for topic in read_topics(reply.text):
            fault = find_topic_fault(topic, config.max_words)
            if not fault and topic.lower() in keys:
                fault = "known topic"
            if fault:
                rejections.append(Rejection(reason=fault, meta={"type": type_, "topic": topic}))
            elif len(own) < config.topics:
                keys.add(topic.lower())
                own.append(topic)
    return rejections


def sample_topics(topics: list[str], rng: Random, config: Config) -> list[list[str]]:
    """The topics that the prompts of an epoch show, a list for each prompt. There are as many prompts as
    topics, and no more than the missing topics take."""
    most = max(0, ceil((config.topics - len(topics)) / TOPICS_PER_PROMPT))
    if len(topics) < config.alone:
        return [[topic] for topic in topics][:most]
    k = min(config.shown, len(topics))
    return [rng.sample(topics, k) for _ in topics[:most]]


async def write(
    pairs: Sequence[Pair],
    seeds: Sequence[RedTeamSeed],
    teacher: Model,
    rng: Random,
    config: Config,
) -> AsyncIterator[tuple[Pair, str] | Refusal]:
    """Questions with what they are about, in the order of the requests, and refusals."""
    sampling = Sampling(
        temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens
    )
    reference, n = config.style == "reference", config.questions
    groups = [pairs[i : i + n] for i in range(0, len(pairs), n)]
    for start in range(0, len(groups), config.batch):
        batch = groups[start : start + config.batch]
        samples = [rng.sample(list(seeds), min(config.examples, len(seeds))) for _ in batch]
        prompts = [
            ask_for_questions(config.prompts, examples, group, reference=reference)
            for examples, group in zip(samples, batch, strict=True)
        ]
        replies = await gather(try_request(teacher, p, sampling, raw=reference) for p in prompts)
        for examples, group, reply in zip(samples, batch, replies, strict=True):
            if isinstance(reply, Refusal):
                yield reply
                continue
            first = len(examples) + 1
            for question in read_questions(reply, group, first, reference=reference):
                yield question


TOPICS_PER_PROMPT = 10
"""How many the prompt asks for."""
