"""`messages`: the conversational language-modelling type of TRL's `SFTTrainer`, which OpenAI-style
tools read too.

https://huggingface.co/docs/trl/dataset_formats
"""

from understudy.exports.formats.format import Format
from understudy.exports.formats.turns import TURN, encode_turns, media_columns
from understudy.types import Example, Json


def rows(example: Example) -> list[Json]:
    """All turns as they are."""
    return [{"messages": encode_turns(example.messages), **media_columns(example)}]


MESSAGES = Format(
    name="messages",
    rows=rows,
    arrow={"messages": [TURN]},
    about="TRL's SFTTrainer and OpenAI-style tools: {messages: [{role, content, ...}]}.",
)
