"""Seeds with their names: every task gets an id that depends on its content, not on its place."""

import re
import sqlite3
import struct
from collections.abc import Iterable, Iterator
from hashlib import blake2b
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


class BrokenSeed(NamedTuple):
    """A line that is no task."""

    where: str
    why: str
    position: bytes


def position(index: int) -> bytes:
    """Big-endian, so that positions sort as numbers do."""
    return struct.pack(">I", index)


def identified(tasks: Iterable[Task | BadSeed]) -> Iterator[Seed | BrokenSeed]:
    """The tasks with their ids: the user's own, or a digest of the content, numbered where equal
    tasks come more than once.

    A user's id that comes twice is a broken seed: two tasks of one name would share their replies.
    Ids seen so far are kept in a temporary file, not in memory.
    """
    seen = _Seen()
    try:
        for index, task in enumerate(tasks):
            place = position(index)
            if isinstance(task, BadSeed):
                yield BrokenSeed(task.where, task.why, place)
            elif not task.id:
                digest = blake2b(_encode(task), digest_size=6).hexdigest()
                count = seen.count(digest)
                name = digest if count == 1 else f"{digest}-{count}"
                yield Seed(msgspec.structs.replace(task, id=name), place)
            elif (complaint := _complaint(task.id, seen)) is not None:
                yield BrokenSeed(f"seed {index + 1}", complaint, place)
            else:
                yield Seed(task, place)
    finally:
        seen.close()


def refuse(seed: BrokenSeed) -> ConfigError:
    """The error that a broken seed is where `strict` is set."""
    return ConfigError(f"{seed.where}: {seed.why}")


_RESERVED = re.compile(r"#\d+$")


def _complaint(name: str, seen: "_Seen") -> str | None:
    if _RESERVED.search(name):
        return f"the id {name!r} ends like the ones made for a task's several examples; rename it"
    if seen.count(name) > 1:
        return f"the id {name!r} was used by an earlier seed; ids must differ"
    return None


class _Seen:
    """How often each id came, in a temporary SQLite file that the system removes."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode = off")
        self._db.execute("create table seen (id text primary key, n integer) without rowid")
        self._db.execute("begin")

    def count(self, name: str) -> int:
        """How often `name` came, this time included."""
        found = self._db.execute(
            "insert into seen values (?, 1) on conflict do update set n = n + 1 returning n",
            (name,),
        ).fetchone()
        return found[0]

    def close(self) -> None:
        self._db.close()
