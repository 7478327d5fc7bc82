"""Reading a journal: what `show`, `why`, exports and reports are made from, while a run goes on too."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import msgspec

from understudy.journal import faults
from understudy.journal.connect import connect_reader
from understudy.journal.conversation import read_messages
from understudy.journal.keys import canonical
from understudy.journal.rows import Kind, Row, effect_checksum, row_checksum
from understudy.types import Message, Request

T = TypeVar("T")


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
    """The other run's journal that it was taken from, if any."""
    model: str
    """Who answered, and where."""
    request: bytes
    """What was asked, as JSON; of a model call without the messages: see `Records.messages`."""
    reply: bytes
    """JSON; of a model's reply without the text."""
    text: str
    key: bytes

    def decode(self) -> dict[str, Any]:
        """The reply, with its text."""
        reply = cast("dict[str, Any]", msgspec.json.decode(self.reply))
        return {"text": self.text, **reply} if self.text else reply


class Total(NamedTuple):
    """Totals of the calls of one attempt, step, role and model."""

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
    end: str | None
    status: str | None
    """None while it runs, and if it was killed."""
    uid: bytes = b""
    """The same in every journal that the attempt is merged into."""


class Records:
    """A journal opened for reading. Each method raises RunFolderError where the file is damaged."""

    def __init__(self, path: Path) -> None:
        """Raises RunFolderError if there is no journal of this format."""
        self.path = path
        self._db = connect_reader(path)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _fetch(self, type_: type[T], query: str, values: Sequence[object] = ()) -> list[T]:
        """The rows of a query, with their types checked."""
        with faults.reading(self.path):
            return msgspec.convert(self._db.execute(query, values).fetchall(), list[type_])

    # Rows

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
        reader = connect_reader(self.path)
        try:
            with faults.reading(self.path):
                yield from map(
                    self._row,
                    reader.execute(
                        f"select {ROW} from (select * from {source} where step = ? "
                        f"and kind in ({marks}) and attempt < ? {first}) order by position, ordinal",
                        (step, *kinds, 2**62 if before is None else before),
                    ),
                )
        finally:
            reader.close()

    def _row(self, values: Sequence[object]) -> Row:
        *fields, checksum = values
        try:
            msgspec.convert(fields, _RowTypes)
        except msgspec.ValidationError as error:
            raise faults.damage(self.path, f"a row of step {fields[0]!r}: {error}") from error
        whole = Row(*cast("tuple[Any, ...]", fields))  # of these types, as was checked
        if row_checksum(whole) != checksum:
            raise faults.damage(
                self.path, f"the row of step {whole.step!r}, task {whole.task!r} was changed"
            )
        return whole

    def finished_rows(self) -> Iterator[Row]:
        """All rows but failures; those that a step made of one task come together."""
        with faults.reading(self.path):
            rows = self._db.execute(
                f"select {ROW} from rows where kind != 'failure' order by step, task, ordinal"
            )
            yield from map(self._row, rows)

    def sample(self, step: str, kind: Kind, most: int) -> list[Row]:
        """Up to `most` rows of a kind at even distances from each other, in the order they were
        written; no others are read."""
        where = "where step = ? and kind = ?"
        (n,) = self._fetch(_NUMBER, f"select count(*) from rows {where}", (step, kind))[0]
        rows = list[Row]()
        for place in sorted({i * n // most for i in range(min(n, most) and most)}):
            rows += self._rows(
                f"id = (select id from rows {where} order by reason, id limit 1 offset ?)",
                (step, kind, place),
            )
        return rows

    def rows_of(self, step: str, task: str) -> list[Row]:
        """The rows that a step made of a task."""
        return self._rows("step = ? and task = ? order by ordinal", (step, task))

    def _rows(self, where: str, values: Sequence[object]) -> list[Row]:
        with faults.reading(self.path):
            rows = self._db.execute(f"select {ROW} from rows where {where}", values)
            return [self._row(row) for row in rows]

    def find_finished_tasks(self, step: str, tasks: Sequence[str]) -> set[str]:
        """Those of `tasks` that `step` is done with. A failure row does not count: a resumed run
        tries its task again."""
        return {task for task, _ in self._contents(step, tasks)}

    def find_changed_tasks(self, step: str, tasks: Mapping[str, bytes]) -> set[str]:
        """Those of `tasks` that `step` is done with, but with another content than they have now."""
        rows = self._contents(step, list(tasks))
        return {task for task, content in rows if content and content != tasks[task]}

    def _contents(self, step: str, tasks: Sequence[str]) -> list[tuple[str, bytes]]:
        marks = ",".join("?" * len(tasks))
        return self._fetch(
            tuple[str, bytes],
            f"select task, content from rows where step = ? and task in ({marks}) "
            "and kind != 'failure'",
            (step, *tasks),
        )

    def ordinals(self, step: str) -> set[int]:
        """The ordinals of the rows that a step over the pool has made."""
        query = "select ordinal from rows where step = ? and task = ''"
        return {ordinal for (ordinal,) in self._fetch(_NUMBER, query, (step,))}

    def count_tasks(self, step: str) -> int:
        """Tasks that a step made a row of, failures included."""
        query = "select count(distinct task) from rows where step = ?"
        return self._fetch(_NUMBER, query, (step,))[0][0]

    def tasks_like(self, name: str, limit: int = 5) -> list[str]:
        """Ids of tasks that begin so."""
        query = "select distinct task from rows where task >= ? and task < ? limit ?"
        return [t for (t,) in self._fetch(tuple[str], query, (name, name + "\U0010ffff", limit))]

    def counts(self) -> dict[str, Counter[tuple[Kind, str]]]:
        """Rows by step, kind and reason."""
        counts: dict[str, Counter[tuple[Kind, str]]] = {}
        query = "select step, kind, reason, count(*) from rows group by step, kind, reason"
        for step, kind, reason, n in self._fetch(tuple[str, Kind, str, int], query):
            counts.setdefault(step, Counter())[kind, reason] = n
        return counts

    def newest(self) -> str:
        """Changes with every row that is written or forgotten."""
        query = "select count(*), coalesce(max(id), 0) from rows"
        ((count, last),) = self._fetch(tuple[int, int], query)
        return f"{count} rows up to {last}"

    def media_types(self) -> Iterator[tuple[str, str]]:
        """The digest and the media type of every picture and sound."""
        with faults.reading(self.path):
            yield from self._db.execute("select sha256, media_type from blobs")

    def blob(self, sha256: str) -> bytes:
        """The bytes of a picture or sound.

        Raises:
            RunFolderError: they are not in the journal, or damaged.
        """
        rows = self._fetch(tuple[bytes], "select bytes from blobs where sha256 = ?", (sha256,))
        if not rows or hashlib.sha256(rows[0][0]).hexdigest() != sha256:
            raise faults.damage(
                self.path, f"the picture or sound {sha256} is not as it was written"
            )
        return rows[0][0]

    # Attempts and sums

    def totals(self) -> list[Total]:
        """Totals of the calls, by attempt, step, role and model."""
        return self._fetch(Total, "select * from totals")

    def attempts(self) -> list[Attempt]:
        """Every start of the run."""
        return self._fetch(
            Attempt, "select id, started, ended, status, uid from attempts order by id"
        )

    def sum_cost(self) -> float:
        """Dollars, over all attempts; replies of unknown price count nothing."""
        query = "select coalesce(sum(cost), 0.0) from totals"
        return self._fetch(tuple[float], query)[0][0]

    # Effects

    def effects(self, kind: str = "", scope: bytes = b"") -> Iterator[Entry]:
        """The effects of a kind (all, if empty) whose key begins with `scope`, in the order they
        were written."""
        with faults.reading(self.path):
            # All effects are read in order of their ids; the index by key would have them sorted.
            source = "effects" if scope else "effects not indexed"
            for checksum, *values in self._db.execute(
                EFFECTS.format(source), (scope, scope + b"\xff" * 24, kind, kind)
            ):
                effect = msgspec.convert(values, Entry)
                if effect_checksum(effect.key, effect.reply, effect.text) != checksum:
                    raise faults.damage(
                        self.path,
                        f"a reply of step {effect.step!r}, task {effect.task!r} was changed",
                    )
                yield effect

    def calls(self, scope: bytes = b"") -> Iterator[Entry]:
        """The model calls whose key begins with `scope`, in the order they were written."""
        return self.effects("call", scope)

    def answered_by(self, kind: str) -> dict[str, int]:
        """How many effects of a kind there are, by who answered."""
        query = (
            "select model, count(*) from effects join origins on origins.id = origin "
            "where kind = ? group by model"
        )
        return dict(self._fetch(tuple[str, int], query, (kind,)))

    def request(self, call: Entry) -> Request:
        """What a model call asked, with the whole conversation, without who was asked."""
        with faults.reading(self.path):
            request = msgspec.json.decode(call.request, type=Request)
            messages, chain = read_messages(self._db, call.id)
        request = msgspec.structs.replace(request, messages=messages)
        turns = canonical(request).turns
        if (turns[-1].hash if turns else b"") != chain:
            raise faults.damage(
                self.path, f"a request of step {call.step!r}, task {call.task!r} was changed"
            )
        return request

    def messages(self, call: Entry) -> tuple[Message, ...]:
        """The conversation that a model call asked."""
        return self.request(call).messages

    def request_hash(self, call: Entry) -> bytes:
        """The digest of what a model call asked, as `canonical` makes it."""
        return canonical(self.request(call)).hash


_NUMBER = tuple[int]
ROW = "step, task, ordinal, kind, reason, position, body, content, checksum"


class _RowTypes(msgspec.Struct, array_like=True, gc=False):
    """What types the columns of a row have. A struct: a tuple type is looked up anew at every use."""

    step: str
    task: str
    ordinal: int
    kind: Kind
    reason: str
    position: bytes
    body: bytes
    content: bytes


EFFECTS = """
select checksum, effects.id, attempt, kind, step, task, scope, role, draw, source, model,
    coalesce(heads.body, request), reply, text, key
from {} join origins on origins.id = origin left join heads on heads.id = head
where key >= ? and key < ? and (? = '' or kind = ?) order by effects.id"""
