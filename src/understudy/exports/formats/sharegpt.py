"""`sharegpt`: the turns by speaker, with LLaMA-Factory's default tags.

https://llamafactory.readthedocs.io/en/latest/getting_started/data_preparation.html

The speakers are `system`, `human`, `gpt`, `function_call` and `observation`. Human turns and
observations alternate with the model's. LLaMA-Factory demands it, and drops other rows with no more
than a warning. So results of calls made together are one observation. LLaMA-Factory reads pictures
from files, not from `data:` URLs: save them first, or train from `messages`.
"""

import msgspec

from understudy.exports.formats.format import Format, inexpressible
from understudy.exports.formats.turns import (
    check_answer,
    decode_arguments,
    mark_media,
    media_columns,
    split_system,
)
from understudy.types import Example, Json, Message

_SPEAKERS = {"user": "human", "assistant": "gpt", "tool": "observation"}


def rows(example: Example) -> list[Json]:
    """The turns by speaker."""
    opening, messages = split_system(example, "sharegpt")
    check_answer(example, "sharegpt")
    turns = list[dict[str, str]]()
    for message in messages:
        turn = _turn(example, message)
        if turn["from"] == "observation" and turns and turns[-1]["from"] == "observation":
            turns[-1]["value"] += f"\n{turn['value']}"
        else:
            turns.append(turn)
    for index, turn in enumerate(turns):
        expected = ("gpt", "function_call") if index % 2 else ("human", "observation")
        if turn["from"] not in expected:
            raise inexpressible(
                example,
                "sharegpt",
                "human turns or observations to alternate with the model's",
                f"{turn['from']} as turn {index + 1}",
            )
    head = [{"from": "system", "value": opening}] if opening else []
    return [{"conversations": head + turns, **media_columns(example)}]


def _turn(example: Example, message: Message) -> dict[str, str]:
    if not message.tool_calls:
        return {"from": _SPEAKERS[message.role], "value": mark_media(message)}
    if message.text:
        raise inexpressible(
            example, "sharegpt", "a turn that is text or tool calls", "one that is both"
        )
    calls = [
        {"name": call.name, "arguments": decode_arguments(call)} for call in message.tool_calls
    ]
    value = calls[0] if len(calls) == 1 else calls
    return {"from": "function_call", "value": msgspec.json.encode(value).decode()}


SHAREGPT = Format(
    name="sharegpt",
    rows=rows,
    arrow={"conversations": [{"from": "text", "value": "text"}]},
    about="LLaMA-Factory and FastChat: {conversations: [{from, value}]}, human and gpt in turn.",
)
