"""The files made from a run's journal: on demand, and at the end of every attempt."""

from pathlib import Path

from understudy.data.atomic import write_text
from understudy.data.optional import has_parquet
from understudy.errors import ConfigError, RunFolderError
from understudy.exports.formats import DEFAULT, Format
from understudy.exports.write import write, write_rows
from understudy.reports.card import render_card
from understudy.reports.page import render_page
from understudy.runs.facts import collect
from understudy.runs.reader import Run

STAMP = "data/.exported"
"""Holds the state of the run that the exports are of: a finished run does not write them again."""

PARQUET = "data/train.parquet"
OTHERS = ("data/train.jsonl", "rejected.jsonl", "failures.jsonl", "README.md", "report.html")


def export_all(run: Run, *, again: bool = False) -> list[Path]:
    """Write everything that a run folder holds beside its journal: `data/train.jsonl`, with the extra
    `parquet` also `train.parquet`, `rejected.jsonl`, `failures.jsonl`, the data set card and
    `report.html`. Returns the files that were written. These are none if nothing has changed since the
    last time, unless `again` is set.

    Raises:
        RunFolderError: the files could not be written; the journal is untouched.
    """
    state, stamp = _describe_state(run), run.path / STAMP
    fresh = stamp.is_file() and stamp.read_text(encoding="utf-8") == state
    if fresh and not again:
        return []
    data, parquet = run.path / "data", run.path / PARQUET
    files = [run.path / name for name in OTHERS]
    try:
        data.mkdir(exist_ok=True)
        write(run.examples(), data / "train.jsonl", DEFAULT)
        if has_parquet():
            write(run.examples(), parquet, DEFAULT)
            files.insert(1, parquet)
        elif not fresh:  # one that was written elsewhere, with the extra, would lack rows
            parquet.unlink(missing_ok=True)
        write_rows(run.rejections(), run.path / "rejected.jsonl")
        write_rows(run.failures(), run.path / "failures.jsonl")
        facts = collect(run)
        rows = "data/*.parquet" if parquet.is_file() else "data/*.jsonl"
        write_text(run.path / "README.md", render_card(facts, format=DEFAULT.name, files=rows))
        write_text(run.path / "report.html", render_page(run, facts))
        write_text(stamp, state)
    except RunFolderError:
        raise
    except OSError as error:
        raise RunFolderError(
            f"{run.path}: the exports could not be written: {error.strerror}. The journal is safe; "
            f"make room, then: understudy export {run.path}"
        ) from error
    return files


def _describe_state(run: Run) -> str:
    """Differs where the exports would: by rows, calls, and whether the run is finished."""
    calls = sum(total.sent + total.reused for total in run.records.totals())
    return f"{run.records.newest()}, {calls} calls, {run.records.attempts()[-1].status}"


def export(run: Run, file: Path, format: Format, step: str = "") -> int:
    """Write the examples of a step (the last by default) to one file. Returns the number of rows.

    Raises:
        ConfigError: the format cannot express one of them, or the file needs an extra that is
            missing; `file` is as it was.
    """
    try:
        return write(run.examples(step), file, format)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(str(error)) from error
