"""What a step made of a task, as the journal keeps it."""

from typing import Literal, NamedTuple, TypeAlias
from zlib import crc32

from understudy.types import Audio, Image

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
    """JSON; pictures and sound by digest."""
    content: bytes = b""
    """Digest of the task the row was made of: a row of another content is out of date."""
    media: tuple[Image | Audio, ...] = ()
    """The pictures and sound that `body` names, where their bytes are not in the journal yet."""


def row_checksum(row: Row) -> int:
    """CRC-32 over all of a row, to detect flipped bits."""
    names = f"{row.step}\0{row.task}\0{row.ordinal}\0{row.kind}\0{row.reason}".encode()
    return crc32(row.body, crc32(row.content, crc32(row.position, crc32(names))))


def effect_checksum(key: bytes, reply: bytes, text: str) -> int:
    """The same for an effect: over its key and its outcome."""
    return crc32(text.encode(), crc32(reply, crc32(key)))
