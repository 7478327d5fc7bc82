"""The memory of a run: every reply that was paid for and every row that was made, in one SQLite file.

A method is replayed from its start after a crash; what it asks again is answered from here. An
effect is found by its *content* (step and task, role, request after all defaults, draw), never by its
position, so that loops, branches and concurrency need no bookkeeping, and an edit re-asks exactly
the calls whose content it changed. Two things are never journaled: failures, and anything that a
method has not been shown yet -- a reply is handed on only after the disk has it.

`docs/design/0001-journal.md` says what survives what.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from understudy.errors import RunFolderError
from understudy.journal import read as records
from understudy.journal.effect import Effect, Stored
from understudy.journal.insert import Inserts
from understudy.journal.read import Records
from understudy.journal.rows import Row
from understudy.journal.schema import APPLICATION, FORMAT, SCHEMA
from understudy.journal.writer import Writer


class SqliteJournal:
    """One run's file. Reads are made by the caller's thread, writes by one of its own."""

    def __init__(self, path: Path, reuse: Sequence[Path] = ()) -> None:
        """Opens or creates `path`; `reuse` are other runs' journals, read but never written."""
        self.path = path
        try:
            connection = _connect(path)
            self.attempt = _begin_attempt(connection)
            self.records = Records(path)
            self._reader = records.connect(path)
            self._others = [(str(other), records.connect(other)) for other in reuse]
        except sqlite3.Error as error:
            raise RunFolderError(
                f"{path}: {error}. Is the folder writable, the disk full?"
            ) from error
        # A journal without effects cannot answer any: a fresh run is spared the look-ups.
        self._answers = self._reader.execute("select 1 from effects limit 1").fetchone() is not None
        self._writer = Writer(connection, Inserts(connection, self.attempt), self.attempt)

    def get(self, key: bytes) -> Stored | None:
        """What came of the effect before, in this run or in one that is reused."""
        if self._answers and (row := self._reader.execute(GET, (key,)).fetchone()):
            return Stored(row[0], row[1])
        for name, other in self._others:
            if row := other.execute(GET, (key,)).fetchone():
                return Stored(row[0], row[1], name)
        return None

    def put(self, effects: Sequence[Effect]) -> "asyncio.Future[None]":
        """Done once all are on disk, in one transaction.

        Raises:
            RunFolderError: they could not be written. The run cannot go on.
        """
        # Draws are numbered, so that calls repeat none of this attempt; other effects may.
        if not self._answers and any(effect.kind != "call" for effect in effects):
            self._answers = True
        return self._writer.write(effects, ())

    def finish(self, rows: Sequence[Row]) -> "asyncio.Future[None]":
        """All rows of one task: their being there is the mark that the task is done."""
        return self._writer.write((), rows)

    async def close(self, status: str) -> None:
        """Everything written so far is on disk; `status` is how the attempt ended."""
        self.records.close()
        for connection in (self._reader, *(other for _, other in self._others)):
            connection.close()
        # Last, so that it folds the write-ahead log into the file.
        await asyncio.to_thread(self._writer.close, status)


GET = "select reply, text from effects where key = ?"


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    connection.execute("pragma page_size = 16384")
    connection.execute("pragma journal_mode = wal")
    # Flushed to the disk at every commit: with commits shared by all calls of some milliseconds it
    # costs no throughput, and the run survives a power cut.
    connection.execute("pragma synchronous = full")
    if not connection.execute("select 1 from sqlite_master").fetchone():
        connection.executescript(
            f"begin immediate; {SCHEMA}; pragma application_id = {APPLICATION};"
            f"pragma user_version = {FORMAT}; commit;"
        )
    return connection


def _begin_attempt(connection: sqlite3.Connection) -> int:
    # What failed before is tried again, so its rows say nothing any more.
    connection.execute("delete from rows where kind = 'failure'")
    cursor = connection.execute("insert into attempts (started) values (datetime('now'))")
    assert cursor.lastrowid is not None
    return cursor.lastrowid
