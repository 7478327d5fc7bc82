"""The memory of a run: every reply that was paid for and every row that was made, in one SQLite file.

A method is replayed from its start after a crash; what it asks again is answered from here. A call
is found by its *content* (step and task, role, request after all defaults, draw), never by its
position, so that loops, branches and concurrency need no bookkeeping, and an edit re-asks exactly
the calls whose content it changed. Two things are never journaled: failures, and anything that a
method has not been shown yet -- a reply is handed on only after the disk has it.

One thread writes. Everything that arrives while it is busy with a commit goes into the next one, so
durability costs each call a few milliseconds and the run no throughput. `docs/design/0001-journal.md`
says what survives what.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import msgspec

from understudy.errors import RunFolderError
from understudy.journal import read as records
from understudy.journal.read import Records, Row
from understudy.types import Call, Message, Request, Usage

SCHEMA = """
create table if not exists calls (
    id integer primary key, key blob not null unique, session integer not null, step text not null,
    task text not null, role text not null, model text not null, draw integer not null,
    source text not null, request blob not null, body blob, reply blob not null);
create table if not exists rows (
    id integer primary key, step text not null, task text not null, ordinal integer not null,
    kind text not null, reason text not null, position blob not null, session integer not null,
    body blob not null,
    unique (step, task, ordinal));
create index if not exists rows_by_reason on rows (step, kind, reason);
create table if not exists executions (
    key blob primary key, session integer not null, step text not null, task text not null,
    isolation text not null, program blob not null, outcome blob not null) without rowid;
create table if not exists totals (
    session integer not null, step text not null, role text not null, model text not null,
    sent integer not null, reused integer not null, tokens_in integer not null,
    tokens_out integer not null, cached integer not null, reasoning integer not null,
    cost real not null, unpriced integer not null,
    primary key (session, step, role, model)) without rowid;
create table if not exists sessions (
    id integer primary key, started text not null, ended text, status text);
create table if not exists facts (name text primary key, value text not null) without rowid;
"""

ADD_CALL = """
insert or ignore into calls
    (key, session, step, task, role, model, draw, source, request, body, reply)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
ADD_EXECUTION = "insert or ignore into executions values (?, ?, ?, ?, ?, ?, ?)"
ADD_ROW = """
insert or replace into rows (step, task, ordinal, kind, reason, position, session, body)
values (?, ?, ?, ?, ?, ?, ?, ?)"""
ADD_TOTALS = """
insert into totals values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict do update set sent = sent + excluded.sent, reused = reused + excluded.reused,
    tokens_in = tokens_in + excluded.tokens_in, tokens_out = tokens_out + excluded.tokens_out,
    cached = cached + excluded.cached, reasoning = reasoning + excluded.reasoning,
    cost = cost + excluded.cost, unpriced = unpriced + excluded.unpriced"""

_encode = msgspec.json.Encoder(order="deterministic").encode


class Entry(NamedTuple):
    """One effect: what was asked and what came back, both as JSON."""

    key: bytes
    step: str
    task: str
    role: str
    draw: int
    request_hash: bytes
    request: bytes
    """Canonical, see there."""
    reply: bytes
    endpoint: str
    model: str
    usage: Usage
    cost: float | None
    """Dollars; None where the price is unknown."""
    sent: bool = True
    """False for the later replies of one wire call, which cost nothing of their own."""
    source: str = ""
    """The journal it was taken from, where it was another run's."""


class Executed(NamedTuple):
    """A program that was run, and what came of it, both as JSON."""

    key: bytes
    step: str
    task: str
    isolation: str
    program: bytes
    outcome: bytes


def canonical(request: Request) -> bytes:
    """What is asked, whoever is asked, as JSON: unset fields left out, so that a new field orphans no
    old journal; images and audio by digest."""
    messages = request.messages
    if any(message.media for message in messages):
        messages = tuple(_digested(message) for message in messages)
    # A struct is left out where it *is* the default, not where it equals it.
    sampling = _UNSET if request.sampling == _UNSET else request.sampling
    return _encode(
        msgspec.structs.replace(
            request, model="", endpoint="", revision="", messages=messages, sampling=sampling
        )
    )


