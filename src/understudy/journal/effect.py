"""What a method does to the world, as the journal keeps it: one row per effect, whatever its kind.

A model call, a program run in the sandbox, an embedding and a memo differ in what is asked and in
what comes back, not in how they are found again: by a key made of content (see `keys.py`).
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from understudy.journal.blobs import list_media, without_bytes
from understudy.journal.read import Records
from understudy.journal.rows import Row
from understudy.types import Audio, Canonical, Image, Reply, Usage


class Effect(NamedTuple):
    """One row of `effects`."""

    key: bytes
    kind: str
    """The handle's name: `call`, `sandbox`, `embedding`, `memo`, ..."""
    step: str
    task: str
    scope: str
    """The unit of work within the task, e.g. `agent 7`; empty for the task itself."""
    role: str
    draw: int
    model: str
    """Who answered: the model's name, the isolation, the embedder's name."""
    request: Canonical
    reply: bytes
    """JSON."""
    usage: Usage | None = None
    """None for effects that are not billed: they are not part of the totals."""
    cost: float | None = None
    """Dollars; None where the price is unknown."""
    sent: bool = True
    """False for the later replies of one wire call, which cost nothing of their own."""
    source: str = ""
    """The other run's journal that it was taken from, if any."""
    endpoint: str = ""
    """Where the model is reached; empty for what runs here."""
    text: str = ""
    """The text of a model's reply, where `reply` leaves it out: see `packed`."""
    media: tuple[Image | Audio, ...] = ()
    """Pictures and sound that came back, with their bytes; `reply` names them by digest."""

    @property
    def who(self) -> str:
        """Who answered, and where."""
        return f"{self.endpoint}:{self.model}" if self.endpoint else self.model


class Stored(NamedTuple):
    """What the journal has for a key."""

    reply: bytes
    """JSON, without the text."""
    text: str = ""
    source: str = ""
    """The other journal it stands in; empty: this one."""


class Journal(Protocol):
    """The memory of a run. SQLite keeps it (`write.py`); a shard's or a test's may be another."""

    @property
    def records(self) -> Records:
        """The journal as it stands, for reading."""
        ...

    def get(self, key: bytes) -> Stored | None:
        """The earlier outcome of the effect, in this run or in one that is reused."""
        ...

    def put(self, effects: Sequence[Effect]) -> "asyncio.Future[None]":
        """Done once all are on disk, in one transaction.

        Raises:
            RunFolderError: they could not be written. The run cannot go on.
        """
        ...

    def finish(
        self, rows: Sequence[Row], forget: Sequence[tuple[str, str]] = ()
    ) -> "asyncio.Future[None]":
        """All rows of one task: their presence is the mark that the task is done. `forget`: steps
        and tasks whose rows are removed before.

        Raises:
            RunFolderError: as `put`.
        """
        ...

    async def close(self, status: str) -> None:
        """Everything written so far is on disk; `status` is how the attempt ended."""
        ...


def pack(reply: Reply) -> "Packed":
    """A model's reply as an effect holds it: its text on its own, since it often comes back as a
    message, and the bytes of its pictures and sound on their own.
    """
    text = reply.text
    if not text.isascii():
        text.encode()  # text that cannot be written is refused here, not in the writing thread
    media = list_media(reply) if reply.media else ()
    if media:
        reply = without_bytes(reply)
    return Packed(_encode(msgspec.structs.replace(reply, text="")), text, media)


class Packed(NamedTuple):
    """See `pack`."""

    reply: bytes
    text: str
    media: tuple[Image | Audio, ...] = ()


def unpack(stored: Stored) -> Reply:
    """The reply that was packed."""
    reply = _decode(stored.reply)
    return msgspec.structs.replace(reply, text=stored.text) if stored.text else reply


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Reply).decode
