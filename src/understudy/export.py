"""The files made from a run's journal: on demand, and at the end of every session."""

from importlib.metadata import version
from pathlib import Path

from understudy.data.card import CardFacts, Filter, MethodUse, ModelUse, card
from understudy.data.formats import Format
from understudy.data.write import write, write_rows
from understudy.errors import RunFolderError
from understudy.report import Run, cost

STAMP = "data/.exported"
"""Names the last row that the exports hold, so that a finished run does not write them again."""


def export_all(run: Run, *, again: bool = False) -> list[Path]:
    """Everything a run folder holds beside its journal: `data/train.jsonl` and `.parquet`,
    `rejected.jsonl`, `failures.jsonl` and the data set card. Returns what was written: nothing,
    unless `again`, where no row is newer than the files.

    Raises:
        RunFolderError: the disk did not take them; the journal is untouched.
    """
    newest, stamp = run.records.newest(), run.path / STAMP
    if not again and stamp.is_file() and stamp.read_text() == newest:
        return []
    data = run.path / "data"
    try:
        data.mkdir(exist_ok=True)
        write(run.examples(), data / "train.jsonl", "messages")
        write(run.examples(), data / "train.parquet", "messages")
        write_rows(run.rejected(), run.path / "rejected.jsonl")
        write_rows(run.failures(), run.path / "failures.jsonl")
        (run.path / "README.md").write_text(card(facts(run)))
        stamp.write_text(newest)
    except RunFolderError:
        raise
    except OSError as error:
        raise RunFolderError(
            f"{run.path}: the exports could not be written: {error.strerror}. The journal is safe; "
            f"make room, then: understudy export {run.path}"
        ) from error
    names = ("data/train.jsonl", "data/train.parquet", "rejected.jsonl", "failures.jsonl", "README.md")
    return [run.path / name for name in names]


def export(run: Run, file: Path, format: Format, step: str = "") -> int:
    """The examples of a step (the last by default) in one file; the number of rows."""
    return write(run.examples(step), file, format)
