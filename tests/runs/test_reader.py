"""A run folder opened for reading."""

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

import understudy
from understudy import open_run
from understudy.cli.app import app
from understudy.errors import ConfigError
from understudy.types import Example, Rejection

SCRIPT = """
def answer(call):
    return f"The answer is {'1' * int(call.task[1:])}."
"""


@pytest.fixture(autouse=True)
def finished(own_folder: None) -> None:
    """A run of ten tasks of which the filter rejects some."""
    Path("script.py").write_text(SCRIPT)
    Path("once.py").write_text(
        "from understudy import Example, Model, Task, method\n"
        "@method(paper='arXiv:0000.00000')\n"
        "async def once(task: Task, teacher: Model) -> Example:\n"
        "    return task.example(await teacher.ask(task.prompt))\n"
    )
    understudy.run(
        seeds=[{"id": f"t{i}", "prompt": "?"} for i in range(10)] + [{"x": 1}],
        models={"teacher": "scripted:script.py:answer"},
        steps=["./once.py:once", {"length": {"max_characters": 18}}],
        out="out",
    )


def test_examples_are_those_of_the_last_step_unless_another_is_named() -> None:
    run = open_run("out")
    assert [example.id for example in run.examples()] == ["t0", "t1", "t2", "t3"]
    assert [example.id for example in run.examples("once")] == [f"t{i}" for i in range(10)]
    assert run.labels == ["once", "length"]


def test_outcomes_are_examples_and_rejections_in_the_order_of_the_seeds() -> None:
    run = open_run("out")
    outcomes = list(run.outcomes("length"))
    assert [type(outcome) for outcome in outcomes] == [Example] * 4 + [Rejection] * 6
    assert len(list(run.outcomes("length", 3))) == 3


def test_rejections_and_failures_name_step_and_task() -> None:
    run = open_run("out")
    rejections = list(run.rejections())
    assert {(r["step"], r["reason"]) for r in rejections} == {("length", "answer too long")}
    assert [r["task"] for r in rejections] == [f"t{i}" for i in range(4, 10)]
    assert [(f["step"], f["error"]) for f in run.failures()] == [("seeds", "BrokenSeed")]


def test_a_sample_is_spread_over_the_examples_of_a_step() -> None:
    sample = open_run("out").sample("once", 3)
    assert [example.id for example in sample] == ["t0", "t3", "t6"]


def test_definitions_are_found_by_label_and_missing_files_are_none() -> None:
    definitions = open_run("out").definitions
    assert {label: d.kind for label, d in definitions.items() if d is not None} == {
        "once": "method", "length": "filter",
    }  # fmt: skip
    Path("once.py").unlink()
    assert open_run("out").definitions["once"] is None


def test_a_folder_without_a_run_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"expected a run folder with a run\.json, found none"):
        open_run(tmp_path / "empty")


def test_a_recipe_of_another_version_is_said_to_be_one() -> None:
    file = Path("out/run.json")
    facts = json.loads(file.read_text())
    facts["recipe"]["no_such_key"] = 1
    file.write_text(json.dumps(facts))
    with pytest.raises(ConfigError, match="expected a recipe of this version of Understudy"):
        open_run("out")


def make_old() -> None:
    """`out` as another version would have left it: its recipe and its journal are not ours."""
    file = Path("out/run.json")
    facts = json.loads(file.read_text())
    facts["recipe"]["patience"] = 60
    facts["fingerprint"]["patience"] = 60
    file.write_text(json.dumps(facts))
    with sqlite3.connect("out/journal.db") as db:
        db.execute("pragma user_version = 1")
    db.close()


@pytest.mark.parametrize(
    "command",
    [
        ["show", "out"], ["why", "out", "t1"], ["export", "out", "--to", "x.jsonl"],
        ["record", "out", "x.jsonl"], ["run", "recipe.yaml"],
        ["run", "recipe.yaml", "out=new", "reuse=[out]"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_command_names_the_format_of_another_versions_journal(command: list[str]) -> None:
    Path("recipe.yaml").write_text(
        "seeds: [{prompt: '?'}]\nmodels: {teacher: 'scripted:script.py:answer'}\n"
        "steps: ['./once.py:once']\nout: out\n"
    )
    make_old()

    result = CliRunner().invoke(app, command)

    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert "expected a journal of format 2, found format 1" in line
