"""Connections to a journal, of which the format is checked first."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from effects import effect

from understudy.errors import RunFolderError
from understudy.journal.connect import check_format, connect_reader, connect_writer
from understudy.journal.read import Records
from understudy.journal.schema import APPLICATION, FORMAT
from understudy.journal.write import SqliteJournal


def test_a_file_that_is_no_journal_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "j.db").write_bytes(b"not a database " * 100)
    with pytest.raises(
        RunFolderError, match=r"j\.db: the journal is damaged: file is not a database"
    ):
        SqliteJournal(tmp_path / "j.db")
    with pytest.raises(RunFolderError, match="unable to open database file"):
        SqliteJournal(tmp_path / "nowhere" / "j.db")


async def test_commits_are_flushed_to_the_disk(tmp_path: Path) -> None:
    connection = connect_writer(tmp_path / "j.db", fresh=True)
    assert connection.execute("pragma synchronous").fetchone() == (2,)  # full
    assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
    connection.close()


@pytest.fixture
async def journal(tmp_path: Path) -> Path:
    """A journal with three calls."""
    path = tmp_path / "journal.db"
    own = SqliteJournal(path)
    await own.put([effect(i) for i in range(3)])
    await own.close("done")
    return path


@pytest.mark.parametrize("opening", [Records, lambda p: SqliteJournal(p, fresh=False)])
def test_a_lost_or_emptied_journal_is_never_begun_anew(
    opening: Callable[[Path], Any], tmp_path: Path
) -> None:
    path = tmp_path / "journal.db"
    with pytest.raises(RunFolderError, match=r"expected the run's journal, found no file\."):
        opening(path)
    assert not path.exists()
    path.touch()
    with pytest.raises(RunFolderError, match=r"expected the run's journal, found an empty file\."):
        opening(path)


@pytest.mark.parametrize("opening", [Records, SqliteJournal])
def test_another_format_is_named(opening: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    db = sqlite3.connect(path)
    db.executescript("create table calls (id); create table rows (id); create table sessions (id);")
    db.close()
    with pytest.raises(
        RunFolderError, match="expected a journal of format 2, found format 1, which"
    ):
        opening(path)
    db = sqlite3.connect(path)
    db.executescript("drop table calls; pragma application_id = 7;")
    db.close()
    with pytest.raises(RunFolderError, match="found another SQLite database"):
        opening(path)


@pytest.mark.parametrize("opening", [Records, SqliteJournal])
async def test_a_newer_format_is_named(opening: Callable[[Path], Any], journal: Path) -> None:
    db = sqlite3.connect(journal)
    db.execute("pragma user_version = 3")
    db.close()
    with pytest.raises(RunFolderError, match="found format 3, which another version"):
        opening(journal)


def deny(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a read-only disk, which the tests' own user, root, is otherwise not kept from."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)


def test_a_journal_on_a_read_only_disk_can_be_read(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny(monkeypatch)
    before = sorted(journal.parent.iterdir())
    records = Records(journal)
    assert len(list(records.calls())) == 3
    records.close()
    assert sorted(journal.parent.iterdir()) == before


async def test_rows_in_a_log_that_cannot_be_read_are_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("journal.db", "journal.db-wal"):
        (copy / name).write_bytes((tmp_path / name).read_bytes())
    await journal.close("done")
    deny(monkeypatch)
    with pytest.raises(RunFolderError, match="Copy the folder to another disk"):
        Records(copy / "journal.db")


def test_what_is_made_anew_is_a_journal_of_this_format(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    connection = connect_writer(path, fresh=True)
    check_format(connection, path)
    assert connection.execute("pragma application_id").fetchone() == (APPLICATION,)
    assert connection.execute("pragma user_version").fetchone() == (FORMAT,)
    connection.close()


def test_an_empty_file_of_a_fresh_run_becomes_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    path.touch()
    connect_writer(path, fresh=True).close()
    connect_reader(path).close()


def test_a_journal_that_is_there_is_opened_as_it_is_by_a_fresh_run_too(journal: Path) -> None:
    connection = connect_writer(journal, fresh=True)
    assert connection.execute("select count(*) from effects").fetchone() == (3,)
    connection.close()


def test_a_reader_does_not_write_even_where_the_disk_allows_it(journal: Path) -> None:
    connection = connect_reader(journal)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("delete from effects")
    connection.close()


def test_a_journal_whose_name_has_the_signs_of_an_address_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "a?b#c%20.db"
    connect_writer(path, fresh=True).close()
    connect_reader(path).close()
    assert path.is_file()
