"""A run that names no model is a run with the built-in one, and says so."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from understudy.cli import app as cli
from understudy.runs.attempt import execute
from understudy.runs.recipe import Recipe
from understudy.runs.resolve import ResolvedRecipe, resolve

SEEDS = [{"prompt": "Tom has 3 pens and buys 4. How many pens has he?", "reference": "7"}]


def recipe(out: Path, **fields: Any) -> ResolvedRecipe:
    steps = [{"self_consistency": {"samples": 3, "shots": 0, "max_tokens": 40}}]
    return resolve(Recipe.of({"seeds": SEEDS, "steps": steps, "out": str(out)} | fields))


async def test_the_built_in_model_stands_in_where_none_is_named(tmp_path: Path) -> None:
    said = list[str]()
    summary = await execute(recipe(tmp_path / "run"), notice=said.append)
    assert summary.status == "done"
    assert summary.tally.tokens_out > 0
    assert (summary.tally.cost, summary.tally.unpriced) == (0, 0)
    assert said[0].startswith("no model is set for teacher: using pocket")
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["recipe"]["models"]["teacher"]["model"] == "pocket"


async def test_it_may_be_named_as_well_and_has_room_in_any_budget(tmp_path: Path) -> None:
    said = list[str]()
    named = recipe(tmp_path / "run", models={"teacher": "pocket"}, budget=0)
    summary = await execute(named, notice=said.append)
    assert (summary.status, summary.failed) == ("done", 0)
    assert not any("no model is set" in text for text in said)
    again = await execute(recipe(tmp_path / "run"))
    assert again.tally.sent == 0  # the same recipe, spelt out or not


def test_the_models_command_lists_them_in_honest_words() -> None:
    done = CliRunner().invoke(cli.app, ["models"])
    assert done.exit_code == 0
    for words in ("pocket:student", "openai:qwen3-8b@", "models are tiny", "research result"):
        assert words in done.output


def test_serving_an_unknown_model_is_told_in_words() -> None:
    done = CliRunner().invoke(cli.app, ["serve", "pocket:giant"])
    assert done.exit_code == 2
    assert "pocket, pocket:student, found 'pocket:giant'" in done.stderr
