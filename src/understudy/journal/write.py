"""The memory of a run: every reply that was paid for and every row that was made, in one SQLite file.

A method is replayed from its start after a crash; the journal answers every effect that it repeats. An
effect is found by its *content* (step and task, role, request after all defaults, draw), never by its
position. Loops, branches and concurrency need no bookkeeping, and an edit asks again exactly the
calls whose content it changed. Two things are never journaled: failures, and anything that a method
has not been shown yet, since a reply is handed on only after the disk has it.

`docs/design/0001-journal.md` says what survives what.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from understudy.journal import faults
from understudy.journal.blobs import with_bytes
from understudy.journal.connect import connect_reader, connect_writer
from understudy.journal.effect import Effect, Stored
from understudy.journal.insert import Inserts
from understudy.journal.read import Records
from understudy.journal.rows import Row, effect_checksum
from understudy.journal.writer import Writer
from understudy.types import Reply


class SqliteJournal:
    """One run's file. Reads are made by the caller's thread, writes by one of its own."""

    def __init__(self, path: Path, reuse: Sequence[Path] = (), *, fresh: bool = True) -> None:
        """Opens `path`, or creates it if `fresh`; `reuse` are other runs' journals, read but never
        written.

        Raises:
            RunFolderError: a journal is lost, damaged, of another format, or cannot be written.
        """
        self.path = path
        self._others = [(other, connect_reader(other)) for other in reuse]
        db = connect_writer(path, fresh=fresh)
        with faults.reading(path):
            self.attempt = _begin_attempt(db)
            self.records = Records(path)
            self._reader = connect_reader(path)
            # A journal without effects cannot answer any: a fresh run is spared the look-ups.
            some = self._reader.execute("select 1 from effects limit 1")
            self._answers = some.fetchone() is not None
            self._writer = Writer(path, db, Inserts(db, self.attempt), self.attempt)

    def get(self, key: bytes) -> Stored | None:
        """The earlier outcome of the effect, in this run or in one that is reused.

        Raises:
            RunFolderError: the journal is damaged.
        """
        if self._answers and (stored := _find(self._reader, self.path, key)) is not None:
            return stored
        for path, other in self._others:
            if (stored := _find(other, path, key)) is not None:
                return stored._replace(source=str(path))
        return None

    def put(self, effects: Sequence[Effect]) -> "asyncio.Future[None]":
        """Done once all are on disk, in one transaction.

        Raises:
            RunFolderError: they could not be written. The run cannot go on.
        """
        # Draws are numbered, so that calls repeat none of this attempt; other effects may.
        if not self._answers:
            for effect in effects:
                self._answers = self._answers or effect.kind != "call"
        if self._others:
            effects = [self._with_media(effect) for effect in effects]
        return self._writer.write(effects, ())

    def finish(
        self, rows: Sequence[Row], forget: Sequence[tuple[str, str]] = ()
    ) -> "asyncio.Future[None]":
        """All rows of one task: their being there is the mark that the task is done. `forget`: steps
        and tasks whose rows are removed before."""
        return self._writer.write((), rows, forget)

    def _with_media(self, effect: Effect) -> Effect:
        """An effect of another run with the pictures and sound of its reply."""
        if not effect.source or effect.kind != "call" or b'"media":' not in effect.reply:
            return effect
        (other,) = (Records(path) for path, _ in self._others if str(path) == effect.source)
        try:
            reply = msgspec.json.decode(effect.reply, type=Reply)
            return effect._replace(media=with_bytes(reply, other.blob).media)
        finally:
            other.close()

    async def close(self, status: str) -> None:
        """Everything written so far is on disk; `status` is how the attempt ended."""
        self.records.close()
        for connection in (self._reader, *(other for _, other in self._others)):
            connection.close()
        # Last, so that it folds the write-ahead log into the file.
        await asyncio.to_thread(self._writer.close, status)


def _find(db: sqlite3.Connection, path: Path, key: bytes) -> Stored | None:
    with faults.reading(path):
        row = db.execute(
            "select reply, text, checksum, task, step from effects "
            "join origins on origins.id = origin where key = ?",
            (key,),
        ).fetchone()
    if row is None:
        return None
    reply, text, checksum, task, step = row
    if effect_checksum(key, reply, text) != checksum:
        raise faults.damage(path, f"a reply of step {step!r}, task {task!r} was changed")
    return Stored(reply, text)


def _begin_attempt(db: sqlite3.Connection) -> int:
    # Earlier failures are tried again, so their rows are out of date.
    db.execute("delete from rows where kind = 'failure'")
    cursor = db.execute("insert into attempts (started) values (datetime('now'))")
    assert cursor.lastrowid is not None
    return cursor.lastrowid
