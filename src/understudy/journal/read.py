"""Reading a journal: what `show`, `why`, exports and reports are made from, while a run goes on too."""

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["example", "rejection", "failure", "end"]
"""What a row is; `end` marks that a step over the pool is finished."""


class Row(NamedTuple):
    """One row that a step made of one task."""

    step: str
    task: str
    ordinal: int
    kind: Kind
    reason: str
    position: bytes
    """Sorts rows as their seeds stood in the input: a big-endian number per step."""
    body: bytes


class KeptCall(NamedTuple):
    """One draw as the journal keeps it; `request` and `reply` are JSON."""

    session: int
    step: str
    task: str
    role: str
    draw: int
    source: str
    """The journal it was taken from, where it was another run's."""
    model: str
    """Endpoint and name."""
    request_hash: bytes
    request: bytes | None
    """Canonical, without the model; None where another draw of the same request has it."""
    reply: bytes


class KeptExecution(NamedTuple):
    """A program that a step ran in the sandbox, and what came of it, both as JSON."""

    session: int
    step: str
    task: str
    isolation: str
    program: bytes
    outcome: bytes


class Total(NamedTuple):
    """What the calls of one session, step, role and model came to."""

    session: int
    step: str
    role: str
    model: str
    sent: int
    reused: int
    """Replies taken from other runs."""
    tokens_in: int
    tokens_out: int
    cached: int
    reasoning: int
    cost: float
    """Dollars."""
    unpriced: int
    """Of `sent`, those whose cost is unknown."""


class Session(NamedTuple):
    """One start of the run, resumed ones included; times are UTC."""

    id: int
    started: str
    ended: str | None
    status: str | None
    """None while it runs, and for ever if it was killed."""


class Records:
    """A journal opened for reading."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = connect(path)

    def close(self) -> None:
        self._db.close()

    def rows(
        self, step: str, *kinds: Kind, before: int | None = None, most: int | None = None
    ) -> Iterator[Row]:
        """The rows of a step in the order of the seeds; those of sessions before `before`, if set; of
        more than `most` those that were written first, and no others are read."""
        marks = ",".join("?" * len(kinds))
        # Without the index, whose order is another, the scan ends with the last row that is wanted.
        source = "rows" if most is None else "rows not indexed"
        first = "" if most is None else f"order by id limit {most:d}"
        # A connection of its own: the iteration may stay open while others read and write.
        reader = connect(self.path)
        try:
            found = reader.execute(
                "select step, task, ordinal, kind, reason, position, body from "
                f"(select * from {source} where step = ? and kind in ({marks}) and session < ? {first}) "
                "order by position, ordinal",
                (step, *kinds, 2**62 if before is None else before),
            )
            yield from map(Row._make, found)
        finally:
            reader.close()

    def sample(self, step: str, kind: Kind, most: int) -> list[Row]:
        """Up to `most` rows of a kind at even distances from each other, in the order they were
        written; no others are read."""
        where = "where step = ? and kind = ?"
        (n,) = self._db.execute(f"select count(*) from rows {where}", (step, kind)).fetchone()
        places = sorted({i * n // most for i in range(min(n, most) and most)})
        found = [
            self._db.execute(
                "select step, task, ordinal, kind, reason, position, body from rows where id = "
                f"(select id from rows {where} order by reason, id limit 1 offset ?)",
                (step, kind, place),
            ).fetchone()
            for place in places
        ]
        return [Row._make(row) for row in found if row is not None]

    def rows_of(self, step: str, task: str) -> list[Row]:
        """The rows that a step made of a task."""
        found = self._db.execute(
            "select step, task, ordinal, kind, reason, position, body from rows "
            "where step = ? and task = ? order by ordinal",
            (step, task),
        )
        return [Row._make(row) for row in found]

    def finished(self, step: str, tasks: list[str]) -> set[str]:
        """Those of `tasks` that `step` is done with. A failure row does not count: a resumed run
        tries its task again."""
        marks = ",".join("?" * len(tasks))
        found = self._db.execute(
            f"select task from rows where step = ? and task in ({marks}) and kind != 'failure'",
            (step, *tasks),
        )
        return {row[0] for row in found}

    def ordinals(self, step: str) -> set[int]:
        """The ordinals of the rows that a step over the pool has made."""
        found = self._db.execute("select ordinal from rows where step = ? and task = ''", (step,))
        return {row[0] for row in found}

    def tried(self, step: str) -> int:
        """Tasks that a step made a row of, failures included."""
        found = self._db.execute("select count(distinct task) from rows where step = ?", (step,))
        return found.fetchone()[0]

    def tasks_like(self, name: str, limit: int = 5) -> list[str]:
        """Ids of tasks that begin so."""
        found = self._db.execute(
            "select distinct task from rows where task >= ? and task < ? limit ?",
            (name, name + "\U0010ffff", limit),
        )
        return [row[0] for row in found]

    def counts(self) -> dict[str, Counter[tuple[Kind, str]]]:
        """Rows by step, kind and reason."""
        counts: dict[str, Counter[tuple[Kind, str]]] = {}
        for step, kind, reason, n in self._db.execute(
            "select step, kind, reason, count(*) from rows group by step, kind, reason"
        ):
            counts.setdefault(step, Counter())[kind, reason] = n
        return counts

    def totals(self) -> list[Total]:
        return [Total._make(row) for row in self._db.execute("select * from totals")]

    def sessions(self) -> list[Session]:
        found = self._db.execute("select id, started, ended, status from sessions order by id")
        return [Session._make(row) for row in found]

    def spent(self) -> float:
        """Dollars, over all sessions; replies of unknown price count nothing."""
        return self._db.execute("select coalesce(sum(cost), 0) from totals").fetchone()[0]

    def newest(self) -> str:
        """Changes with every row that is written or forgotten."""
        found = self._db.execute("select count(*), coalesce(max(id), 0) from rows").fetchone()
        return "{} rows up to {}".format(*found)

    def executions(self, scope: bytes = b"") -> Iterator[KeptExecution]:
        """The programs whose key begins with `scope`; none in a run from before there were any."""
        if not self._db.execute(HAS_EXECUTIONS).fetchone():
            return iter(())
        found = self._db.execute(
            "select session, step, task, isolation, program, outcome from executions "
            "where key >= ? and key < ? order by session, key",
            (scope, scope + b"\xff" * 24),
        )
        return map(KeptExecution._make, found)

    def isolations(self) -> dict[str, int]:
        """How many programs were run, by what stood around them."""
        if not self._db.execute(HAS_EXECUTIONS).fetchone():
            return {}
        found = self._db.execute("select isolation, count(*) from executions group by isolation")
        return dict(found.fetchall())

    def calls(self, scope: bytes = b"") -> Iterator[KeptCall]:
        """The calls whose key begins with `scope`, in the order they were written."""
        found = self._db.execute(
            "select session, step, task, role, draw, source, model, request, body, reply from calls "
            "where key >= ? and key < ? order by calls.id",
            (scope, scope + b"\xff" * 24),
        )
        return map(KeptCall._make, found)


HAS_EXECUTIONS = "select 1 from sqlite_master where name = 'executions'"


def connect(path: Path) -> sqlite3.Connection:
    """A connection that does not write. It is opened as one that could where the folder allows: the
    last connection to close folds the write-ahead log into the file."""
    mode = "rw" if os.access(path.parent, os.W_OK) and os.access(path, os.W_OK) else "ro"
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=30)
    db.execute("pragma query_only = on")
    return db
