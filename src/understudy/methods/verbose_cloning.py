"""Verbose cloning: the aligned student gives long answers, which the next student learns as its own.

Sun et al. 2023, "Principle-Driven Self-Alignment of Language Models from Scratch with Minimal Human
Supervision", section 3.4. https://arxiv.org/abs/2305.03047

The teacher is the student that `self_align` gave; the tasks are all prompts, those included whose answer
was filtered out there.

Departures: persona, introduction and system messages are our own wording. The released code counts
n-grams while it samples (each repeated 3-gram costs a logit of 1, each 4-gram 2), which no endpoint
offers; `models.teacher.sampling.frequency_penalty` comes near. Prompts that name the authors have no
fixed answer. With `style=chat`, the default, code is never cut and a repeated sentence only where it
loops; an answer that was cut off loses its last sentence, not only its last word; no end marker is
put. `style=reference` is the released code's completion and filter.
"""

import re
from random import Random
from typing import Literal

from pydantic import Field

from understudy.call.model import Model
from understudy.methods import method
from understudy.methods._self_align_filter import (
    CLONING_BREAKS,
    END,
    cut_loop,
    cut_repeats,
    without_last_word,
)
from understudy.methods._self_align_prompts import ask
from understudy.types import (
    Example,
    Message,
    Rejection,
    Sampling,
    Settings,
    Task,
    assistant,
    system,
    user,
)


class Config(Settings):
    style: Literal["chat", "reference"] = "chat"
    """`chat` for instruction-tuned models; `reference`: a text to continue, and the released filter."""
    name: str = Field(default="Understudy", min_length=1)
    """What the assistant is called."""
    temperature: float = Field(default=0.3, ge=0)
    """Of answers (released code: 0.3)."""
    top_p: float = Field(default=0.7, gt=0, le=1)
    """Of answers (released code: 0.7)."""
    max_tokens: int = Field(default=512, ge=1)
    """Of an answer (released code: 512)."""
    min_characters: int = Field(default=128, ge=0)
    """Shorter answers are rejected where they were cut off (released code: 128)."""
    concise: str = "You are {name}, an assistant that answers to the point."
    """One of the two system messages of the examples, half of which have this one."""
    standard: str = "You are {name}, an assistant that answers helpfully and in full."
    """The other. Where one is empty, its half has no system message."""


@method(paper="arXiv:2305.03047", seeds="builtin:self_align")
async def verbose_cloning(
    task: Task, teacher: Model, rng: Random, config: Config
) -> Example | Rejection:
    """The question with a long answer, under one of two system messages."""
    sampling = Sampling(
        temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens
    )
    turns = [message for message in task.conversation if message.role != "system"]
    if config.style == "reference":
        sampling = Sampling(stop=("### User\n",)).over(sampling)
        reply = await ask(teacher, as_text(turns, config), sampling)
        ended = reply.stop == "end"
        answer = reference(reply.text.strip(), ended=ended)
    else:
        reply = await ask(teacher, as_messages(turns, config), sampling)
        ended = reply.stop == "end"
        answer = mended(reply.text.strip(), ended=ended)
    if reply.refusal or not answer.strip():
        return Rejection(reason="refusal" if reply.refusal else "empty answer", meta=task.meta)
    whole = answer.endswith(END) if config.style == "reference" else ended
    if not whole and len(answer) < config.min_characters:
        return Rejection(reason="too short", meta={**task.meta, "answer": answer})
    if word := next((leak for leak in leaks(config) if leak in answer), ""):
        return Rejection(reason="persona in the answer", meta={**task.meta, "leak": word})
    own = (config.concise, config.standard)[rng.randrange(2)].replace("{name}", config.name)
    return Example(
        messages=(*((system(own),) if own else ()), *turns, assistant(answer)),
        reference=task.reference,
        choices=task.choices,
        tests=task.tests,
        meta=task.meta,
    )


def as_messages(turns: list[Message], config: Config) -> list[Message]:
    """The persona as a system message, its introduction as the first exchange."""
    return [
        system(PERSONA.format(name=config.name)),
        user(GREETING),
        assistant(INTRODUCTION.format(name=config.name)),
        *turns,
    ]


def as_text(turns: list[Message], config: Config) -> str:
    """The same as one text to be continued."""
    speakers = {"user": "User", "assistant": f"{config.name} {TAG}"}
    said = [
        user(GREETING),
        assistant(INTRODUCTION.format(name=config.name)),
        *turns,
    ]
    parts = [f"### {speakers.get(m.role, 'User')}\n{m.text.strip()}" for m in said]
    persona = PERSONA.format(name=config.name)
    return "\n\n".join([persona, *parts, f"### {config.name} {TAG}\n"])


def reference(said: str, *, ended: bool) -> str:
    """The released code's cuts, in its order."""
    said = f"{said}\n\n### User\n" if ended and "### User\n" not in said else said
    said = cut_repeats(said, CLONING_BREAKS)
    whole, found, _ = said.partition("### User\n")
    answer = whole.strip() + END if found else without_last_word(said)
    return answer.partition(THIRTEENTH)[0]


def mended(said: str, *, ended: bool) -> str:
    """Without a loop, and where it was cut off without the sentence that is not whole."""
    answer = said if "```" in said else cut_loop(said)
    if ended or answer != said:
        return answer
    sentences = list(re.finditer(r"[.?!。？！](?=\s|$)|\n", answer))
    return answer[: sentences[-1].end()].strip() if sentences else ""


def leaks(config: Config) -> list[str]:
    """What gives away an encyclopedia, or the persona."""
    introduced = re.split(r"(?<=[.])\s+", INTRODUCTION.format(name=config.name))
    return ["## See also", "## External links", f"{config.name} {TAG}", *introduced[:2]]


THIRTEENTH = "\n13. "
"""A list that gets so far seldom ends: it is cut before this item (released code)."""

TAG = "(extensive)"

PERSONA = """\
You are {name}, here in its extensive mode: you know a great deal and like to share it. Your answers
are long and thorough. They explain the background, give reasons and examples, go through the matter
step by step or point by point, and end when everything worth saying is said."""

GREETING = "Hello! Who are you, and how do you answer?"

INTRODUCTION = (
    "I am {name} in my extensive mode, an assistant that would rather tell you too much than too "
    "little. When you ask me something, I look at it from several sides and write down all that may be "
    "of use to you. I begin with the answer itself, then come reasons, examples and the exceptions that "
    "matter. Where steps have to be taken, I list them in order; where opinions differ, I set them out "
    "side by side. What I do not know, I say so, and I help nobody to do harm. So, what would you like "
    "to know?"
)
