"""The thread that writes a journal.

Everything that arrives while it is busy with a commit goes into the next one, so durability costs
each call a few milliseconds and the run no throughput.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from understudy.errors import RunFolderError
from understudy.journal.effect import Effect
from understudy.journal.faults import explain, explain_write
from understudy.journal.insert import Inserts
from understudy.journal.rows import Row


class Writer:
    """The thread, and the queue before it."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, inserts: Inserts, attempt: int
    ) -> None:
        self._path = path
        self._db = connection
        self._inserts = inserts
        self._attempt = attempt
        self._queue: queue.SimpleQueue[_Put | None] = queue.SimpleQueue()
        self._failure: RunFolderError | None = None
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def write(
        self,
        effects: Sequence[Effect],
        rows: Sequence[Row],
        forget: Sequence[tuple[str, str]] = (),
    ) -> "asyncio.Future[None]":
        """Done once all are on disk, in one transaction, and the rows of the steps and tasks of
        `forget` are gone."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if self._failure is not None:
            done.set_exception(self._failure)
            return done
        self._queue.put(_Put(effects, rows, forget, done, loop))
        return done

    def close(self, status: str) -> None:
        """Write what is queued, and how the attempt ended; blocks until it is on disk."""
        self._queue.put(None)
        self._thread.join()
        try:
            # Also after a failed write: the attempt is over and must not look as if it were running.
            self._db.execute(
                "update attempts set ended = datetime('now'), status = ? where id = ?",
                (status, self._attempt),
            )
        except sqlite3.Error as error:
            if self._failure is None:
                raise explain(self._path, error) from error
        finally:
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
        if self._failure is None:
            try:
                self._write(puts)
            except BaseException as error:
                # Any exception must reach the callers that wait; otherwise they would wait for ever.
                self._failure = explain_write(self._path, error)
                self._failure.__cause__ = error
        by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
        for put in puts:
            by_loop.setdefault(put.loop, []).append(put.done)
        for loop, futures in by_loop.items():
            with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
                loop.call_soon_threadsafe(_resolve, futures, self._failure)

    def _write(self, puts: "list[_Put]") -> None:
        self._db.execute("begin immediate")
        try:
            if effects := [effect for put in puts for effect in put.effects]:
                self._inserts.effects(effects)
            self._inserts.forget(scope for put in puts for scope in put.forget)
            if rows := [row for put in puts for row in put.rows]:
                self._inserts.rows(rows)
            self._db.execute("commit")
        except BaseException:
            # SQLite rolls back by itself on some errors (a full disk among them), not on all.
            with suppress(sqlite3.Error):
                self._db.execute("rollback")
            raise


MOST_PER_COMMIT = 1_000


class _Put(NamedTuple):
    effects: Sequence[Effect]
    rows: Sequence[Row]
    forget: Sequence[tuple[str, str]]
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
