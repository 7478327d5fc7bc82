"""Understudy from Python: the same recipe, the same run folder, the same resume."""

import asyncio
from pathlib import Path
from typing import Any

from understudy.errors import ConfigError
from understudy.exports.export import export_all
from understudy.runs.attempt import Summary, execute
from understudy.runs.reader import Run
from understudy.runs.recipe import Recipe
from understudy.runs.resolve import resolve


async def run_async(**recipe: Any) -> Summary:
    """Run a recipe given as keywords (see `Recipe`), or go on with it, and write its exports.

    Raises:
        ConfigError: the recipe, the seeds or a key are wrong.
        RunFolderError: the run folder cannot be used.
    """
    summary = await execute(resolve(Recipe.of(recipe)))
    export_all(Run(summary.out))
    return summary


def run(**recipe: Any) -> Summary:
    """`run_async` for code that has no event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(run_async(**recipe))
    raise ConfigError(
        "understudy.run was called inside a running event loop (a notebook has one): write "
        "`await understudy.run_async(...)`."
    )


def open_run(path: str | Path) -> Run:
    """A run folder for reading: `.examples()`, `.rejections()`, `.failures()`."""
    return Run(Path(path))
