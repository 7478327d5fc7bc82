"""The command line: parse, call, print.

A command is a function in one of the files beside this one, and stands in `COMMANDS`. It imports what
it needs when it runs, so that `understudy --help` takes no time.
"""

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from understudy.cli.endpoints import doctor, serve
from understudy.cli.folders import export, record, show, why
from understudy.cli.listings import formats, methods, models, prompts
from understudy.cli.running import plan, run

COMMANDS = (
    run, plan, show, why, export, formats, record, methods, prompts, doctor, models, serve,
)  # fmt: skip
"""In the order in which the help lists them."""

app = typer.Typer(
    name="understudy",
    help="Turn a teacher model and a handful of seeds into training data that you can trust.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in COMMANDS:
    app.command()(command)


def _version(print_it: bool) -> None:
    if print_it:
        from importlib.metadata import version

        print(version("understudy"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turn a teacher model and a handful of seeds into training data that you can trust."""
    del version


def main() -> None:
    """The `understudy` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, TextIOWrapper
        ):  # a terminal without UTF-8 shows the characters that it can
            stream.reconfigure(errors="backslashreplace")
    app()
