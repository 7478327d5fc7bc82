"""`preference`: TRL's conversational preference type with an explicit prompt, which `DPOTrainer` and
its like read.

https://huggingface.co/docs/trl/dataset_formats
"""

from understudy.exports.formats.format import Format, inexpressible
from understudy.exports.formats.turns import (
    TURN,
    check_answer,
    encode_turns,
    media_columns,
    name_turn,
)
from understudy.types import Example, Json


def rows(example: Example) -> list[Json]:
    """The turns before the answer, the answer, and the worse turns in its place."""
    check_answer(example, "preference")
    rejected = example.rejected
    if not rejected or rejected[-1].role != "assistant":
        end = f"{name_turn(rejected[-1])} at their end" if rejected else "none"
        raise inexpressible(example, "preference", "rejected turns that end with an answer", end)
    if any(message.media for message in (example.messages[-1], *rejected)):
        raise inexpressible(example, "preference", "answers of text", "a picture or sound in one")
    *prompt, chosen = encode_turns(example.messages)
    pair = {"prompt": prompt, "chosen": [chosen], "rejected": encode_turns(rejected)}
    return [{**pair, **media_columns(example)}]


PREFERENCE = Format(
    name="preference",
    rows=rows,
    arrow={"prompt": [TURN], "chosen": [TURN], "rejected": [TURN]},
    about="TRL's DPOTrainer: {prompt: [turns], chosen: [last turn], rejected: [turns]}.",
)
