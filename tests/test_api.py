"""Understudy from Python."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

import understudy
from understudy.errors import ConfigError

RECIPE: dict[str, Any] = {
    "seeds": [{"id": "t1", "prompt": "a"}],
    "models": {"teacher": "scripted:script.py:answer"},
    "steps": [{"self_consistency": {"samples": 2}}],
    "out": "out",
}


@pytest.fixture(autouse=True)
def script(own_folder: None) -> None:
    Path("script.py").write_text("def answer(call):\n    return 'The answer is 4.'\n")


def test_a_run_writes_its_exports() -> None:
    summary = understudy.run(**RECIPE)
    assert summary.status == "done"
    assert Path("out/data/train.jsonl").read_text().count("\n") == 1
    assert Path("out/report.html").is_file()


async def test_a_run_can_be_awaited() -> None:
    assert (await understudy.run_async(**RECIPE)).examples == 1


async def test_a_blocking_run_inside_a_loop_is_refused_with_the_cure() -> None:
    with pytest.raises(ConfigError, match=r"await understudy\.run_async"):
        understudy.run(**RECIPE)
    assert not await asyncio.to_thread(Path("out").exists)


def test_a_run_is_opened_by_its_path() -> None:
    summary = understudy.run(**RECIPE)
    for path in ("out", Path("out"), summary.out):
        (example,) = understudy.open_run(path).examples()
        assert example.id == "t1"


def test_a_wrong_recipe_is_told_in_words() -> None:
    with pytest.raises(ConfigError, match="candidates is now called max_seeds"):
        understudy.run(**RECIPE, candidates=5)
