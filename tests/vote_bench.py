"""Runs Self-Consistency on scripted paths."""

from typing import Any

from understudy.call.model import Model
from understudy.methods.self_consistency import Config, self_consistency
from understudy.providers.scripted import Scripted
from understudy.types import Example, Rejection, Task

TASK = Task(id="t", prompt="What is 3 + 4?", reference="7", meta={"source": "hand"})
CHOICE = Task(id="c", prompt="Which is a prime?", choices=("four", "five"), reference="B")


UNREADABLE = "I cannot say.\nNor can anyone\nwho has thought about it for as long as I have."


def path(answer: object, thought: str = "Let me see.") -> str:
    return f"{thought} The answer is {answer}."


async def run(
    teacher: Scripted, task: Task = TASK, verifier: Scripted | None = None, **settings: Any
) -> Example | Rejection | list[Example]:
    models = Model.over("m", teacher), Model.over("v", verifier or Scripted([]), role="verifier")
    return await self_consistency(task, *models, Config(**settings))


async def one(teacher: Scripted, task: Task = TASK, **settings: Any) -> Example:
    outcome = await run(teacher, task, **settings)
    assert isinstance(outcome, Example)
    return outcome


async def several(teacher: Scripted, task: Task = TASK, **settings: Any) -> list[Example]:
    outcome = await run(teacher, task, **settings)
    assert isinstance(outcome, list)
    return outcome


async def rejected(teacher: Scripted, task: Task = TASK, **settings: Any) -> Rejection:
    outcome = await run(teacher, task, **settings)
    assert isinstance(outcome, Rejection)
    return outcome


def prompt(teacher: Scripted, call: int = 0) -> str:
    return teacher.calls[call].request.messages[-1].text
