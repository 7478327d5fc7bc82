"""Pictures and sound: their bytes once in the journal, their digests everywhere else.

Bytes come in with a seed or a reply, and go out to an endpoint or an export. Between these two
borders a picture is a digest and a media type, so that what a run has in memory does not grow with
its pictures.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from understudy.types import Audio, Example, Image, Message, Rejection, Reply, Text, WireCall

Media = Image | Audio
T = TypeVar("T")
V = TypeVar("V", Example, Rejection, Reply)


def list_media(value: Example | Rejection | Reply) -> tuple[Media, ...]:
    """The pictures and sound of a value that have their bytes with them."""
    return tuple(part for part in _all_media(value) if part.data)


def without_bytes(value: V) -> V:
    """The same value with its pictures and sound named by digest."""
    return _map_media(value, lambda part: msgspec.structs.replace(part, data=b""))


def with_bytes(value: V, blob: Callable[[str], bytes]) -> V:
    """The same value with the bytes of its pictures and sound; `blob` has them by digest."""

    def attach(part: Media) -> Media:
        return msgspec.structs.replace(part, data=blob(part.sha256)) if _is_bare(part) else part

    return _map_media(value, attach) if any(map(_is_bare, _all_media(value))) else value


def attach_media(
    provide: Callable[[WireCall], Awaitable[T]], blob: Callable[[str], bytes]
) -> Callable[[WireCall], Awaitable[T]]:
    """A provider that is given the bytes of the pictures and sound of a request, for as long as the
    request is under way."""

    def attach(part: Media) -> Media:
        return msgspec.structs.replace(part, data=blob(part.sha256)) if _is_bare(part) else part

    async def ask(wire: WireCall) -> T:
        if any(_is_bare(part) for part in _media(wire.request.messages)):
            messages = tuple(_map_message(turn, attach) for turn in wire.request.messages)
            request = msgspec.structs.replace(wire.request, messages=messages)
            wire = WireCall(
                tuple(msgspec.structs.replace(call, request=request) for call in wire.calls)
            )
        return await provide(wire)

    return ask


def _is_bare(part: Media) -> bool:
    return bool(part.sha256) and not part.data and not part.url


def _all_media(value: Example | Rejection | Reply | None) -> Iterable[Media]:
    if isinstance(value, Example):
        return _media(value.messages + value.rejected)
    if isinstance(value, Rejection):
        return _all_media(value.example)
    return () if value is None else value.media


def _media(turns: Sequence[Message]) -> Iterator[Media]:
    return (part for turn in turns if not isinstance(turn.content, str) for part in turn.media)


def _map_media(value: V, change: Callable[[Media], Media]) -> V:
    if isinstance(value, Reply):
        return msgspec.structs.replace(value, media=tuple(map(change, value.media)))
    if isinstance(value, Rejection):
        example = None if value.example is None else _map_media(value.example, change)
        return msgspec.structs.replace(value, example=example)
    messages = tuple(_map_message(turn, change) for turn in value.messages)
    rejected = tuple(_map_message(turn, change) for turn in value.rejected)
    return msgspec.structs.replace(value, messages=messages, rejected=rejected)


def _map_message(message: Message, change: Callable[[Media], Media]) -> Message:
    if isinstance(message.content, str):
        return message
    parts = tuple(part if isinstance(part, Text) else change(part) for part in message.content)
    return msgspec.structs.replace(message, content=parts)
