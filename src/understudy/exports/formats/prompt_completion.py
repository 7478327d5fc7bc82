"""`prompt-completion`: TRL's other conversational type. The loss is on the completion only.

https://huggingface.co/docs/trl/dataset_formats
"""

from understudy.exports.formats.format import Format
from understudy.exports.formats.turns import TURN, check_answer, encode_turns, media_columns
from understudy.types import Example, Json


def rows(example: Example) -> list[Json]:
    """The turns before the answer, and the answer."""
    check_answer(example, "prompt-completion")
    *prompt, completion = encode_turns(example.messages)
    return [{"prompt": prompt, "completion": [completion], **media_columns(example)}]


PROMPT_COMPLETION = Format(
    name="prompt-completion",
    rows=rows,
    arrow={"prompt": [TURN], "completion": [TURN]},
    about="TRL's SFTTrainer, loss on the answer only: {prompt: [turns], completion: [last turn]}.",
)
