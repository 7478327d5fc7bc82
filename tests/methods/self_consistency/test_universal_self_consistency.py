"""Universal Self-Consistency: which of several free texts is taken."""

from typing import Any

import pytest
from inline_snapshot import snapshot

from understudy.call.model import Model
from understudy.methods.self_consistency.universal_self_consistency import (
    Config,
    universal_self_consistency,
)
from understudy.providers.scripted import Scripted
from understudy.types import Example, Rejection, Reply, Task, user

TASK = Task(id="t", prompt="What is 3 + 4?", reference="7", meta={"source": "hand"})


async def run(teacher: Scripted, **settings: Any) -> Example | Rejection:
    return await universal_self_consistency(TASK, Model.over("m", teacher), Config(**settings))


async def one(teacher: Scripted, **settings: Any) -> Example:
    made = await run(teacher, **settings)
    assert isinstance(made, Example)
    return made


async def test_the_model_picks_among_free_texts() -> None:
    teacher = Scripted([[" a haiku ", "a sonnet", "a limerick"],
                        "The most consistent response is Response 1, as it ..."])  # fmt: skip
    made = await one(teacher, samples=3)
    assert made.answer == "a sonnet"
    assert made.messages[0] == user("What is 3 + 4?")
    assert (made.meta["chosen"], made.meta["fallback"], made.meta["responses"]) == (1, False, 3)
    assert teacher.calls[1].request.sampling.temperature == 0
    assert teacher.calls[1].request.messages[0].text == snapshot("""\
I have generated the following responses to the question: What is 3 + 4?

Response 0: a haiku

Response 1: a sonnet

Response 2: a limerick

Evaluate these responses.
Select the most consistent response based on majority consensus.
Start your answer with "The most consistent response is Response X" (without quotes).\
""")


@pytest.mark.parametrize(
    ("verdict", "chosen"),
    [
        ("The most consistent response is Response 2", "c"),
        ("the most consistent response is 2.", "c"),
        ("The most consistent response is Response [1].", "b"),
        ("The most consistent response is Response 3", None),
        ("The most consistent response is Response 99999999999999999999", None),
        ("They all agree.", None),
        ("", None),
    ],
)
async def test_where_the_model_names_none_the_first_is_taken_and_that_is_told(
    verdict: str, chosen: str | None
) -> None:
    made = await one(Scripted([["a", "b", "c"], verdict]), samples=3)
    assert made.answer == (chosen or "a")
    assert made.meta["fallback"] == (chosen is None)


async def test_only_complete_texts_are_offered() -> None:
    cut, empty = Reply(text="b", stop="length"), Reply(text=" ")
    unsaid = Reply(text="c", stop="unknown")  # many servers give no reason
    teacher = Scripted([["a", cut, empty, unsaid], "The most consistent response is Response 1"])
    assert (await one(teacher, samples=4)).answer == "c"
    made = await run(Scripted([[cut, empty]]), samples=2)
    assert isinstance(made, Rejection)
    assert made.reason == "no complete reply"


async def test_one_reply_needs_no_choice() -> None:
    teacher = Scripted([["a haiku", ""]])
    made = await one(teacher, samples=2)
    assert (made.answer, len(teacher.calls)) == ("a haiku", 1)


async def test_the_criterion_is_in_question_and_answer() -> None:
    teacher = Scripted([["short", "long"], "The most detailed response is Response 1"])
    made = await one(teacher, samples=2, criterion="detailed")
    assert made.answer == "long"
    assert "Select the most detailed response" in teacher.calls[1].request.messages[0].text
