"""`alpaca`: what LLaMA-Factory reads, with `system` and `history` named in its `dataset_info.json`.

https://llamafactory.readthedocs.io/en/latest/getting_started/data_preparation.html

`input` is always empty. LLaMA-Factory reads pictures from files, not from `data:` URLs: save them
first, or train from `messages`.
"""

from understudy.exports.formats.format import Format, inexpressible
from understudy.exports.formats.turns import (
    check_answer,
    mark_media,
    media_columns,
    name_turn,
    split_system,
)
from understudy.types import Example, Json


def rows(example: Example) -> list[Json]:
    """One question and its answer, with earlier pairs as history. No tool calls."""
    opening, turns = split_system(example, "alpaca")
    check_answer(example, "alpaca")
    for index, message in enumerate(turns):
        expected = "assistant" if index % 2 else "user"
        if message.role != expected or message.tool_calls:
            actual = "a tool call" if message.tool_calls else name_turn(message)
            raise inexpressible(
                example,
                "alpaca",
                "user and assistant turns in alternation",
                f"{actual} as turn {index + 1}",
            )
    texts = [mark_media(message) for message in turns]
    row = {
        "instruction": texts[-2],
        "input": "",
        "output": texts[-1],
        "system": opening,
        "history": [texts[at : at + 2] for at in range(0, len(texts) - 2, 2)],
    }
    return [{**row, **media_columns(example)}]


ALPACA = Format(
    name="alpaca",
    rows=rows,
    arrow={
        "instruction": "text",
        "input": "text",
        "output": "text",
        "system": "text",
        "history": [["text"]],
    },
    about="LLaMA-Factory: {instruction, input, output, system, history: [[question, answer]]}.",
)
