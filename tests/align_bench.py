"""A scripted teacher for Self-Align."""

import json
from typing import Any

from understudy.call.model import Model
from understudy.methods.self_align import Config, self_align
from understudy.providers.scripted import Scripted
from understudy.runs.recipe import Step, step_config
from understudy.types import Example, Rejection, Task

TASK = Task(id="t", prompt="Why are there tides?", meta={"source": "hand"})


SELF = "I am a helpful, ethical, and reliable assistant."


THOUGHT = f"{SELF} SECRET musing. The user asks about tides. I follow rule 2 (informative)."


ANSWER = "The moon pulls at the sea."


OWN = """\
name: Ada
about: "{name} helps in a library."
principles:
  - {label: quiet, text: Speak softly., brief: Be quiet.}
  - {label: kind, text: Be kind to readers.}
exemplars:
  - turns:
      - {question: "Where is the atlas?", thought: The user wants a map., principles: [kind],
         answer: It lies on the large table by the window.}
"""


def chat(answer: str = ANSWER, **fields: Any) -> str:
    return json.dumps({"thought": THOUGHT, "relevant_principles": [2], "answer": answer} | fields)


def brief(answer: str = ANSWER) -> str:
    return f" {THOUGHT}\n\nWatson: {answer}"


async def run(
    teacher: Scripted, task: Task = TASK, endpoint: str = "", **settings: Any
) -> Example | Rejection:
    config = step_config(Step(use="self_align", settings=settings))
    assert isinstance(config, Config)
    return await self_align(task, Model.over("m", teacher, endpoint=endpoint), config)


async def align(teacher: Scripted, task: Task = TASK, **settings: Any) -> Example:
    outcome = await run(teacher, task, **settings)
    assert isinstance(outcome, Example), outcome
    return outcome


async def reject(teacher: Scripted, task: Task = TASK, **settings: Any) -> Rejection:
    outcome = await run(teacher, task, **settings)
    assert isinstance(outcome, Rejection), outcome
    return outcome
