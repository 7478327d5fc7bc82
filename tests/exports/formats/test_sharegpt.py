"""The format `sharegpt`."""

import pytest
from conversations import CALLS, CAT, CAT_URL, CHAT

from understudy.exports.formats.sharegpt import rows
from understudy.types import Example, Message, ToolCall, assistant, user


def test_sharegpt_names_the_speakers() -> None:
    assert rows(CHAT)[0]["conversations"] == [
        {"from": "system", "value": "s"},
        {"from": "human", "value": "q1"},
        {"from": "gpt", "value": "a1"},
        {"from": "human", "value": "q2"},
        {"from": "gpt", "value": "a2"},
    ]


def test_sharegpt_alternates_calls_and_observations() -> None:
    (_, call, result, _) = rows(CALLS)[0]["conversations"]

    assert call == {
        "from": "function_call",
        "value": '[{"name":"f","arguments":{"x":1}},{"name":"g","arguments":"not json"}]',
    }
    assert result == {"from": "observation", "value": "one\ntwo"}


def test_a_single_call_is_no_list() -> None:
    call = Message("assistant", tool_calls=(ToolCall("1", "f"),))
    example = Example(
        messages=(user("q"), call, Message("tool", "r", tool_call_id="1"), assistant("a"))
    )

    assert rows(example)[0]["conversations"][1]["value"] == '{"name":"f","arguments":{}}'


def test_pictures_are_marks() -> None:
    (row,) = rows(Example(messages=(user("q", CAT), assistant("a"))))

    assert (row["conversations"][0]["value"], row["images"]) == ("<image>q", [CAT_URL])


@pytest.mark.parametrize(
    ("turns", "actual"),
    [
        ((user("q"),), "a user turn at the end"),
        ((user("q"), user("q"), assistant("a")), "human as turn 2"),
        (
            (user("q"), Message("assistant", "t", tool_calls=(ToolCall("1", "f"),))),
            "one that is both",
        ),
    ],
)
def test_what_sharegpt_cannot_express_is_refused_by_name(
    turns: tuple[Message, ...], actual: str
) -> None:
    with pytest.raises(ValueError, match=rf"example 'e9': sharegpt needs .*; found {actual}\."):
        rows(Example(id="e9", messages=turns))
