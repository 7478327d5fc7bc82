"""Verbose cloning: the persona's prompt, and what of a long answer is kept."""

from random import Random
from typing import Any

import pytest
from inline_snapshot import snapshot

from understudy.call.model import Model
from understudy.methods.self_align.verbose_cloning import (
    Config,
    Prompts,
    apply_released_cuts,
    ask_in_chat,
    cut,
    verbose_cloning,
)
from understudy.prompts import fill
from understudy.providers.scripted import Scripted
from understudy.types import Example, Rejection, Reply, Task, assistant, system, user

TASK = Task(id="t", prompt="Why are there tides?", reference="r", meta={"source": "hand"})
LONG = "The moon pulls at the sea, and the side that is nearer is pulled harder. " + "x" * 80 + "."
INTRODUCTION = fill(Prompts.load().introduction, name="Understudy")


async def run(reply: str | Reply, seed: int = 0, **settings: Any) -> Example | Rejection:
    teacher = Model.over("m", Scripted([reply]))
    return await verbose_cloning(TASK, teacher, Random(seed), Config(**settings))


async def test_the_persona_comes_before_the_question() -> None:
    teacher = Scripted([LONG])
    row = await verbose_cloning(TASK, Model.over("m", teacher), Random(0), Config())
    request = teacher.calls[0].request
    first, hello, introduction, question = request.messages
    assert first.text == snapshot("""\
You are Understudy, here in its extensive mode: you know a great deal and like to share it. Your answers
are long and thorough. They explain the background, give reasons and examples, go through the matter
step by step or point by point, and end when everything worth saying is said.\
""")
    assert (hello.role, introduction.role, question.text) == ("user", "assistant", TASK.prompt)
    assert introduction.text == INTRODUCTION
    sampling = request.sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (0.3, 0.7, 512)
    assert isinstance(row, Example)
    assert row.messages[1:] == (user(TASK.prompt), assistant(LONG))
    assert (row.reference, row.meta) == ("r", {"source": "hand"})


async def test_reference_is_one_text_and_ends_with_the_marker() -> None:
    teacher = Scripted([LONG])
    row = await verbose_cloning(
        TASK, Model.over("m", teacher), Random(0), Config(style="reference", name="Ada")
    )
    request = teacher.calls[0].request
    assert request.prompt.startswith("You are Ada, here")
    assert request.prompt.endswith("### User\nWhy are there tides?\n\n### Ada (extensive)\n")
    assert request.sampling.stop == ("### User\n",)
    assert isinstance(row, Example)
    assert row.answer == f"{LONG}\n\n### User\n"


async def test_examples_have_one_of_two_system_messages() -> None:
    heads = list[str]()
    for seed in range(20):
        row = await run(LONG, seed, name="Ada")
        assert isinstance(row, Example)
        heads.append(row.messages[0].text)
    assert set(heads) == {
        "You are Ada, an assistant that answers to the point.",
        "You are Ada, an assistant that answers helpfully and in full.",
    }
    bare = await run(LONG, concise="", standard="")
    assert isinstance(bare, Example)
    assert bare.messages[0] == user(TASK.prompt)


@pytest.mark.parametrize(
    ("reply", "settings", "reason"),
    [
        (Reply(text="The moon does. And the", stop="length"), {}, "too short"),
        (Reply(text="The moon does", stop="length"), {"style": "reference"}, "too short"),
        (Reply(text="The moon", stop="length"), {}, "empty answer"),
        (Reply(refusal="No."), {}, "refusal"),
        ("", {}, "empty answer"),
        (f"{LONG}\n## See also", {}, "persona in the answer"),
        (f"Understudy (extensive) says: {LONG}", {}, "persona in the answer"),
        (INTRODUCTION[:200], {}, "persona in the answer"),
    ],
)
async def test_every_rejection_has_its_reason(
    reply: str | Reply, settings: dict[str, Any], reason: str
) -> None:
    row = await run(reply, **settings)
    assert isinstance(row, Rejection)
    assert row.reason == reason


async def test_a_short_answer_that_is_whole_is_kept() -> None:
    assert isinstance(await run("The moon."), Example)
    assert isinstance(await run("The moon.", style="reference"), Example)


async def test_an_answer_that_was_cut_off_must_have_the_least_length() -> None:
    for n, kept in ((127, False), (128, True)):
        row = await run(Reply(text="x" * (n - 1) + ". And", stop="length"))
        assert isinstance(row, Example) == kept


def test_the_released_cuts() -> None:
    assert apply_released_cuts("The moon.", is_whole=True) == "The moon.\n\n### User\n"
    assert apply_released_cuts("The moon does it", is_whole=False) == "The moon does"
    assert apply_released_cuts("`a` and `b` and `a` again", is_whole=True) == "`a` and"
    assert apply_released_cuts("12. Ebb\n13. Flood", is_whole=True) == "12. Ebb"


def test_the_mended_cuts() -> None:
    assert cut("Ebb. Flood. The moon", is_whole=False) == "Ebb. Flood."
    code = "```\n" + "print('again')\n" * 4 + "```"
    assert cut(code, is_whole=True) == code
    assert cut("So it goes on. " + "The tide comes in. " * 3, is_whole=False) == (
        "So it goes on. The tide comes in."
    )


def test_a_tasks_own_system_message_gives_way() -> None:
    task = Task(messages=(system("Be short."), user("Hi")))
    turns = [message for message in task.conversation if message.role != "system"]
    assert [m.role for m in ask_in_chat(turns, Config())] == ["system", "user", "assistant", "user"]
