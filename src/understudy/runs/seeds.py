"""Seeds with their names: every task gets an id that depends on its content, not on its place."""

import re
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple

import msgspec

from understudy.data.read import BadSeed
from understudy.errors import ConfigError
from understudy.types import Task

_encode = msgspec.json.Encoder(order="deterministic").encode


class Seed(NamedTuple):
    """A task and where it stands in the input."""

    task: Task
    position: bytes
    content: bytes
    """A digest of the task without its id: of another content, it is another task."""


class BrokenSeed(NamedTuple):
    """A line that is no task."""

    where: str
    why: str
    position: bytes


def position(index: int) -> bytes:
    """Big-endian, so that positions sort as numbers do."""
    return struct.pack(">I", index)


def identify(tasks: Iterable[Task | BadSeed]) -> Iterator[Seed | BrokenSeed]:
    """The tasks with their ids: the user's own, or a digest of the content, numbered where equal
    tasks come more than once.

    A user's id that comes twice is a broken seed: two tasks of one name would share their replies.
    Ids seen so far are kept in a temporary file, not in memory.
    """
    ids, rows = _Ids(), enumerate(tasks)
    try:
        while chunk := list(islice(rows, CHUNK)):
            contents = [None if isinstance(task, BadSeed) else _content(task) for _, task in chunk]
            names = [
                None if content is None or isinstance(task, BadSeed) else task.id or content.hex()
                for (_, task), content in zip(chunk, contents, strict=True)
            ]
            counts = ids.counts(names)
            for (index, task), name, content, count in zip(
                chunk, names, contents, counts, strict=True
            ):
                if isinstance(task, BadSeed) or name is None or content is None:
                    assert isinstance(task, BadSeed)
                    yield BrokenSeed(task.where, task.why, position(index))
                elif not task.id:
                    name = name if count == 1 else f"{name}-{count}"
                    yield Seed(msgspec.structs.replace(task, id=name), position(index), content)
                elif (complaint := _complaint(name, count)) is not None:
                    yield BrokenSeed(f"seed {index + 1}", complaint, position(index))
                else:
                    yield Seed(task, position(index), content)
    finally:
        ids.close()


CHUNK = 400
"""Seeds whose ids are looked up at once."""


def _content(task: Task) -> bytes:
    bare = msgspec.structs.replace(task, id="") if task.id else task
    return blake2b(_encode(bare), digest_size=6).digest()


def refuse(seed: BrokenSeed) -> ConfigError:
    """The error that a broken seed is where `strict` is set."""
    return ConfigError(f"{seed.where}: {seed.why}")


_RESERVED = re.compile(r"#\d+$")


def _complaint(name: str, count: int) -> str | None:
    if _RESERVED.search(name):
        return f"the id {name!r} ends like the ones made for a task's several examples; rename it"
    if count > 1:
        return f"the id {name!r} was used by an earlier seed; ids must differ"
    return None


class _Ids:
    """Counts of ids, in a temporary SQLite file that the system removes."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode = off")
        self._db.execute("create table ids (id text primary key, n integer) without rowid")
        self._db.execute("begin")

    def counts(self, names: Sequence[str | None]) -> list[int]:
        """For each name how often it came, this time included; 0 for none."""
        some = [name for name in names if name is not None]
        marks = ",".join("?" * len(some))
        earlier = self._db.execute(f"select 1 from ids where id in ({marks}) limit 1", some)
        if len(set(some)) == len(some) and earlier.fetchone() is None:  # the usual case
            self._db.executemany("insert into ids values (?, 1)", [(name,) for name in some])
            return [int(name is not None) for name in names]
        return [0 if name is None else self._count(name) for name in names]

    def _count(self, name: str) -> int:
        row = self._db.execute(
            "insert into ids values (?, 1) on conflict do update set n = n + 1 returning n",
            (name,),
        ).fetchone()
        return row[0]

    def close(self) -> None:
        self._db.close()