_UNSET = Request(model="").sampling


def request_hash(body: bytes) -> bytes:
    """The digest of a canonical request."""
    return blake2b(body, digest_size=16).digest()


def scope_key(step: str, task: str) -> bytes:
    """The first eight bytes of the key of every call made for a task in a step."""
    return blake2b(f"{step}\0{task}".encode(), digest_size=8).digest()


def call_key(call: Call, request_hash: bytes) -> bytes:
    """The content address of a draw: 8 bytes of step and task; 16 of the worker inside the task, the
    role, who is asked, what is asked, and the draw."""
    request = call.request
    who = [call.scope, call.role, request.endpoint, request.model, request.revision]
    rest = "\0".join(who).encode() + b"\0%b%d" % (request_hash, call.draw)
    return scope_key(call.step, call.task) + blake2b(rest, digest_size=16).digest()


def execution_key(step: str, task: str, program: bytes) -> bytes:
    """The content address of a program: 8 bytes of its scope, 16 of what it is. No draw: the same
    program comes to the same."""
    return scope_key(step, task) + blake2b(b"sandbox\0" + program, digest_size=16).digest()


class Journal:
    """One run's file. Reads are made by the caller's thread, writes by one of its own."""

    def __init__(self, path: Path, reuse: Sequence[Path] = ()) -> None:
        """Opens or creates `path`; `reuse` are other runs' journals, read but never written."""
        self.path = path
        try:
            writer = _connect(path)
            writer.executescript(SCHEMA)
            self.session = _begin_session(writer)
            self.records = Records(path)
            self._reader = records.connect(path)
            self._others = [(str(other), records.connect(other)) for other in reuse]
        except sqlite3.Error as error:
            raise RunFolderError(
                f"{path}: {error}. Is the folder writable, the disk full?"
            ) from error
        # A journal without calls cannot answer any: a fresh run is spared the look-ups.
        self._answers = self._reader.execute("select 1 from calls limit 1").fetchone() is not None
        self._writer = _Writer(writer, self.session)

    def get(self, key: bytes) -> tuple[bytes, str] | None:
        """The reply's JSON, and the other journal it stands in (empty: this one)."""
        if self._answers and (row := self._reader.execute(GET, (key,)).fetchone()):
            return row[0], ""
        for name, other in self._others:
            if row := other.execute(GET, (key,)).fetchone():
                return row[0], name
        return None

    def put(self, entries: Sequence[Entry]) -> "asyncio.Future[None]":
        """Done once all entries are on disk, in one transaction.

        Raises:
            RunFolderError: the disk did not take them. The run cannot go on.
        """
        return self._writer.write(entries, ())

    def outcome(self, key: bytes) -> bytes | None:
        """What came of a program that was run before, in this run or in one that is reused."""
        for reader in (self._reader, *(other for _, other in self._others)):
            try:
                row = reader.execute(
                    "select outcome from executions where key = ?", (key,)
                ).fetchone()
            except sqlite3.OperationalError:  # a run from before there were sandboxes
                continue
            if row is not None:
                return row[0]
        return None

    def keep(self, executed: Executed) -> "asyncio.Future[None]":
        """Done once it is on disk. Raises as `put` does."""
        return self._writer.write((), (), (executed,))

    def finish(self, rows: Sequence[Row]) -> "asyncio.Future[None]":
        """All rows of one task: their being there is the mark that the task is done."""
        return self._writer.write((), rows)

    async def close(self, status: str) -> None:
        """Everything written so far is on disk; `status` is how the session ended."""
        self.records.close()
        for connection in (self._reader, *(other for _, other in self._others)):
            connection.close()
        # Last, so that it folds the write-ahead log into the file.
        await asyncio.to_thread(self._writer.close, status)


