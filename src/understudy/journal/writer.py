"""The thread that writes a journal.

Everything that arrives while it is busy with a commit goes into the next one, so durability costs
each call a few milliseconds and the run no throughput.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Sequence
from typing import NamedTuple

from understudy.errors import RunFolderError
from understudy.journal.effect import Effect
from understudy.journal.insert import Inserts
from understudy.journal.rows import Row


class Writer:
    """The thread, and the queue before it."""

    def __init__(self, connection: sqlite3.Connection, inserts: Inserts, attempt: int) -> None:
        self._db = connection
        self._inserts = inserts
        self._attempt = attempt
        self._queue: queue.SimpleQueue[_Put | None] = queue.SimpleQueue()
        self._broken: RunFolderError | None = None
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def write(self, effects: Sequence[Effect], rows: Sequence[Row]) -> "asyncio.Future[None]":
        """Done once all are on disk, in one transaction."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._queue.put(_Put(effects, rows, done, loop))
        return done

    def close(self, status: str) -> None:
        """Write what is queued, and how the attempt ended; blocks until it is on disk."""
        self._queue.put(None)
        self._thread.join()
        if self._broken is None:
            try:
                self._db.execute(
                    "update attempts set ended = datetime('now'), status = ? where id = ?",
                    (status, self._attempt),
                )
            except sqlite3.Error as error:
                raise RunFolderError(f"the journal could not be closed: {error}") from error
        self._db.close()

    def _run(self) -> None:
        open_ = True
        while open_:
            batch = [self._queue.get()]
            while len(batch) < MOST_PER_COMMIT and not self._queue.empty():
                batch.append(self._queue.get())
            open_ = None not in batch
            puts = [put for put in batch if put is not None]
            if puts:
                self._commit(puts)

    def _commit(self, puts: "list[_Put]") -> None:
        if self._broken is None:
            try:
                self._db.execute("begin immediate")
                if effects := [effect for put in puts for effect in put.effects]:
                    self._inserts.effects(effects)
                if rows := [row for put in puts for row in put.rows]:
                    self._inserts.rows(rows)
                self._db.execute("commit")
            except sqlite3.Error as error:
                # SQLite rolls back by itself on some errors (a full disk among them), not on all.
                if self._db.in_transaction:
                    self._db.execute("rollback")
                self._broken = RunFolderError(
                    f"the journal could not be written: {error}. What was written before is safe: "
                    "make room, then run the same command again."
                )
        puts[0].loop.call_soon_threadsafe(_resolve, [put.done for put in puts], self._broken)


MOST_PER_COMMIT = 1_000


class _Put(NamedTuple):
    effects: Sequence[Effect]
    rows: Sequence[Row]
    done: "asyncio.Future[None]"
    loop: asyncio.AbstractEventLoop


def _resolve(futures: "list[asyncio.Future[None]]", error: RunFolderError | None) -> None:
    for future in futures:
        if future.done():  # its waiter was cancelled
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
