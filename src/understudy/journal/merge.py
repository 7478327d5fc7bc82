"""Puts the journals of several runs together: the shards of one recipe, each over a part of the seeds.

    merge(Path("all/journal.db"), [Path("a/journal.db"), Path("b/journal.db")], fresh=True)

After that, a run of the recipe over all seeds with `out=all` sends no call that a shard has sent.
Merging again adds only what is new. A merge that was killed is finished by merging again.

What is there already stays: an effect of the same key, and the rows that a step has made of a task.
Failures are not copied, since a resumed run tries them again.

It does not see whether all journals are of one recipe. It cannot decide what only a run over all
seeds can. A filter that compares with what it has kept has not compared the shards with each other.
With `rows=False` no rows are copied. The run makes all of them again from the replies, without a call.
"""

import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from understudy.journal import faults
from understudy.journal.connect import connect_writer
from understudy.journal.effect import Effect
from understudy.journal.insert import ADD_BLOB, Inserts
from understudy.journal.keys import canonical, plain
from understudy.journal.lock import hold, not_writable, share
from understudy.journal.read import Entry, Records

T = TypeVar("T")


def merge(into: Path, others: Sequence[Path], *, fresh: bool = False, rows: bool = True) -> None:
    """Insert into the journal `into` what only `others` have. `fresh`: the journal may have to be
    made, with its folder. `rows`: see above.

    Raises:
        RunFolderError: a journal is lost, damaged, of another format, or in use by a run, or `into`
            cannot be written.
    """
    if fresh:
        try:
            into.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_writable(into.parent, error) from error
    elif not into.is_file():
        raise faults.loss(into)
    with ExitStack() as stack:
        stack.enter_context(hold(into.parent))
        folder = into.parent.resolve()
        for other in {path.parent.resolve() for path in others} - {folder}:
            if (lock := share(other)) is not None:
                stack.enter_context(lock)
        sources = [stack.enter_context(closing(Records(other))) for other in others]
        db = stack.enter_context(closing(connect_writer(into, fresh=fresh)))
        for source in sources:
            with faults.reading(into):
                _merge_one(db, source, rows=rows)


def _merge_one(db: sqlite3.Connection, source: Records, *, rows: bool) -> None:
    _copy_blobs(db, source)  # first, so that no effect or row is without its pictures
    numbers = _copy_attempts(db, source)
    for attempt, effects in groupby(source.effects(), lambda effect: effect.attempt):
        inserts = Inserts(db, _number(numbers, source, attempt))
        _copy_effects(db, source, inserts, effects)
    if rows and numbers:
        _copy_rows(db, source, Inserts(db, max(numbers.values())))


def _copy_blobs(db: sqlite3.Connection, source: Records) -> None:
    new = (
        (sha256, media_type, source.blob(sha256))
        for sha256, media_type in source.media_types()
        if not _has(db, "blobs where sha256 = ?", sha256)
    )
    for batch in _batches(new, lambda blob: len(blob[2])):
        with _transaction(db):
            db.executemany(ADD_BLOB, batch)


def _copy_attempts(db: sqlite3.Connection, source: Records) -> dict[int, int]:
    """The attempts, and what their calls came to; by the number of an attempt, its number here.

    An attempt that is here already may have gone on since. Its sums only grow, so the larger are the
    later.
    """
    numbers = dict[int, int]()
    with _transaction(db):
        for attempt in source.attempts():
            values = attempt.started, attempt.end, attempt.status, attempt.uid
            ((numbers[attempt.id],),) = db.execute(ADD_ATTEMPT, values).fetchall()
        for attempt, *total in source.totals():
            db.execute(ADD_TOTAL, (_number(numbers, source, attempt), *total))
    return numbers


def _number(numbers: Mapping[int, int], source: Records, attempt: int) -> int:
    if attempt not in numbers:
        raise faults.damage(source.path, f"attempt {attempt} is missing")
    return numbers[attempt]


def _copy_effects(
    db: sqlite3.Connection, source: Records, inserts: Inserts, entries: Iterable[Entry]
) -> None:
    new = (
        _effect(source, entry)
        for entry in entries
        if not _has(db, "effects where key = ?", entry.key)
    )
    for batch in _batches(new, lambda e: e.request.size + len(e.reply) + len(e.text)):
        with _transaction(db):
            inserts.effects(batch)


def _effect(source: Records, entry: Entry) -> Effect:
    """An effect as it was put, with its conversation. Its usage has gone into the sums, and its
    pictures are copied on their own."""
    request = plain(entry.request)
    if entry.kind == "call":
        request = canonical(source.request(entry))._replace(head=entry.request)
    return Effect(
        entry.key, entry.kind, entry.step, entry.task, entry.scope, entry.role, entry.draw,
        entry.model, request, entry.reply, source=entry.source, text=entry.text,
    )  # fmt: skip


def _copy_rows(db: sqlite3.Connection, source: Records, inserts: Inserts) -> None:
    where = "rows where step = ? and task = ? and kind != 'failure'"
    with _transaction(db):  # of one task all rows or none: they say that it is done
        for (step, task), rows in groupby(source.finished_rows(), lambda row: (row.step, row.task)):
            if not _has(db, where, step, task):
                inserts.forget([(step, task)])
                for batch in _batches(rows, lambda row: len(row.body)):
                    inserts.rows(batch)


def _has(db: sqlite3.Connection, where: str, *values: object) -> bool:
    return db.execute(f"select 1 from {where} limit 1", values).fetchone() is not None


@contextmanager
def _transaction(db: sqlite3.Connection) -> Generator[None]:
    db.execute("begin immediate")
    try:
        yield
        db.execute("commit")
    finally:
        if db.in_transaction:
            db.execute("rollback")


def _batches(values: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    batch, total = list[T](), 0
    for value in values:
        batch.append(value)
        total += size(value) + OVERHEAD
        if total >= BATCH:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


BATCH = 8 * 2**20
"""Bytes that are in memory at once."""
OVERHEAD = 1_000
"""Bytes that an effect or a row takes beside its texts."""

ADD_ATTEMPT = """
insert into attempts (started, ended, status, uid) values (?, ?, ?, ?)
on conflict (uid) do update set
    ended = coalesce(ended, excluded.ended), status = coalesce(status, excluded.status)
returning id"""
ADD_TOTAL = """
insert into totals values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict do update set sent = excluded.sent, reused = excluded.reused,
    tokens_in = excluded.tokens_in, tokens_out = excluded.tokens_out, cached = excluded.cached,
    reasoning = excluded.reasoning, cost = excluded.cost, unpriced = excluded.unpriced
where excluded.sent + excluded.reused >= sent + reused"""
