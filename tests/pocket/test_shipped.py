"""The weights that ship: their size, that they belong to their card, and that they do what it says."""

import asyncio
import json
from collections.abc import Sequence
from itertools import islice

import pytest

from understudy.data.read import read_tasks
from understudy.pocket.models import CARD, FILES, FOLDER
from understudy.pocket.weights import read_weights
from understudy.providers.pocket import Pocket
from understudy.text.answers.reading import grade
from understudy.types import (
    Call,
    Reply,
    Request,
    Sampling,
    Task,
    WireCall,
    user,
)

SHIPPED = json.loads((FOLDER / CARD).read_text())
ROLES = {"pocket": "teacher", "pocket:student": "student"}
TASKS = [task for task in islice(read_tasks("builtin:arithmetic"), 120) if isinstance(task, Task)]
FREE = (
    "Who wrote the first novel about the sea, and why?",
    "List the pros and cons of electric cars.",
    "Please write a polite complaint about a late parcel.",
    "Explain to a child how clouds are made.",
)


async def asked(name: str, prompts: Sequence[str], notices: list[str]) -> list[Reply]:
    pocket = Pocket(name, notice=notices.append)
    sampling = Sampling(temperature=0, max_tokens=160)
    requests = [Request(model=name, messages=(user(p),), sampling=sampling) for p in prompts]
    replies = await asyncio.gather(
        *(pocket(WireCall.of(Call(request=request))) for request in requests)
    )
    await pocket.close()
    return [reply for (reply,) in replies]


def test_both_models_together_take_at_most_six_megabytes() -> None:
    assert sum((FOLDER / file).stat().st_size for file in FILES.values()) <= 6e6


@pytest.mark.parametrize("name", FILES)
def test_the_card_is_that_of_the_weights(name: str) -> None:
    made, weights = SHIPPED["made"][ROLES[name]], read_weights(FOLDER / FILES[name])
    assert {key: made[key] for key in weights.card} == weights.card
    assert made["bytes"] == (FOLDER / FILES[name]).stat().st_size
    assert made["parameters"] == weights.parameters


def test_every_target_of_the_card_is_met() -> None:
    assert [row["target"] for row in SHIPPED["targets"] if not row["met"]] == []


@pytest.mark.parametrize(
    ("name", "least", "most"), [("pocket", 0.5, 0.75), ("pocket:student", 0, 0.2)]
)
async def test_the_built_in_problems_are_neither_too_easy_nor_too_hard(
    name: str, least: float, most: float
) -> None:
    notices = list[str]()
    replies = await asked(name, [task.prompt for task in TASKS], notices)
    right = sum(grade(r.text, str(t.reference)) for r, t in zip(replies, TASKS, strict=True))
    assert least <= right / len(TASKS) <= most
    assert notices == []


async def test_prompts_unlike_its_training_are_told_once() -> None:
    notices = list[str]()
    await asked("pocket", FREE, notices)
    assert len(notices) == 1
    assert "expect nonsense" in notices[0]
