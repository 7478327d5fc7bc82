"""The command line: parse, call, print."""

# ruff: noqa: E501 -- prompts and messages stand here as they are printed

import json
import subprocess
import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from typer.testing import CliRunner, Result

from understudy.cli.app import app
from understudy.filters import filters
from understudy.methods import methods

COMMANDS = [
    "run", "plan", "show", "why", "export", "formats", "record", "methods", "doctor", "models", "serve",
]  # fmt: skip

SCRIPT = """
from understudy.errors import BudgetExhausted, Rejected

def answer(call):
    return f"Thought {call.draw}. The answer is {len(call.task)}."

def refuses(call):
    raise Rejected("400")

def stops(call):
    raise BudgetExhausted("no money left")

def buggy(call):
    raise KeyError("bug")
"""


def cli(*args: str) -> Result:
    return CliRunner().invoke(app, list(args), prog_name="understudy")


def run(*flags: str, model: str = "answer") -> Result:
    Path("script.py").write_text(SCRIPT)
    Path("seeds.jsonl").write_text('{"id": "a", "prompt": "1 + 1?"}\n{"id": "bb", "prompt": "?"}\n')
    return cli(
        "run", "self_consistency", "seeds=seeds.jsonl", f"models.teacher=scripted:script.py:{model}",
        "samples=2", "shots=0", "out=out", *flags,
    )  # fmt: skip


# Help


def test_the_help_lists_every_command() -> None:
    found = cli("--help")
    assert found.exit_code == 0
    assert found.stdout == snapshot("""\
Usage: understudy [OPTIONS] COMMAND [ARGS]...

  Turn a teacher model and a handful of seeds into training data that can be
  trusted.

Options:
  --version  Print the version.
  --help     Show this message and exit.

Commands:
  run      Run a recipe, or go on with it: the same command continues where...
  plan     Run a few seeds and say what all of them would come to.
  show     What a run made: counts, reasons, cost, and the figures of its...
  why      Why a task's rows are what they are: the calls behind them, and...
  export   Write a run's examples to a file, in the shape that a trainer...
  formats  The formats that export writes, those of installed packages...
  record   Write every reply of a run to a file that `recorded:FILE` replays.
  methods  The methods and filters there are, and their settings.
  doctor   Check an endpoint: whether it answers, takes the key, and which...
  models   The built-in models and what they are, and how other models are...
  serve    Serve a built-in model as an endpoint of OpenAI's dialect, until...
""")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    found = cli(command, "--help")
    assert found.exit_code == 0
    assert found.stdout.startswith(f"Usage: understudy {command} ")
    assert found.stdout.count("\n") > 5


def test_the_tables_of_commands_are_complete() -> None:
    assert [
        command.callback.__name__ for command in app.registered_commands if command.callback
    ] == COMMANDS


def test_without_a_command_there_is_help_and_a_wrong_one_is_told() -> None:
    assert "Commands:" in cli().output
    wrong = cli("runn")
    assert wrong.exit_code == 2
    assert "No such command 'runn'" in wrong.stderr


# Commands


def test_a_run_is_made_shown_explained_and_exported() -> None:
    first = run()
    assert (first.exit_code, first.stdout) == (
        0,
        snapshot(
            "out: done; 2 examples, 0 rejected, 0 failed; 2 calls sent, 0 replies from the journal; cost unknown\n"
        ),
    )
    again = run()
    assert (again.exit_code, again.stdout) == (
        0,
        snapshot(
            "out: done; 2 examples, 0 rejected, 0 failed; 0 calls sent, 0 replies from the journal; cost unknown\n"
        ),
    )
    rows = [json.loads(line) for line in Path("out/data/train.jsonl").read_text().splitlines()]
    answers = [row["messages"][-1]["content"] for row in rows]
    assert answers == ["Thought 0. The answer is 1.", "Thought 0. The answer is 2."]

    assert "self_consistency                 2         0         0" in cli("show", "out").stdout
    assert "call as teacher, draw 1: sent in attempt 1" in cli("why", "out", "bb").stdout
    assert cli("export", "out", "--to", "x.jsonl", "--format", "alpaca").stdout == (
        "x.jsonl: 2 rows\n"
    )
    assert json.loads(Path("x.jsonl").read_text().splitlines()[0])["instruction"] == "1 + 1?"
    assert "out/data/train.parquet" in cli("export", "out").stdout
    assert cli("record", "out", "replies.jsonl").stdout == "replies.jsonl: 4 replies\n"


