"""The wording of Self-Debug."""

import re
from pathlib import Path

import pytest
from debug_bench import RIGHT, WRONG, code, one, talk

from understudy.errors import ConfigError
from understudy.methods.self_debug.prompts import Prompts
from understudy.providers.scripted import Scripted
from understudy.runs.recipe import Step, step_config


async def test_the_wording_can_be_replaced(tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text(
        "repair_outcome: '{outcome} Try again.'\ntest_returned: '{test}: got {actual}.'\n"
    )
    teacher = Scripted(code(WRONG, RIGHT))

    await one(teacher, prompts=str(own))

    assert talk(teacher).endswith("\n[user] assert f(3) == 6: got 4. Try again.")


def test_each_entry_has_the_places_that_are_filled() -> None:
    places = {
        name: sorted(re.findall(r"\{(\w+)\}", text))
        for name, text in Prompts.load()
        if re.search(r"\{\w+\}", text)
    }

    assert places == {
        "tests": ["prompt", "tests"],
        "translate": ["program"],
        "query": ["question", "tables"],
        "test_returned": ["actual", "test"],
        "test_raised": ["error", "test"],
        "test_failed": ["test"],
        "program_raised": ["error"],
        "query_returned": ["columns", "rows"],
        "trace": ["call"],
        "repair_outcome": ["outcome"],
        "repair_trace": ["outcome", "trace"],
    }


def test_asking_for_a_verdict_does_not_give_it_away() -> None:
    prompts = Prompts.load()

    for question in (prompts.verdict, prompts.verdict_query):
        assert question.endswith("?")
        assert not re.search(r"wrong|right|correct|error", question)


def test_an_entry_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigError, match="verdicts"):
        step_config(Step(use="self_debug", settings={"prompts": {"verdicts": "Well?"}}))
