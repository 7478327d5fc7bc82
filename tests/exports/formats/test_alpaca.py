"""The format `alpaca`."""

import pytest
from conversations import CALLS, CAT, CAT_URL, CHAT

from understudy.exports.formats.alpaca import rows
from understudy.types import Example, Message, assistant, system, user


def test_alpaca_puts_earlier_pairs_into_history() -> None:
    assert rows(CHAT) == [
        {
            "instruction": "q2",
            "input": "",
            "output": "a2",
            "system": "s",
            "history": [["q1", "a1"]],
        }
    ]


def test_pictures_are_marks() -> None:
    (row,) = rows(Example(messages=(user("q", CAT), assistant("a"))))

    assert (row["instruction"], row["images"]) == ("<image>q", [CAT_URL])


@pytest.mark.parametrize(
    ("turns", "actual"),
    [
        ((), "no turn"),
        ((user("q"),), "a user turn at the end"),
        ((user("q"), user("q"), assistant("a")), "a user turn as turn 2"),
        ((system("s"), assistant("a")), "an assistant turn as turn 1"),
        ((user("q"), system("s"), assistant("a")), "one further on"),
        (CALLS.messages, "a tool call as turn 2"),
    ],
)
def test_what_alpaca_cannot_express_is_refused_by_name(
    turns: tuple[Message, ...], actual: str
) -> None:
    with pytest.raises(ValueError, match=rf"example 'e9': alpaca needs .*; found {actual}\."):
        rows(Example(id="e9", messages=turns))
