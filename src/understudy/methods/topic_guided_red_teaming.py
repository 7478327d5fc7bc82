"""Topic-guided red-teaming: questions that a model which only knows what it has read may get wrong.

Sun et al. 2023, "Principle-Driven Self-Alignment of Language Models from Scratch with Minimal Human
Supervision", section 3.1: the half of its prompts that Self-Instruct does not bring.
https://arxiv.org/abs/2305.03047

For each of twenty types of question the model lists topics, which grow from epoch to epoch, then
writes one question for each topic. What comes out is prompts, for `self_align`.

Departures: wording, topics and questions of the seeds are our own. A type stops growing at `topics`
(paper: nine epochs, of which the fifth's pool is used, about 5,000 topics for each type), and no
more prompts are sent than that takes. The end-of-text token is not banned, for which token that is
depends on the model. With `style=chat`, the default, the list is asked for in so many words; a line is
told by its number, not to the letter; a topic may begin with any letter that is no lower case; and
questions that are too similar to an earlier one are dropped (paper: only a second one for the same
type and topic). `style=reference` has the released code's completions and rules.
"""

from collections.abc import AsyncIterator, Sequence
from math import ceil
from random import Random
from typing import Annotated, Literal

from pydantic import Field, field_validator

from understudy.call.model import Model, gather
from understudy.methods import _red_team_prompts as prompts
from understudy.methods import method
from understudy.methods._red_team_prompts import Pair, RedTeamSeed
from understudy.methods._red_team_report import report
from understudy.methods._self_align_constitution import load
from understudy.methods._shared.requests import REFUSED, Refusal, try_request
from understudy.text.rouge import RougeIndex
from understudy.types import Example, Rejection, Sampling, Settings, Task, user


class Config(Settings):
    red_team: Literal["shipped"] | Annotated[tuple[RedTeamSeed, ...], Field(min_length=1)] = (
        "shipped"
    )
    """Types with a topic and a question each: your own as a YAML file (paper: 20)."""
    style: Literal["chat", "reference"] = "chat"
    """`chat` for instruction-tuned models; `reference`: the paper's completions, for base models."""
    topics: int = Field(default=20, ge=1)
    """Most topics for each type."""
    epochs: int = Field(default=5, ge=0)
    """Most rounds of asking for topics (paper: the fifth of nine was used)."""
    alone: int = Field(default=10, ge=0)
    """With fewer known topics than this each is shown alone (released code: 10)."""
    shown: int = Field(default=5, ge=1)
    """Else so many are shown at once (released code: 5)."""
    max_words: int = Field(default=3, ge=1)
    """Of a topic (released code: 3)."""
    even: bool = True
    """Cut every type to the number of topics of the poorest (released code)."""
    examples: int = Field(default=5, ge=1)
    """Seed questions in a prompt (released code: 5)."""
    questions: int = Field(default=5, ge=1)
    """New questions that a prompt asks for (released code: 5)."""
    batch: int = Field(default=32, ge=1)
    """Prompts for questions under way at once (released code: 32)."""
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
    """With `style=chat`: questions whose ROUGE-L with an earlier one is above this are rejected (0.7 as
    in Self-Instruct); none are where unset."""
    pass_on: bool = True
    """Hand on the prompts that came in before the new questions, as the paper puts both into one set."""

    @field_validator("red_team", mode="before")
    @classmethod
    def _from_file(cls, value: object) -> object:
        return load(value) if isinstance(value, str) and value != "shipped" else value