def test_a_plan_tries_a_few_and_the_run_goes_on_from_there() -> None:
    run("n=1")  # writes the files
    flags = ["self_consistency", "seeds=seeds.jsonl", "samples=2", "shots=0", "out=planned",
             "models.teacher=scripted:script.py:answer"]  # fmt: skip
    planned = cli("plan", *flags, "--tasks", "1")
    assert planned.exit_code == 0
    assert planned.stdout.startswith("1 of 2 seeds gave 1 examples, 0 rejected, 0 failed; 1 calls")
    assert "All 2: about 2 calls" in planned.stdout
    done = cli("run", *flags)
    assert "2 examples, 0 rejected, 0 failed; 1 calls sent" in done.stdout


def test_a_plan_of_a_run_that_went_further_counts_all_that_it_made() -> None:
    run("n=1")  # writes the files
    flags = ["self_consistency", "seeds=seeds.jsonl", "samples=2", "shots=0", "out=planned",
             "models.teacher=scripted:script.py:answer"]  # fmt: skip
    cli("run", *flags)
    planned = cli("plan", *flags, "--tasks", "1").stdout
    assert planned.startswith("2 of 2 seeds gave 2 examples")
    assert "All 2: about 2 calls" in planned
    assert "Time" not in planned, "no call was sent, so nothing is known of time"


def test_the_methods_and_filters_are_listed_and_described() -> None:
    listed = cli("methods").stdout
    for name in [*methods.names(), *filters.names()]:
        assert f"\n  {name} " in listed
        described = cli("methods", name)
        assert described.exit_code == 0
        for setting in (methods.get(name) or filters.get(name)).config.model_fields:  # type: ignore[union-attr]  # it is one of both
            assert f"\n  {setting}=" in described.stdout
    assert cli("methods", "length").stdout == snapshot("""\
length: Keeps answers of a sensible length.

  min_characters=1   (>= 0)
      Shorter answers are rejected; blanks around the answer do not count.
  max_characters=20000   (>= 1)
      Longer answers are rejected.
""")


def test_the_doctor_looks_at_this_machine_and_at_an_endpoint() -> None:
    Path("script.py").write_text(SCRIPT)
    assert "open files" in cli("doctor").stdout
    well = cli("doctor", "scripted:script.py:answer")
    assert well.exit_code == 0
    assert "[yes] reachable" in well.stdout
    ill = cli("doctor", "scripted:script.py:refuses")
    assert ill.exit_code == 1
    assert "[no]  reachable: no answer: 400" in ill.stdout


# Exit codes


def test_done_without_one_example_is_1() -> None:
    found = run(model="refuses")
    assert found.exit_code == 1
    assert "0 examples, 0 rejected, 2 failed" in found.stdout
    assert "understudy: 2 tasks failed; understudy show out says why." in found.stderr


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["sampels=3"], "no setting 'sampels'; did you mean 'samples'?"),
        (["seeds=none.jsonl"], "none.jsonl: expected a file, found none"),
        (["models.teacher=gpt-5"], "model 'gpt-5': expected provider:name[@base_url]"),
        (["out=seeds.jsonl/x"], "expected a folder that can be written, Not a directory"),
        (["budget=1"], "a budget needs the price of every model"),
    ],
)
def test_what_must_be_mended_before_a_run_is_2(flags: list[str], words: str) -> None:
    found = run(*flags)
    assert found.exit_code == 2
    assert words in found.stderr
    assert "Traceback" not in found.output


