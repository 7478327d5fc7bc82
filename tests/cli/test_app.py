"""The command line: parse, call, print."""

# ruff: noqa: E501 -- prompts and messages stand here as they are printed

import subprocess
import sys

import pytest
from commands import cli
from inline_snapshot import snapshot

from understudy.cli.app import app

COMMANDS = [
    "run", "plan", "show", "why", "export", "formats", "record", "methods", "prompts", "doctor", "models", "serve",
]  # fmt: skip


# Help


def test_the_help_lists_every_command() -> None:
    found = cli("--help")
    assert found.exit_code == 0
    assert found.stdout == snapshot("""\
Usage: understudy [OPTIONS] COMMAND [ARGS]...

  Turn a teacher model and a handful of seeds into training data that you can
  trust.

Options:
  --version  Print the version.
  --help     Show this message and exit.

Commands:
  run      Run a recipe, or continue it where it stopped.
  plan     Run a few seeds and extrapolate to all of them.
  show     Print what a run made: counts, reasons, cost.
  why      Explain a task's rows by the calls behind them.
  export   Write a run's examples in a trainer's format.
  formats  List the formats that export writes.
  record   Write a run's replies to a file, for recorded:FILE.
  methods  List methods and filters, or the settings of one.
  prompts  Print a method's prompts, to edit and run with prompts=FILE.
  doctor   Check what an endpoint really supports.
  models   List the built-in models and how to name others.
  serve    Serve a built-in model in OpenAI's dialect.
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