@method(paper="arXiv:2305.03047", report=report, seeds="builtin:self_align")
async def topic_guided_red_teaming(
    tasks: Sequence[Task], teacher: Model, rng: Random, config: Config
) -> AsyncIterator[Example | Rejection]:
    """Questions without answers, each with its `type` and `topic` in `meta`."""
    seeds = prompts.shipped() if config.red_team == "shipped" else config.red_team
    for task in tasks if config.pass_on else ():
        yield Example(
            messages=task.conversation, reference=task.reference, choices=task.choices,
            tests=task.tests, meta=task.meta,
        )  # fmt: skip
    topics: dict[str, list[str]] = {seed.type: [] for seed in seeds}
    for seed in seeds:
        topics[seed.type].append(seed.topic)
    for _ in range(config.epochs):
        for rejection in await grow(topics, teacher, rng, config):
            yield rejection
    done = {Pair(seed.type, seed.topic) for seed in seeds}
    wanted = [pair for pair in prompts.pairs(topics, even=config.even) if pair not in done]
    rng.shuffle(wanted)
    earlier, limit = RougeIndex(), None if config.style == "reference" else config.max_similarity
    for question in (*(task.question for task in tasks), *(seed.question for seed in seeds)):
        earlier.add(question)
    async for pair, question in write(wanted, seeds, teacher, rng, config):
        if pair is None:
            yield Rejection(reason=REFUSED, meta={"error": question})
            continue
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
    """One epoch: every type gets further topics. Returns the lines that were none."""
    sampling = Sampling(
        temperature=config.temperature,
        top_p=config.top_p_topics,
        max_tokens=config.max_tokens_topics,
    )
    kinds, sent, reference = list[str](), list[str](), config.style == "reference"
    for kind, known in topics.items():
        for shown in shows(known, rng, config):
            kinds.append(kind)
            sent.append(prompts.topics_prompt(kind, shown, reference=reference))
    replies = await gather(try_request(teacher, prompt, sampling, raw=reference) for prompt in sent)
    rejected = list[Rejection]()
    for kind, reply in zip(kinds, replies, strict=True):
        if isinstance(reply, Refusal):
            meta = {"type": kind, "error": reply.error}
            rejected.append(Rejection(reason=REFUSED, meta=meta))
            continue
        known = topics[kind]
        seen = {topic.lower() for topic in known}
        for topic in prompts.read_topics(reply.text):
            reason = prompts.fault_of_topic(topic, config.max_words)
            if not reason and topic.lower() in seen:
                reason = "known topic"
            if reason:
                rejected.append(Rejection(reason=reason, meta={"type": kind, "topic": topic}))
            elif len(known) < config.topics:
                seen.add(topic.lower())
                known.append(topic)
    return rejected


def shows(known: list[str], rng: Random, config: Config) -> list[list[str]]:
    """The known topics that the prompts of an epoch show, a list for each prompt: as many prompts as
    topics, and no more than the missing ones take."""
    needed = max(0, ceil((config.topics - len(known)) / TOPICS_PER_PROMPT))
    if len(known) < config.alone:
        return [[topic] for topic in known][:needed]
    shown = min(config.shown, len(known))
    return [rng.sample(known, shown) for _ in known[:needed]]


async def write(
    wanted: Sequence[Pair],
    seeds: Sequence[RedTeamSeed],
    teacher: Model,
    rng: Random,
    config: Config,
) -> AsyncIterator[tuple[Pair | None, str]]:
    """Questions with what they are about, in the order in which they were asked for; without, what an
    endpoint said that refused a request."""
    sampling = Sampling(
        temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens
    )
    reference, each = config.style == "reference", config.questions
    groups = [wanted[i : i + each] for i in range(0, len(wanted), each)]
    for start in range(0, len(groups), config.batch):
        batch = groups[start : start + config.batch]
        shown = [rng.sample(list(seeds), min(config.examples, len(seeds))) for _ in batch]
        sent = [
            prompts.questions_prompt(examples, group, reference=reference)
            for examples, group in zip(shown, batch, strict=True)
        ]
        replies = await gather(try_request(teacher, p, sampling, raw=reference) for p in sent)
        for examples, group, reply in zip(shown, batch, replies, strict=True):
            if isinstance(reply, Refusal):
                yield None, reply.error
                continue
            first = len(examples) + 1
            for found in prompts.read_questions(reply, group, first, reference=reference):
                yield found


TOPICS_PER_PROMPT = 10
"""That the prompt asks for."""
