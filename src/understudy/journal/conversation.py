"""How the turns of a request are written, and read again."""

import sqlite3

import msgspec

from understudy.types import Message, Part, Role, ToolCall


class Repeated(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message whose text is that of a reply in the journal."""

    role: Role
    reply: int
    """The effect's id."""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


class _Written(msgspec.Struct, frozen=True):
    """A message as it stands in the journal."""

    role: Role
    content: str | tuple[Part, ...] = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    reply: int | None = None


_decode = msgspec.json.Decoder(list[_Written]).decode


def read_messages(db: sqlite3.Connection, effect: int) -> tuple[tuple[Message, ...], bytes]:
    """The whole conversation that an effect asked, and its digest."""
    parts, digest = list[list[_Written]](), b""
    place: int | None = effect
    most: int | None = None
    while place is not None and most != 0:
        row = db.execute(ASKED, (place,)).fetchone()
        if row is None or row[0] is None:  # a request without messages stands there whole
            break
        _, parent, shared, chain, request = row
        digest = chain if most is None else digest
        if parent is not None and parent >= place:
            break  # a damaged reference: the digest will tell
        turns = _decode(request)
        # Of an earlier effect's own turns, only what the later one shares.
        parts.append(turns if most is None else turns[: max(0, most - shared)])
        place, most = parent, shared if most is None else min(shared, most)
    return tuple(_message(db, turn) for turns in reversed(parts) for turn in turns), digest


ASKED = "select head, parent, shared, chain, request from effects where id = ?"


def _message(db: sqlite3.Connection, turn: _Written) -> Message:
    content = turn.content
    if turn.reply is not None:
        row = db.execute("select text from effects where id = ?", (turn.reply,)).fetchone()
        content = row[0] if row else ""
    return Message(turn.role, content, turn.tool_calls, turn.tool_call_id)
