"""Commands that read a run folder: `show`, `why`, `export` and `record`."""

from pathlib import Path
from typing import Annotated

import typer

from understudy.cli.command import Folder, guard
from understudy.errors import ConfigError, nearest


@guard
def show(folder: Folder) -> None:
    """Print what a run made: counts, reasons, cost.

    Also the figures of its methods, and the failures."""
    from understudy.reports.text import render_text
    from understudy.runs.facts import collect
    from understudy.runs.reader import Run

    run = Run(folder)
    print(render_text(run, collect(run)))


@guard
def why(folder: Folder, task: Annotated[str, typer.Argument(help="A task's id.")]) -> None:
    """Explain a task's rows by the calls behind them.

    Says which calls were sent, which were reused, and what differed in those that were paid again."""
    from understudy.reports.why import why as account
    from understudy.runs.reader import Run

    print(account(Run(folder), task))


@guard
def export(
    folder: Folder,
    to: Annotated[
        Path | None,
        typer.Option(
            help="A .jsonl, .jsonl.gz or .parquet file (extra parquet); by default all exports."
        ),
    ] = None,
    format: Annotated[
        str, typer.Option(help="The shape of a row; understudy formats lists them.")
    ] = "messages",
    step: Annotated[str, typer.Option(help="A step's label; the last one by default.")] = "",
) -> None:
    """Write a run's examples in a trainer's format."""
    from understudy.exports.export import export as write_one
    from understudy.exports.export import export_all
    from understudy.exports.formats import find_format
    from understudy.runs.reader import Run

    run, kind = Run(folder), find_format(format)
    if step and step not in run.labels:
        raise ConfigError(f"no step {step!r}{nearest(step, run.labels)}")
    if to is None:
        for file in export_all(run, again=True):
            print(file)
    else:
        print(f"{to}: {write_one(run, to, kind, step):,} rows")


@guard
def record(folder: Folder, to: Annotated[Path, typer.Argument(help="A .jsonl file.")]) -> None:
    """Write a run's replies to a file, for recorded:FILE."""
    from understudy.providers.recorded import record as write_replies
    from understudy.runs.reader import Run

    print(f"{to}: {write_replies(Run(folder).records, to):,} replies")
