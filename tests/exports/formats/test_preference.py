"""The format `preference`."""

import msgspec
import pytest
from conversations import CALLS, CAT, CHAT

from understudy.exports.formats.preference import rows
from understudy.types import Example, Message, assistant, user


def test_a_preference_is_the_answer_and_what_is_worse_after_the_same_prompt() -> None:
    worse = msgspec.structs.replace(CHAT, rejected=(assistant("a0"),))

    assert rows(worse) == [
        {
            "prompt": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": "q1"},
                {"role": "assistant", "content": "a1"},
                {"role": "user", "content": "q2"},
            ],
            "chosen": [{"role": "assistant", "content": "a2"}],
            "rejected": [{"role": "assistant", "content": "a0"}],
        }
    ]


def test_what_was_rejected_may_have_called_tools() -> None:
    pair = Example(messages=(user("q"), assistant("a")), rejected=CALLS.messages[1:])

    (row,) = rows(pair)

    assert [turn["role"] for turn in row["rejected"]] == ["assistant", "tool", "tool", "assistant"]
    assert row["rejected"][1]["name"] == "f"


def test_pictures_of_the_question_are_a_column() -> None:
    pair = Example(messages=(user("q", CAT), assistant("a")), rejected=(assistant("b"),))

    (row,) = rows(pair)

    assert (row["prompt"][0]["content"], len(row["images"])) == ("q", 1)


@pytest.mark.parametrize(
    ("example", "needs"),
    [
        (
            Example(id="e9", messages=(user("q"), assistant("a"))),
            "preference needs rejected turns that end with an answer; found none",
        ),
        (
            Example(id="e9", messages=(user("q"), assistant("a")), rejected=(user("b"),)),
            "preference needs rejected turns that end with an answer; found a user turn at their end",
        ),
        (
            Example(id="e9", messages=(user("q"),), rejected=(assistant("b"),)),
            "preference needs a question and the assistant's answer after it; found a user turn",
        ),
        (
            Example(
                id="e9",
                messages=(user("q"), assistant("a")),
                rejected=(Message("assistant", (CAT,)),),
            ),
            "preference needs answers of text; found a picture or sound in one",
        ),
    ],
)
def test_a_preference_has_two_answers(example: Example, needs: str) -> None:
    with pytest.raises(ValueError, match=f"example 'e9': {needs}"):
        rows(example)
