"""From effects and rows to the rows of the tables: each text, turn and picture once."""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

import msgspec

from understudy.journal.conversation import Repeated
from understudy.journal.effect import Effect
from understudy.journal.rows import Row, effect_checksum, row_checksum
from understudy.types import Audio, Image, Turn

K = TypeVar("K")
Values = list[tuple[object, ...]]

_encode = msgspec.json.Encoder().encode


class Inserts:
    """Writes to one connection; its caller begins and commits.

    A conversation is written as it grows: a request names the earlier request that it continues,
    and adds its own last turns; of a turn that repeats a reply, only the reply's place. Which those
    are is known for what came recently, without an index: an index by digest costs a page of the disk
    for each text. What was forgotten and comes again is written once more.
    """

    def __init__(self, connection: sqlite3.Connection, attempt: int) -> None:
        self._db = connection
        self._attempt = attempt
        # Plain dicts, forgotten from the front after a batch (`_trim`): they are used for every effect.
        self._origins = dict[tuple[object, ...], int]()
        self._heads = dict[bytes, int]()
        self._turns = dict[bytes, tuple[int, int]]()
        """By the digest of a conversation: the effect that asked it, and how many turns it has."""
        self._replies = dict[str, int]()
        """By the text of a reply: its effect."""
        self._characters = 0
        """Of the keys of `_replies`."""
        self._last = self._remember()

    def _remember(self) -> dict[str, int]:
        """Load what was written last, also by earlier attempts. Returns the last id of each table."""
        last = {
            table: self._db.execute(f"select coalesce(max(id), 0) from {table}").fetchone()[0]
            for table in ("effects", "origins", "heads")
        }
        for number, body in self._db.execute(
            "select id, body from heads where id > ?", (last["heads"] - RECENT_ORIGINS,)
        ):
            self._heads[body] = number
        for number, chain, shared, request, text in self._db.execute(
            "select id, chain, shared, request, text from effects where id > ?",
            (last["effects"] - RECENT,),
        ):
            if chain:
                self._turns[chain] = number, shared + len(msgspec.json.decode(request))
            if len(text) > SHORT:
                self._replies[text] = number
                self._characters += len(text)
        return last

    def effects(self, effects: Sequence[Effect]) -> None:
        """Write effects. One that is in the journal already stays as it is."""
        last = dict(self._last)
        if self._insert(effects) < len(effects):
            # Others refer to what was left out: take back all, and write what is new.
            self._db.execute("rollback to effects")
            self._last = last
            for recent in (self._origins, self._heads, self._turns, self._replies):
                recent.clear()
            self._characters = 0
            self._insert(self._new(effects))
        self._db.executemany(ADD_TOTALS, _totals(self._attempt, effects))
        self._media([part for effect in effects if effect.media for part in effect.media])
        self._trim()

    def _insert(self, effects: Sequence[Effect]) -> int:
        """How many of them were new."""
        origins, heads = Values(), Values()
        values = [self._values(effect, origins, heads) for effect in effects]
        self._db.execute("savepoint effects")
        self._db.executemany("insert into origins values (?, ?, ?, ?, ?, ?, ?, ?)", origins)
        self._db.executemany("insert into heads values (?, ?)", heads)
        return self._db.executemany(ADD_EFFECT, values).rowcount

    def _new(self, effects: Sequence[Effect]) -> list[Effect]:
        keys, new = set[bytes](), list[Effect]()
        for effect in effects:
            there = self._db.execute("select 1 from effects where key = ?", (effect.key,))
            if effect.key not in keys and there.fetchone() is None:
                new.append(effect)
            keys.add(effect.key)
        return new

    def _values(self, e: Effect, origins: Values, heads: Values) -> tuple[object, ...]:
        # Runs once per effect, beside everything else that the process does: spelt out for speed.
        self._last["effects"] = number = self._last["effects"] + 1
        origin = e.kind, e.step, e.scope, e.role, e.endpoint, e.model, e.source
        if (origin_id := self._origins.get(origin)) is None:
            origin_id = self._add("origins", self._origins, origin)
            origins.append((origin_id, self._attempt, *origin[:4], e.who, e.source))
        form, text = e.request, e.text
        if not (turns := form.turns):
            chain, head, parent, shared, request = b"", None, None, 0, form.head
        else:
            if (head := self._heads.get(form.head)) is None:
                head = self._add("heads", self._heads, form.head)
                heads.append((head, form.head))
            chain, parent, shared, request = self._continue(turns, number)
        if len(text) > SHORT:
            self._replies[text] = number
            self._characters += len(text)
        return (
            number, e.key, origin_id, e.task, e.draw, head, parent, shared, chain, request, e.reply,
            text, effect_checksum(e.key, e.reply, text),
        )  # fmt: skip

    def _continue(self, turns: Sequence[Turn], number: int) -> tuple[bytes, int | None, int, bytes]:
        """The digest of a conversation, the effect that it goes on from, how many turns they share,
        and the JSON of the others."""
        recent = self._turns
        last = turns[-1]
        if len(turns) == 1:  # as most requests are: nothing to share but the question itself
            if (place := recent.get(last.hash)) is not None:
                return last.hash, *place, b"[]"
            recent[last.hash] = number, 1
            return last.hash, None, 0, b"[%b]" % last.body
        parent, shared = self._prefix(turns)
        # The first turn of all repeats no reply.
        parts = [self._encode_turn(turn) for turn in turns[max(1, shared) :]]
        if not shared:
            parts.insert(0, turns[0].body)
        for i in range(max(shared, len(turns) - 2), len(turns)):
            recent[turns[i].hash] = number, i + 1
        return last.hash, parent, shared, b"[%b]" % b",".join(parts)

    def _add(self, table: str, recent: dict[K, int], value: K) -> int:
        self._last[table] = recent[value] = number = self._last[table] + 1
        return number

    def _trim(self) -> None:
        """Forget what came first, where there is more than is worth its memory."""
        for recent, most in (
            (self._origins, RECENT_ORIGINS),
            (self._heads, RECENT_ORIGINS),
            (self._turns, RECENT_TURNS),
        ):
            if len(recent) > 2 * most:
                _forget_first(recent, len(recent) - most)
        if self._characters > 2 * RECENT_TEXT:
            _forget_first(self._replies, len(self._replies) // 2)
            self._characters = sum(map(len, self._replies))

    def _prefix(self, turns: Sequence[Turn]) -> tuple[int | None, int]:
        """The effect that asked the longest known beginning, and how many turns that is."""
        for turn in reversed(turns):
            if (place := self._turns.get(turn.hash)) is not None:
                return place
        return None, 0

    def _encode_turn(self, turn: Turn) -> bytes:
        """A message as JSON; one that repeats a reply names its effect in place of the text."""
        message, text = turn.message, turn.message.content
        if (
            isinstance(text, str)
            and len(text) > SHORT
            and (effect := self._replies.get(text)) is not None
        ):
            return _encode(Repeated(message.role, effect, message.tool_calls, message.tool_call_id))
        return turn.body

    def rows(self, rows: Sequence[Row]) -> None:
        """Write rows; one of the same step, task and ordinal takes the place of the earlier."""
        self._db.executemany(
            ADD_ROW,
            [
                (
                    r.step, r.task, r.ordinal, r.kind, r.reason, r.position, self._attempt,
                    r.content, r.body, row_checksum(r),
                )
                for r in rows
            ],
        )  # fmt: skip
        self._media([part for row in rows if row.media for part in row.media])

    def forget(self, scopes: Iterable[tuple[str, str]]) -> None:
        """Remove the rows that a step made of a task."""
        self._db.executemany("delete from rows where step = ? and task = ?", scopes)

    def _media(self, media: Sequence[Image | Audio]) -> None:
        values = [(part.sha256, part.media_type, part.data) for part in media if part.data]
        if values:
            self._db.executemany(ADD_BLOB, values)


def _forget_first(recent: dict[Any, Any], n: int) -> None:
    for key in list(islice(recent, n)):
        del recent[key]


RECENT = 8_192
"""Effects of the attempt before that are known as if this one had written them."""
RECENT_ORIGINS = 1_024
RECENT_TURNS = 16_384
RECENT_TEXT = 8 * 2**20
"""Characters."""
SHORT = 64
"""Texts of at most this many characters are not worth a reference."""

ADD_EFFECT = f"insert or ignore into effects values ({', '.join('?' * 13)})"
ADD_ROW = """
insert or replace into rows
    (step, task, ordinal, kind, reason, position, attempt, content, body, checksum)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
ADD_BLOB = "insert or ignore into blobs values (?, ?, ?)"
ADD_TOTALS = """
insert into totals values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict do update set sent = sent + excluded.sent, reused = reused + excluded.reused,
    tokens_in = tokens_in + excluded.tokens_in, tokens_out = tokens_out + excluded.tokens_out,
    cached = cached + excluded.cached, reasoning = reasoning + excluded.reasoning,
    cost = cost + excluded.cost, unpriced = unpriced + excluded.unpriced"""


def _totals(attempt: int, effects: Sequence[Effect]) -> Values:
    """One row per (step, role, model): what these effects add to the sums."""
    sums: dict[tuple[str, str, str], list[float]] = {}
    for e in effects:
        usage = e.usage
        if usage is None:
            continue
        name = e.step, e.role, e.model
        if (total := sums.get(name)) is None:
            total = sums[name] = [0, 0, 0, 0, 0, 0, 0.0, 0]
        if e.source:
            total[1] += 1
            continue
        total[0] += e.sent
        total[2] += usage.tokens_in
        total[3] += usage.tokens_out
        total[4] += usage.cached
        total[5] += usage.reasoning
        total[6] += e.cost or 0.0
        total[7] += e.sent and e.cost is None
    return [(attempt, *name, *total) for name, total in sums.items()]