def test_another_recipe_in_the_same_folder_is_2_and_names_what_differs() -> None:
    run()
    found = run("samples=3")
    assert found.exit_code == 2
    assert "steps.0.settings.samples: 2 -> 3" in found.stderr
    assert "reuse='[out]'" in found.stderr
    assert run("samples=3", "out=other", "reuse=[out]").stdout.count("2 calls sent") == 1


@pytest.mark.parametrize(
    "command", [["show", "."], ["why", ".", "t"], ["export", "."], ["record", ".", "x"]]
)
def test_no_run_folder_is_2(command: list[str]) -> None:
    found = cli(*command)
    assert found.exit_code == 2
    assert "understudy: .: expected a run folder with a run.json, found none" in found.stderr


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["export", "out", "--format", "alpacca"], "no format 'alpacca'; did you mean 'alpaca'?"),
        (["export", "out", "--step", "lenght"], "no step 'lenght'; there are: self_consistency."),
        (
            ["export", "out", "--to", "x.jsonl", "--format", "preference"],
            "preference needs rejected turns that end with an answer; found none.",
        ),
        (["why", "out", "zz"], "has nothing of a task 'zz'"),
        (["methods", "self_refin"], "no method or filter 'self_refin'"),
    ],
)
def test_a_wrong_word_is_2(command: list[str], words: str) -> None:
    run()
    found = cli(*command)
    assert found.exit_code == 2
    assert words in found.stderr


def test_what_stops_a_run_that_can_go_on_is_3() -> None:
    found = run(model="stops")
    assert found.exit_code == 3
    assert "out: stopped; 0 examples" in found.stdout
    assert "understudy: no money left" in found.stderr


def test_a_bug_is_shown_with_its_traceback_and_the_task_it_broke() -> None:
    found = run(model="buggy")
    assert found.exit_code == 2
    assert 'File "' in found.stderr
    assert "understudy: self_consistency, task '" in found.stderr
    assert "KeyError: " in found.stderr
    assert "With on_error=row such a task becomes a failure row" in found.stderr


# Weight


HEAVY = [
    "aiohttp", "anthropic", "httpx", "jinja2", "json_repair", "jsonschema", "litellm", "msgspec",
    "numpy", "openai", "pyarrow", "pydantic", "requests", "rich", "sqlite3", "torch", "transformers",
    "typer", "yaml",
]  # fmt: skip


def loaded(code: str) -> set[str]:
    """The modules that are there after `code`, in a fresh process."""
    script = f"import sys; before = set(sys.modules); {code}; print(*(set(sys.modules) - before))"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(found.stdout.split())


def test_import_understudy_loads_next_to_nothing() -> None:
    modules = loaded("import understudy")
    assert len(modules) < 60
    assert not {name.split(".")[0] for name in modules} & set(HEAVY)


def test_help_loads_nothing_that_only_a_run_needs() -> None:
    modules = {name.split(".")[0] for name in loaded("import understudy.cli.app")}
    assert not modules & (set(HEAVY) - {"typer", "rich"})


def test_a_scripted_run_loads_no_network_and_no_arrays() -> None:
    code = "from understudy import Scripted, Model, method, rule, gather, Example, Task"
    modules = {name.split(".")[0] for name in loaded(f"{code}; import understudy.runs.attempt")}
    assert not modules & {
        "aiohttp",
        "pyarrow",
        "numpy",
        "torch",
        "transformers",
        "json_repair",
        "rich",
    }


def test_every_public_name_is_there() -> None:
    import understudy

    assert sorted(understudy.__all__) == understudy.__all__
    for name in understudy.__all__:
        assert getattr(understudy, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = understudy.nothing  # type: ignore[attr-defined]  # on purpose
