"""What can be wrong with a journal is said with what to do about it."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from understudy.errors import RunFolderError
from understudy.journal import faults

PATH = Path("run/journal.db")


def find_error(do: Callable[[], object]) -> sqlite3.Error:
    """What SQLite itself raises."""
    with pytest.raises(sqlite3.Error) as caught:
        do()
    return caught.value


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "j.db"
    db = sqlite3.connect(path)
    db.executescript("create table t (a); insert into t values (1);")
    db.close()
    return path


def full(path: Path) -> sqlite3.Error:
    db = sqlite3.connect(path)
    db.execute("pragma max_page_count = 2")
    error = find_error(lambda: db.execute("insert into t values (?)", (bytes(100_000),)))
    db.close()
    return error


def busy(path: Path) -> sqlite3.Error:
    one, other = sqlite3.connect(path), sqlite3.connect(path, timeout=0)
    one.execute("begin exclusive")
    error = find_error(lambda: other.execute("insert into t values (2)"))
    one.close()
    other.close()
    return error


def readonly(path: Path) -> sqlite3.Error:
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    error = find_error(lambda: db.execute("insert into t values (2)"))
    db.close()
    return error


def absent(path: Path) -> sqlite3.Error:
    return find_error(lambda: sqlite3.connect(path / "nowhere" / "j.db"))


def corrupt(path: Path) -> sqlite3.Error:
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    db = sqlite3.connect(path)
    error = find_error(lambda: db.execute("select * from t").fetchall())
    db.close()
    return error


def foreign(path: Path) -> sqlite3.Error:
    path.write_bytes(b"not a database" * 100)
    db = sqlite3.connect(path)
    error = find_error(lambda: db.execute("select * from t"))
    db.close()
    return error


Cause = Callable[[Path], sqlite3.Error]


@pytest.mark.parametrize(
    ("cause", "advice"),
    [
        (full, "cannot be used: database or disk is full. Make room"),
        (busy, "cannot be used: database is locked. Another program holds the file: end it"),
        (readonly, "a readonly database. Make the folder writable"),
        (absent, "unable to open database file. Check that the folder is there"),
        (corrupt, "is damaged: database disk image is malformed. Restore a copy"),
        (foreign, "is damaged: file is not a database. Restore a copy"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_an_error_of_sqlite_is_said_with_what_to_do(
    cause: Cause, advice: str, database: Path
) -> None:
    error = faults.explain(PATH, cause(database))
    assert isinstance(error, RunFolderError)
    assert str(error).startswith(f"{PATH}: the journal ")
    assert advice in str(error)


@pytest.mark.parametrize(
    ("cause", "advice"),
    [
        (full, "disk is full. What was written before is safe: make room, then run"),
        (busy, "locked. What was written before is safe: end the program that holds the file"),
        (corrupt, "is damaged: database disk image is malformed. Restore a copy"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_write_that_failed_is_said_with_what_is_safe(
    cause: Cause, advice: str, database: Path
) -> None:
    assert advice in str(faults.explain_write(PATH, cause(database)))


def test_a_bug_in_a_write_is_named_by_its_kind() -> None:
    error = faults.explain_write(PATH, OverflowError("too large"))
    assert "could not be written: OverflowError: too large" in str(error)
    assert "the same command goes on from there" in str(error)


def test_an_error_of_sqlite_without_a_code_means_damage() -> None:
    assert "is damaged: odd" in str(faults.explain(PATH, sqlite3.DatabaseError("odd")))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (faults.loss(PATH), "expected the run's journal, found no file"),
        (faults.emptiness(PATH), "expected the run's journal, found an empty file"),
        (faults.foreign_database(PATH), "found another SQLite database"),
        (faults.format_mismatch(PATH, 1, 2), "expected a journal of format 2, found format 1"),
        (faults.damage(PATH, "a row was changed"), "is damaged: a row was changed"),
    ],
)
def test_every_fault_is_one_line_that_names_the_file_and_ends_with_what_to_do(
    error: RunFolderError, words: str
) -> None:
    assert words in str(error)
    assert str(error).startswith(f"{PATH}: ")
    assert str(error).endswith("with out=FOLDER.")
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    "decode",
    [
        lambda: msgspec.json.decode(b"{"),
        lambda: msgspec.json.decode(b'"x"', type=int),
        lambda: b"\xff".decode(),
    ],
)
def test_what_cannot_be_decoded_is_damage(decode: Callable[[], object]) -> None:
    with (
        pytest.raises(RunFolderError, match="the journal is damaged") as caught,
        faults.reading(PATH),
    ):
        decode()
    assert caught.value.__cause__ is not None


def test_sqlite_errors_are_explained_where_the_journal_is_read(database: Path) -> None:
    error = foreign(database)
    with pytest.raises(RunFolderError, match="is not a database") as caught, faults.reading(PATH):
        raise error
    assert caught.value.__cause__ is error


def test_a_bug_passes_as_it_is() -> None:
    with pytest.raises(KeyError), faults.reading(PATH):
        raise KeyError("x")
