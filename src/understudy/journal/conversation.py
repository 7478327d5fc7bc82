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


def read_messages(db: sqlite3.Connection, effect: int) -> tuple[Message, ...]:
    """The whole conversation that an effect asked."""
    parts = list[list[_Written]]()
    place, most = effect, None
    while place is not None and most != 0:
        head, parent, shared, request = db.execute(ASKED, (place,)).fetchone()
        if head is None:  # a request without messages stands there whole
            break
        turns = _decode(request)
        parts.append(turns if most is None else turns[: max(0, most - shared)])
        # Of what is before this effect's own turns, only what the later one shares.
        place, most = parent, shared if most is None else min(shared, most)
    return tuple(_message(db, turn) for turns in reversed(parts) for turn in turns)


ASKED = "select head, parent, shared, request from effects where id = ?"


def _message(db: sqlite3.Connection, turn: _Written) -> Message:
    content = turn.content
    if turn.reply is not None:
        (content,) = db.execute("select text from effects where id = ?", (turn.reply,)).fetchone()
    return Message(turn.role, content, turn.tool_calls, turn.tool_call_id)
