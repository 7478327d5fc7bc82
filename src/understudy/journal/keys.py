"""What an effect is found by: a digest of its content, and of nothing else.

A request is digested from its prefix on. Each message makes one link of a chain: the digest of the
link before, and of the message. Two requests of one conversation share the links of their common
beginning; a message that was digested after the same turns before is not digested again.
"""

from hashlib import blake2b

import msgspec

from understudy.journal.recent import Recent
from understudy.types import Canonical, Message, Request, Text, Turn

_encode = msgspec.json.Encoder(order="deterministic").encode


def plain(body: bytes) -> Canonical:
    """What is asked by an effect that is no model call: its JSON."""
    return Canonical(blake2b(body, digest_size=16).digest(), body, (), len(body))


def canonical(request: Request) -> Canonical:
    """A request's digest, and the parts that are stored."""
    # A struct is left out where it *is* the default, not where it equals it.
    sampling = _UNSET if request.sampling == _UNSET else request.sampling
    head = _encode(
        msgspec.structs.replace(
            request, model="", endpoint="", revision="", messages=(), sampling=sampling
        )
    )
    turns, size, parent = list[Turn](), len(head), b""
    last = len(request.messages) - 1
    for i, message in enumerate(request.messages):
        # The last message rarely comes again; once the conversation goes on, it is not the last.
        turn = _turn(parent, message) if i == last else _known_turn(parent, message)
        turns.append(turn)
        size += len(turn.body)
        parent = turn.hash
    return Canonical(blake2b(parent + head, digest_size=16).digest(), head, tuple(turns), size)


_UNSET = Request(model="").sampling
_turns: Recent[tuple[bytes, Message], Turn] = Recent(32 * 2**20)
"""Recent turns by the turn before and the message, up to this many bytes of text."""


def _known_turn(parent: bytes, message: Message) -> Turn:
    if type(message.content) is not str:
        message = _by_digest(message)
    key = parent, message
    if (turn := _turns.get(key)) is None:
        turn = _turn(parent, message)
        _turns.add(key, turn, 2 * len(turn.body) + 500)
    return turn


def _turn(parent: bytes, message: Message) -> Turn:
    if type(message.content) is not str:
        message = _by_digest(message)
    body = _encode(message)
    return Turn(blake2b(parent + body, digest_size=16).digest(), message, body)


def _by_digest(message: Message) -> Message:
    """The message with its pictures and sound named by digest, their bytes left out."""
    assert not isinstance(message.content, str)
    parts = tuple(
        part if isinstance(part, Text) else msgspec.structs.replace(part, data=b"")
        for part in message.content
    )
    return msgspec.structs.replace(message, content=parts)


def scope_key(step: str, task: str) -> bytes:
    """The first eight bytes of the key of every effect of a task in a step."""
    return blake2b(_encode((step, task)), digest_size=8).digest()


def effect_key(
    kind: str, step: str, task: str, scope: str, role: str, who: str, hash: bytes, draw: int
) -> bytes:
    """The content address of an effect: 8 bytes of its step and task; 16 of kind, scope, role, who
    is asked, what is asked, and draw."""
    content = _encode((kind, scope, role, who, draw)) + hash
    return scope_key(step, task) + blake2b(content, digest_size=16).digest()
