"""The format `prompt-completion`."""

import pytest
from conversations import CHAT

from understudy.exports.formats.prompt_completion import rows
from understudy.types import Example, Message, assistant, user


def test_prompt_and_completion_split_before_the_last_answer() -> None:
    (row,) = rows(CHAT)

    assert [turn["content"] for turn in row["prompt"]] == ["s", "q1", "a1", "q2"]
    assert row["completion"] == [{"role": "assistant", "content": "a2"}]


@pytest.mark.parametrize(
    ("turns", "actual"),
    [
        ((user("q"),), "a user turn at the end"),
        ((assistant("a"),), "an assistant turn at the end"),
        ((), "no turn"),
    ],
)
def test_an_example_without_an_answer_is_refused(turns: tuple[Message, ...], actual: str) -> None:
    with pytest.raises(ValueError, match=rf"'e9': prompt-completion needs .* found {actual}\."):
        rows(Example(id="e9", messages=turns))
