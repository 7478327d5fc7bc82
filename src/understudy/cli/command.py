"""What all commands share: arguments, the way errors end, and messages on standard error."""

import asyncio
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

from understudy.errors import (
    ConfigError,
    Interrupted,
    MethodError,
    RunFolderError,
    UnderstudyError,
)

P = ParamSpec("P")

Target = Annotated[
    str,
    typer.Argument(metavar="RECIPE", help="A recipe (.yaml), or the name of a method."),
]
Flags = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="Settings that override the recipe's: budget=5 models.teacher=openai:gpt-5-mini",
    ),
]
Folder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]


def guard(command: Callable[P, int | None]) -> Callable[P, None]:
    """Print expected errors as a message, and exit with a code for their kind: 2 if the user must
    correct something first, 3 if the run stopped and can be continued."""

    @wraps(command)
    def run_command(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = command(*args, **kwargs)
        except UnderstudyError as error:
            if isinstance(error, MethodError):
                say(error.traceback)
            say(f"understudy: {error}")
            code = 2 if isinstance(error, ConfigError | MethodError | RunFolderError) else 3
            if isinstance(error, Interrupted):
                code = 128 + error.signal
        except (KeyboardInterrupt, asyncio.CancelledError):
            say("understudy: stopped. All replies so far are kept; the same command continues.")
            code = 130
        except BrokenPipeError:
            # The reader of our output has gone, so nobody would see a message.
            sys.stderr.close()
            code = 0
        raise typer.Exit(code or 0)

    return run_command


def say(line: str) -> None:
    """A message for the user, on standard error."""
    print(line, file=sys.stderr, flush=True)
