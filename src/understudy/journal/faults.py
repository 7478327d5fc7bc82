"""What can be wrong with a journal, as errors that say what to do."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from understudy.errors import RunFolderError

_RESTORE = "Restore a copy of the folder, or start a new run with out=FOLDER."
_NEXT = {
    "SQLITE_FULL": "Make room, then run the same command again.",
    "SQLITE_BUSY": "Another program holds the file: end it, then run the same command again.",
    "SQLITE_LOCKED": "Another program holds the file: end it, then run the same command again.",
    "SQLITE_READONLY": "Make the folder writable, then run the same command again.",
    "SQLITE_CANTOPEN": "Check that the folder is there and can be written.",
    "SQLITE_IOERR": "Check the disk, then run the same command again.",
}
"""What to do, by the kind of SQLite's error. All others mean that the file is damaged."""


def explain(path: Path, error: sqlite3.Error) -> RunFolderError:
    """The error to raise in place of SQLite's."""
    # An extended code (SQLITE_IOERR_WRITE) begins like its kind.
    name = getattr(error, "sqlite_errorname", "")
    for kind, advice in _NEXT.items():
        if name.startswith(kind):
            return RunFolderError(f"{path}: the journal cannot be used: {error}. {advice}")
    return damage(path, str(error))


def explain_write(path: Path, error: BaseException) -> RunFolderError:
    """The error for all callers that wait for a failed write."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return damage(path, str(error))
    reason, advice = str(error), "make room, then run the same command again."
    if not isinstance(error, sqlite3.Error):
        reason, advice = f"{type(error).__name__}: {error}", "the same command goes on from there."
    elif name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        advice = "end the program that holds the file, then run the same command again."
    return RunFolderError(
        f"{path}: the journal could not be written: {reason}. What was written before is safe: {advice}"
    )


def damage(path: Path, what: str) -> RunFolderError:
    """The error for a damaged journal: its bytes are not those that were written."""
    return RunFolderError(f"{path}: the journal is damaged: {what}. {_RESTORE}")


def loss(path: Path) -> RunFolderError:
    """The error for a run whose journal is missing."""
    return RunFolderError(
        f"{path}: expected the run's journal, found no file. Without it every call would be paid for "
        f"again. {_RESTORE}"
    )


def emptiness(path: Path) -> RunFolderError:
    """The error for a run whose journal is empty."""
    return RunFolderError(
        f"{path}: expected the run's journal, found an empty file. Without it every call would be "
        f"paid for again. {_RESTORE}"
    )


def foreign_database(path: Path) -> RunFolderError:
    """The error for a database that is not a journal."""
    return RunFolderError(
        f"{path}: expected a journal of Understudy, found another SQLite database. {_RESTORE}"
    )


def format_mismatch(path: Path, actual: int, expected: int) -> RunFolderError:
    """The error for a journal of another format."""
    return RunFolderError(
        f"{path}: expected a journal of format {expected}, found format {actual}, which another "
        "version of Understudy writes. Use that version, or start a new run with out=FOLDER."
    )


@contextmanager
def reading(path: Path) -> Generator[None]:
    """A context in which errors of SQLite and of decoders are raised as `RunFolderError`."""
    try:
        yield
    except sqlite3.Error as error:
        raise explain(path, error) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise damage(path, str(error)) from error