GET = "select reply from calls where key = ?"


class _Writer:
    """The thread that writes, and the queue before it."""

    def __init__(self, connection: sqlite3.Connection, session: int) -> None:
        self._db = connection
        self._session = session
        self._queue: queue.SimpleQueue[_Put | None] = queue.SimpleQueue()
        self._broken: RunFolderError | None = None
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def write(
        self, entries: Sequence[Entry], rows: Sequence[Row], executed: Sequence[Executed] = ()
    ) -> "asyncio.Future[None]":
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._queue.put(_Put(entries, rows, executed, done, loop))
        return done

    def close(self, status: str) -> None:
        self._queue.put(None)
        self._thread.join()
        if self._broken is None:
            try:
                self._db.execute(
                    "update sessions set ended = datetime('now'), status = ? where id = ?",
                    (status, self._session),
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
                self._insert(puts)
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

    def _insert(self, puts: "list[_Put]") -> None:
        entries = [entry for put in puts for entry in put.entries]
        session = self._session
        if entries:
            self._db.executemany(ADD_CALL, [_call_row(session, entry) for entry in entries])
            self._db.executemany(ADD_TOTALS, _totals(session, entries))
        executed = [e for put in puts for e in put.executed]
        self._db.executemany(
            ADD_EXECUTION,
            [(e.key, session, e.step, e.task, e.isolation, e.program, e.outcome) for e in executed],
        )
        rows = [row for put in puts for row in put.rows]
        self._db.executemany(
            ADD_ROW,
            [
                (r.step, r.task, r.ordinal, r.kind, r.reason, r.position, session, r.body)
                for r in rows
            ],
        )


MOST_PER_COMMIT = 1_000


class _Put(NamedTuple):
    entries: Sequence[Entry]
    rows: Sequence[Row]
    executed: Sequence[Executed]
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


def _call_row(session: int, e: Entry) -> tuple[object, ...]:
    # All draws of a request share its text, which stands with the first.
    body = e.request if e.draw == 0 else None
    return (
        e.key, session, e.step, e.task, e.role, f"{e.endpoint}:{e.model}", e.draw, e.source,
        e.request_hash, body, e.reply,
    )  # fmt: skip


def _totals(session: int, entries: Sequence[Entry]) -> list[tuple[object, ...]]:
    """One row per (step, role, model): what these entries add to the sums."""
    groups: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.step, entry.role, entry.model), []).append(entry)
    return [
        (
            session,
            *names,
            sum(e.sent and not e.source for e in group),
            sum(bool(e.source) for e in group),
            sum(e.usage.tokens_in for e in group if not e.source),
            sum(e.usage.tokens_out for e in group if not e.source),
            sum(e.usage.cached for e in group if not e.source),
            sum(e.usage.reasoning for e in group if not e.source),
            sum(e.cost or 0.0 for e in group if not e.source),
            sum(e.sent and e.cost is None for e in group if not e.source),
        )
        for names, group in groups.items()
    ]


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    connection.execute("pragma page_size = 16384")
    connection.execute("pragma journal_mode = wal")
    # Flushed to the disk at every commit: with commits shared by all calls of some milliseconds it
    # costs no throughput, and the run survives a power cut.
    connection.execute("pragma synchronous = full")
    return connection


def _begin_session(connection: sqlite3.Connection) -> int:
    # What failed before is tried again, so its rows say nothing any more.
    connection.execute("delete from rows where kind = 'failure'")
    cursor = connection.execute("insert into sessions (started) values (datetime('now'))")
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _digested(message: Message) -> Message:
    if not message.media:
        return message
    assert not isinstance(message.content, str)
    parts = tuple(
        part
        if part not in message.media
        else msgspec.structs.replace(part, data=b"", sha256=part.digest)  # type: ignore[union-attr]  # media have both
        for part in message.content
    )
    return msgspec.structs.replace(message, content=parts)
