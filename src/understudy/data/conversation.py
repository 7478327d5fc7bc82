"""Conversations as data sets hold them, read as messages.

There are two shapes, and each turn may have either: OpenAI's (`role`, `content`, `tool_calls`,
`tool_call_id`) and ShareGPT's (`from`, `value`, with `human`, `gpt`, `function_call` and
`observation` as speakers). Pictures are in the content, or in a column of their own, in the order in
which `<image>` or parts `{"type": "image"}` name their places. If no place is named, they come before
the text of the first user turn.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from understudy.data.bad_row import preview
from understudy.data.images import image
from understudy.data.plain import as_record
from understudy.types import Audio, Image, Message, Part, Role, Text, ToolCall

_ROLES: dict[object, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "function_call": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
}
_PLACE = "<image>"
_EMPTY = Image()
"""The place of a picture that is in another column."""


def is_conversation(value: object) -> bool:
    """Whether it is a list of turns in one of the two shapes."""
    if not isinstance(value, list) or not value:
        return False
    first = cast("list[object]", value)[0]
    return isinstance(first, Mapping) and ("role" in first or "from" in first)


def read_conversation(
    value: object, folder: Path, pictures: Sequence[Image] = ()
) -> tuple[Message, ...]:
    """The turns as messages, each picture in its place.

    Raises:
        ValueError: a turn is not of a known shape, or the pictures do not fit the places.
    """
    if not isinstance(value, list) or not value:
        raise ValueError(f"expected a list of turns, found {preview(cast('object', value))}")
    turns = cast("list[object]", value)
    messages = tuple(_read_message(turn, number, folder) for number, turn in enumerate(turns, 1))
    return _place_pictures(messages, pictures)


def _read_message(turn: object, number: int, folder: Path) -> Message:
    if not isinstance(turn, Mapping):
        raise ValueError(f"turn {number}: expected role and content, found {preview(turn)}")
    fields = cast("Mapping[str, Any]", turn)
    speaker = fields.get("role") or fields.get("from")
    role = _ROLES.get(speaker.lower()) if isinstance(speaker, str) else None
    if role is None:
        raise ValueError(
            f"turn {number}: expected system, user, assistant or tool as its role (ShareGPT: "
            f"human, gpt, function_call or observation), found {preview(speaker)}"
        )
    content = fields.get("content", fields.get("value"))
    if speaker == "function_call":
        return Message(role, tool_calls=_read_calls(_decode(content), number))
    return Message(
        role,
        _read_content(content, number, folder),
        tool_calls=_read_calls(fields.get("tool_calls") or (), number),
        tool_call_id=str(fields.get("tool_call_id") or ""),
    )


def _read_content(content: object, number: int, folder: Path) -> str | tuple[Part, ...]:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise ValueError(
            f"turn {number}: expected text or a list of parts, found {preview(content)}"
        )
    parts = tuple(_read_part(part, number, folder) for part in cast("list[object]", content))
    if all(isinstance(part, Text) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, Text))
    return parts


def _read_part(part: object, number: int, folder: Path) -> Part:
    if isinstance(part, str):
        return Text(part)
    fields = as_record(part)
    kind = fields.get("type")
    if kind in ("text", "input_text") and isinstance(fields.get("text"), str):
        return Text(fields["text"])
    if kind in ("image", "image_url", "input_image"):
        value = fields.get("image_url") or fields.get("image") or fields
        if value is fields and not any(
            fields.get(name) for name in ("data", "url", "path", "bytes")
        ):
            return _EMPTY
        return image(value, folder)
    if kind in ("audio", "input_audio"):
        return _read_audio(fields.get("input_audio") or fields, number)
    raise ValueError(
        f"turn {number}: expected a part of text, image or audio, found {preview(part)}"
    )


def _read_audio(fields: object, number: int) -> Audio:
    record = as_record(fields)
    media_type = str(record.get("media_type") or f"audio/{record.get('format') or 'wav'}")
    if isinstance(url := record.get("url"), str) and url:
        return Audio(url=url)
    try:
        return Audio(media_type=media_type, data=base64.b64decode(record["data"], validate=True))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"turn {number}: expected audio in base64, found {preview(record)}"
        ) from error


def _decode(value: object) -> object:
    """Function calls in ShareGPT's form: JSON text of `name` and `arguments`, or of a list of them."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return value
    return cast("list[object]", value) if isinstance(value, list) else [value]


def _read_calls(value: object, number: int) -> tuple[ToolCall, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"turn {number}: expected a list of tool calls, found {preview(value)}")
    return tuple(_read_call(call, number) for call in cast("Sequence[object]", value))


def _read_call(call: object, number: int) -> ToolCall:
    fields = as_record(call)
    function = fields.get("function")
    inner = as_record(function) or fields
    name, arguments = inner.get("name"), inner.get("arguments") or ""
    if not isinstance(name, str):
        raise ValueError(f"turn {number}: expected a tool call with a name, found {preview(call)}")
    if not isinstance(arguments, str):
        arguments = msgspec.json.encode(arguments).decode()
    return ToolCall(id=str(fields.get("id") or ""), name=name, arguments=arguments)


def _place_pictures(
    messages: tuple[Message, ...], pictures: Sequence[Image]
) -> tuple[Message, ...]:
    places = sum(part is _EMPTY for message in messages for part in message.media)
    marks = sum(message.text.count(_PLACE) for message in messages) if pictures else 0
    if places == 0 and pictures and marks != len(pictures):
        return _place_first(messages, pictures)
    if places not in (0, len(pictures)):
        raise ValueError(
            f"expected as many pictures as places for them, found {len(pictures)} and {places}"
        )
    if not pictures:
        return messages
    rest = iter(pictures)
    return tuple(
        msgspec.structs.replace(
            message, content=tuple(_fill_places(message, rest, marks=not places))
        )
        if any(part is _EMPTY for part in message.media) or (not places and _PLACE in message.text)
        else message
        for message in messages
    )


def _place_first(messages: tuple[Message, ...], pictures: Sequence[Image]) -> tuple[Message, ...]:
    for index, message in enumerate(messages):
        if message.role == "user":
            content = message.content
            parts = (Text(content),) if isinstance(content, str) else content
            message_with_pictures = msgspec.structs.replace(message, content=(*pictures, *parts))
            return (*messages[:index], message_with_pictures, *messages[index + 1 :])
    raise ValueError("expected a user turn to go with the pictures, found none")


def _fill_places(message: Message, rest: Iterator[Image], *, marks: bool) -> Iterator[Part]:
    parts = (Text(message.content),) if isinstance(message.content, str) else message.content
    for part in parts:
        if part is _EMPTY:
            yield next(rest)
        elif marks and isinstance(part, Text):
            for index, text in enumerate(part.text.split(_PLACE)):
                if index:
                    yield next(rest)
                if text:
                    yield Text(text)
        else:
            yield part
