"""What several formats share: turns as chat templates read them, and the columns of pictures and sound.

Tool calls are `tool_calls` with the arguments as an object, as chat templates expect (as text where
they are not a JSON object). A tool's result names the tool. The declarations of the tools are not
part of an example.

Pictures and sound: `images` and `audios` hold, in order, `http(s)` or `data:` URLs. Their places
are `{"type": "image"}` parts, or `<image>` marks in formats of plain text. If all pictures come
first in the first user turn, no parts are needed: TRL puts them there by itself.
"""

import base64
from collections.abc import Sequence
from typing import cast

import msgspec

from understudy.exports.columns import Column
from understudy.exports.formats.format import inexpressible
from understudy.types import Audio, Example, Image, Json, Message, Text, ToolCall

TURN: Column = {
    "role": "text",
    "content": "text",
    "tool_calls?": [
        {"id": "text", "type": "text", "function": {"name": "text", "arguments": "json"}}
    ],
    "tool_call_id?": "text",
    "name?": "text",
}


def check_answer(example: Example, format: str) -> None:
    """
    Raises:
        ValueError: the example does not end with the assistant's answer to something.
    """
    if len(example.messages) < 2 or example.messages[-1].role != "assistant":
        last = f"{name_turn(example.messages[-1])} at the end" if example.messages else "no turn"
        raise inexpressible(example, format, "a question and the assistant's answer after it", last)


def name_turn(message: Message) -> str:
    """For a message: `a user turn`, `an assistant turn`."""
    return f"{'an' if message.role == 'assistant' else 'a'} {message.role} turn"


def split_system(example: Example, format: str) -> tuple[str, Sequence[Message]]:
    """The system prompt, and the other turns.

    Raises:
        ValueError: a system turn stands further on.
    """
    turns = example.messages
    opening = turns[0].text if turns and turns[0].role == "system" else ""
    rest = turns[1:] if turns and turns[0].role == "system" else turns
    if any(message.role == "system" for message in rest):
        raise inexpressible(example, format, "a system turn only at the start", "one further on")
    return opening, rest


def encode_turns(messages: Sequence[Message]) -> list[Json]:
    """The turns as records. Their content is text if all pictures come first, and parts otherwise."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    simple = _has_pictures_first(messages)
    return [_turn(message, names, simple=simple) for message in messages]


def _turn(message: Message, names: dict[str, str], *, simple: bool) -> Json:
    turn: Json = {"role": message.role, "content": message.text}
    if message.media and not simple:
        turn["content"] = _parts(message)
    if message.tool_calls:
        turn["tool_calls"] = [_call(call) for call in message.tool_calls]
    if message.role == "tool":
        turn["tool_call_id"] = message.tool_call_id
        turn["name"] = names.get(message.tool_call_id, "")
    return turn


def _call(call: ToolCall) -> Json:
    function = {"name": call.name, "arguments": decode_arguments(call)}
    return {"id": call.id, "type": "function", "function": function}


def decode_arguments(call: ToolCall) -> Json | str:
    """A tool call's arguments as an object; as the text that they are where they are not one."""
    try:
        value: object = msgspec.json.decode(call.arguments or "{}")
    except (msgspec.DecodeError, RecursionError):
        return call.arguments
    return cast("Json", value) if isinstance(value, dict) else call.arguments


def _parts(message: Message) -> list[Json]:
    return [
        {"type": "text", "text": part.text}
        if isinstance(part, Text)
        else {"type": "image" if isinstance(part, Image) else "audio"}
        for part in message.content
        if not isinstance(part, str)
    ]


def _has_pictures_first(messages: Sequence[Message]) -> bool:
    """Whether all media are pictures before the text of the first user turn."""
    first = next((index for index, turn in enumerate(messages) if turn.role == "user"), None)
    if any(turn.media for index, turn in enumerate(messages) if index != first):
        return False
    if first is None or isinstance(messages[first].content, str):
        return True
    kinds = [type(part) for part in messages[first].content]
    return not kinds or kinds == [Image] * (len(kinds) - 1) + [Text]


def mark_media(message: Message) -> str:
    """The turn's text, with `<image>` and `<audio>` where pictures and sound stand."""
    if isinstance(message.content, str):
        return message.content
    marks = {Image: "<image>", Audio: "<audio>"}
    return "".join(
        part.text if isinstance(part, Text) else marks[type(part)] for part in message.content
    )


def media_columns(example: Example) -> Json:
    """The columns `images` and `audios`, where there are any."""
    media = [part for message in example.messages for part in message.media]
    if not media:
        return {}
    columns = {
        "images": [_url(example, part) for part in media if isinstance(part, Image)],
        "audios": [_url(example, part) for part in media if isinstance(part, Audio)],
    }
    return {name: urls for name, urls in columns.items() if urls}


def _url(example: Example, part: Image | Audio) -> str:
    if part.url:
        return part.url
    if not part.data:
        raise ValueError(
            f"example {example.id!r}: expected a picture or sound with its bytes or URL, found only "
            f"its digest {part.sha256!r}."
        )
    return f"data:{part.media_type};base64,{base64.b64encode(part.data).decode()}"
