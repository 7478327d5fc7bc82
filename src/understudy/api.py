"""Understudy from Python: the same recipe, the same run folder, the same resume."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from understudy.errors import ConfigError
from understudy.exports.export import export_all
from understudy.runs.attempt import Summary, execute
from understudy.runs.reader import Run
from understudy.runs.recipe import Recipe
from understudy.runs.resolve import resolve
from understudy.types import Layer


async def run_async(*, layers: Sequence[Layer] = (), **recipe: Any) -> Summary:
    """Run a recipe given as keywords (see `Recipe`), or go on with it, and write its exports.

    `layers` stand around every model, the first outermost: each takes a `Generate` and returns one,
    e.g. to log, to redact or to replace calls. They see every call, also those that the journal
    answers.

    Raises:
        ConfigError: the recipe, the seeds or a key are wrong.
        RunFolderError: the run folder cannot be used.
    """
    summary = await execute(resolve(Recipe.of(recipe)), layers=layers)
    export_all(Run(summary.out))
    return summary


def run(*, layers: Sequence[Layer] = (), **recipe: Any) -> Summary:
    """`run_async` for code that has no event loop."""
    with suppress(RuntimeError):
        asyncio.get_running_loop()
        raise ConfigError(
            "understudy.run was called inside a running event loop (a notebook has one): write "
            "`await understudy.run_async(...)`."
        )
    return asyncio.run(run_async(layers=layers, **recipe))


def open_run(path: str | Path) -> Run:
    """A run folder for reading: `.examples()`, `.rejections()`, `.failures()`."""
    return Run(Path(path))
