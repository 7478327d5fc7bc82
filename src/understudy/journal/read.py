"""Reading a journal: what `show`, `why`, exports and reports are made from, while a run goes on too."""

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from understudy.journal.conversation import read_messages
from understudy.journal.keys import canonical
from understudy.journal.rows import Kind, Row
from understudy.types import Message, Request


class Entry(NamedTuple):
    """An effect as the journal keeps it."""

    id: int
    attempt: int
    kind: str
    step: str
    task: str
    scope: str
    role: str
    draw: int
    source: str
    """The journal it was taken from, where it was another run's."""
    model: str
    """Who answered, and where."""
    request: bytes
    """What was asked, as JSON; of a model call without the messages: see `Records.messages`."""
    reply: bytes
    """JSON; of a model's reply without the text."""
    text: str

    def decoded(self) -> dict[str, Any]:
        """The reply, with its text."""
        reply = cast("dict[str, Any]", msgspec.json.decode(self.reply))
        return {"text": self.text, **reply} if self.text else reply


class Total(NamedTuple):
    """What the calls of one attempt, step, role and model came to."""

    attempt: int
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


class Attempt(NamedTuple):
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
        """The rows of a step in the order of the seeds; those of attempts before `before`, if set; of
        more than `most` those that were written first, and no others are read."""
        marks = ",".join("?" * len(kinds))
        # Without the index, whose order is another, the scan ends with the last row that is wanted.
        source = "rows" if most is None else "rows not indexed"
        first = "" if most is None else f"order by id limit {most:d}"
        # A connection of its own: the iteration may stay open while others read and write.
        reader = connect(self.path)
        try:
            found = reader.execute(
                "select step, task, ordinal, kind, reason, position, body, content from "
                f"(select * from {source} where step = ? and kind in ({marks}) and attempt < ? {first}) "
                "order by position, ordinal",
                (step, *kinds, 2**62 if before is None else before),
            )
            yield from (Row(*row) for row in found)
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
                "select step, task, ordinal, kind, reason, position, body, content from rows where id = "
                f"(select id from rows {where} order by reason, id limit 1 offset ?)",
                (step, kind, place),
            ).fetchone()
            for place in places
        ]
        return [Row(*row) for row in found if row is not None]

    def rows_of(self, step: str, task: str) -> list[Row]:
        """The rows that a step made of a task."""
        found = self._db.execute(
            "select step, task, ordinal, kind, reason, position, body, content from rows "
            "where step = ? and task = ? order by ordinal",
            (step, task),
        )
        return [Row(*row) for row in found]

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

    def attempts(self) -> list[Attempt]:
        rows = self._db.execute("select id, started, ended, status from attempts order by id")
        return [Attempt._make(row) for row in rows]

    def spent(self) -> float:
        """Dollars, over all attempts; replies of unknown price count nothing."""
        return self._db.execute("select coalesce(sum(cost), 0) from totals").fetchone()[0]

    def newest(self) -> str:
        """Changes with every row that is written or forgotten."""
        found = self._db.execute("select count(*), coalesce(max(id), 0) from rows").fetchone()
        return "{} rows up to {}".format(*found)

    def effects(self, kind: str = "", scope: bytes = b"") -> Iterator[Entry]:
        """The effects of a kind (all, if empty) whose key begins with `scope`, in the order they
        were written."""
        return map(
            Entry._make, self._db.execute(EFFECTS, (scope, scope + b"\xff" * 24, kind, kind))
        )

    def calls(self, scope: bytes = b"") -> Iterator[Entry]:
        """The model calls whose key begins with `scope`, in the order they were written."""
        return self.effects("call", scope)

    def answered_by(self, kind: str) -> dict[str, int]:
        """How many effects of a kind there are, by who answered."""
        rows = self._db.execute(
            "select model, count(*) from effects join origins on origins.id = origin "
            "where kind = ? group by model",
            (kind,),
        )
        return dict(rows.fetchall())

    def messages(self, call: Entry) -> tuple[Message, ...]:
        """The conversation that a model call asked."""
        return read_messages(self._db, call.id)

    def request_hash(self, call: Entry) -> bytes:
        """The digest of what a model call asked, as `canonical` makes it."""
        request = msgspec.json.decode(call.request, type=Request)
        return canonical(msgspec.structs.replace(request, messages=self.messages(call))).hash


EFFECTS = """
select effects.id, attempt, kind, step, task, scope, role, draw, source, model,
    coalesce(heads.body, request), reply, text
from effects join origins on origins.id = origin left join heads on heads.id = head
where key >= ? and key < ? and (? = '' or kind = ?) order by effects.id"""


def connect(path: Path) -> sqlite3.Connection:
    """A connection that does not write. It is opened as one that could where the folder allows: the
    last connection to close folds the write-ahead log into the file."""
    mode = "rw" if os.access(path.parent, os.W_OK) and os.access(path, os.W_OK) else "ro"
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=30)
    db.execute("pragma query_only = on")
    return db
