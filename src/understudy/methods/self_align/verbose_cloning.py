"""Verbose cloning: the aligned student gives long answers, which the next student learns as its own.

Sun et al. 2023, "Principle-Driven Self-Alignment of Language Models from Scratch with Minimal Human
Supervision", section 3.4. https://arxiv.org/abs/2305.03047

The teacher is the student that `self_align` gave. The tasks are all prompts, including those whose
answer was filtered out there.

Departures: persona, introduction and system messages are our own wording. The released code counts
n-grams while it samples (each repeated 3-gram costs a logit of 1, each 4-gram 2), which no endpoint
offers; `models.teacher.sampling.frequency_penalty` comes near. Prompts that name the authors have no
fixed answer. With `style=chat`, the default, code is never cut, and a repeated sentence is cut only if
it loops. An answer that was cut off loses its last sentence, not only its last word. No end marker is
added. `style=reference` is the released code's completion and filter.
"""

import re
from random import Random
from typing import Literal

from pydantic import Field

from understudy.call.model import Model
from understudy.methods import method
from understudy.prompts import PromptSet, fill
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

from .screening import CLONING_BREAKS, END, cut_last_word, cut_loop, cut_repeats


class Prompts(PromptSet, file=__file__, name="verbose_cloning.yaml"):
    """What is in `verbose_cloning.yaml`."""

    persona: str
    greeting: str
    introduction: str


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
    """Answers that were cut off and are shorter are rejected (released code: 128)."""
    concise: str = "You are {name}, an assistant that answers to the point."
    """The system message of half of the examples; if empty, that half has none."""
    standard: str = "You are {name}, an assistant that answers helpfully and in full."
    """The system message of the other half; if empty, that half has none."""
    prompts: Prompts = Field(default_factory=Prompts.load)
    """Your own texts, by the names in `verbose_cloning.yaml`."""


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
        reply = await teacher.complete(ask_for_completion(turns, config), sampling)
        answer = apply_released_cuts(reply.text.strip(), is_whole=reply.stop == "end")
        is_whole = answer.endswith(END)
    else:
        reply = await teacher.chat(ask_in_chat(turns, config), sampling)
        is_whole = reply.stop == "end"
        answer = cut(reply.text.strip(), is_whole=is_whole)
    if reply.refusal or not answer.strip():
        return Rejection(reason="refusal" if reply.refusal else "empty answer", meta=task.meta)
    if not is_whole and len(answer) < config.min_characters:
        return Rejection(reason="too short", meta={**task.meta, "answer": answer})
    if leak := next((leak for leak in list_leaks(config) if leak in answer), ""):
        return Rejection(reason="persona in the answer", meta={**task.meta, "leak": leak})
    head = (config.concise, config.standard)[rng.randrange(2)].replace("{name}", config.name)
    opening = (system(head),) if head else ()
    return task.example((*opening, *turns, assistant(answer)), **task.meta)


def ask_in_chat(turns: list[Message], config: Config) -> list[Message]:
    """The persona as a system message, its introduction as the first exchange."""
    prompts, name = config.prompts, config.name
    return [
        system(fill(prompts.persona, name=name)),
        user(prompts.greeting),
        assistant(fill(prompts.introduction, name=name)),
        *turns,
    ]


def ask_for_completion(turns: list[Message], config: Config) -> str:
    """The same as one text that is continued."""
    persona, *conversation = ask_in_chat(turns, config)
    speakers = {"user": "User", "assistant": f"{config.name} {TAG}"}
    parts = [f"### {speakers.get(m.role, 'User')}\n{m.text.strip()}" for m in conversation]
    return "\n\n".join([persona.text, *parts, f"### {config.name} {TAG}\n"])


def apply_released_cuts(text: str, *, is_whole: bool) -> str:
    """The released code's cuts, in its order."""
    text = f"{text}\n\n### User\n" if is_whole and "### User\n" not in text else text
    text = cut_repeats(text, CLONING_BREAKS)
    whole, mark, _ = text.partition("### User\n")
    answer = whole.strip() + END if mark else cut_last_word(text)
    return answer.partition(THIRTEENTH)[0]


def cut(text: str, *, is_whole: bool) -> str:
    """Without a loop; if it was cut off, without the last sentence, which is not whole."""
    answer = text if "```" in text else cut_loop(text)
    if is_whole or answer != text:
        return answer
    sentences = list(re.finditer(r"[.?!。？！](?=\s|$)|\n", answer))
    return answer[: sentences[-1].end()].strip() if sentences else ""


def list_leaks(config: Config) -> list[str]:
    """What gives away an encyclopedia, or the persona."""
    sentences = re.split(r"(?<=[.])\s+", fill(config.prompts.introduction, name=config.name))
    return ["## See also", "## External links", f"{config.name} {TAG}", *sentences[:2]]


THIRTEENTH = "\n13. "
"""A list that gets so far seldom ends: it is cut before this item (released code)."""

TAG = "(extensive)"
