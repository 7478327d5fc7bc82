"""A scripted teacher for Self-Instruct."""

from collections.abc import Sequence
from random import Random
from typing import Any

from understudy.call.model import Model
from understudy.methods.self_instruct import Config, self_instruct
from understudy.methods.self_instruct.prompts import Prompts
from understudy.providers.scripted import Scripted
from understudy.types import Call, Example, Rejection, Reply, Task

SEEDS = [
    Task(
        id=f"s{i}",
        prompt=f"Seed {word} does the thing {i}.",
        meta={
            "instances": [{"input": f"in {i}" if i % 2 else "", "output": f"out {i}"}],
            "is_classification": i % 3 == 0,
        },
    )
    for i, word in enumerate(
        ["red", "green", "blue", "black", "white", "pink", "brown", "grey", "teal", "gold"]
    )
]


FRESH = [
    "Compose a limerick on tides.", "Name seven rivers in Peru.", "Rank those cheeses by age.",
    "Explain glaciers to my uncle.", "Invent two holiday games quickly.", "Convert miles into leagues.",
    "Defend an unpopular opinion politely.", "Count vowels within every word.",
]  # fmt: skip


class Teacher:
    """Answers by what it is asked; new tasks come one reply after another."""

    def __init__(self, *lists: str | Reply, labels: str = "No", instances: str = "") -> None:
        self.lists, self._labels = list(lists), labels
        self._instances = instances or "Example 1\nInput: a\nOutput: b"
        self.provider = Scripted(self._answer)
        self.model = Model.over("m", self.provider)

    def _answer(self, call: Call) -> str | Reply:
        text = prompt_of(call)
        if text.endswith("Is it classification?"):
            return self._labels
        if "Come up with a series" in text or "###" in text:
            return self.lists.pop(0) if self.lists else ""
        return self._instances

    def prompts(self, start: str) -> list[str]:
        return [text for call in self.provider.calls if start in (text := prompt_of(call))]


def prompt_of(call: Call) -> str:
    return call.request.prompt or call.request.messages[-1].text


async def run(
    teacher: Teacher, seeds: Sequence[Task] = SEEDS, judge: Model | None = None, **settings: Any
) -> tuple[list[Example], list[Rejection]]:
    config = Config.model_validate({"batch": 1, "ahead": 1, "patience": 2, **settings})
    models = teacher.model, judge or teacher.model
    rows = [row async for row in self_instruct(seeds, *models, Random(0), config)]
    rejections = [row for row in rows if isinstance(row, Rejection)]
    return [row for row in rows if isinstance(row, Example)], rejections


def numbered(*tasks: str, first: int = 9) -> str:
    return "\n".join([tasks[0], *(f"{i}. {t}" for i, t in enumerate(tasks[1:], first + 1))])


PROMPTS = Prompts.load()
