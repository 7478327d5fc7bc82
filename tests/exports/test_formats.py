"""Examples as the rows that trainers read, and back."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.data.read import read_tasks
from understudy.exports.formats import FORMATS, Format, alpaca, row, sharegpt
from understudy.exports.formats import messages as as_messages
from understudy.exports.formats import preference as as_preference
from understudy.exports.formats import prompt_completion as as_prompt_completion
from understudy.types import (
    Audio,
    Example,
    Image,
    Message,
    Task,
    Text,
    ToolCall,
    assistant,
    system,
    user,
)

CHAT = Example(
    id="e1",
    messages=(system("s"), user("q1"), assistant("a1"), user("q2"), assistant("a2")),
    reference="r",
    choices=("x", "y"),
    tests=("assert t",),
    scores={"votes": 0.5},
    meta={"k": [1, {"z": None}]},
    lineage=("vote/t1",),
)
CALLS = Example(
    id="e2",
    messages=(
        user("q"),
        Message(
            "assistant",
            tool_calls=(ToolCall("1", "f", '{"x":1}'), ToolCall("2", "g", "not json")),
        ),
        Message("tool", "one", tool_call_id="1"),
        Message("tool", "two", tool_call_id="2"),
        assistant("a"),
    ),
)
CAT = Image(media_type="image/png", data=b"\x89PNG")
CAT_URL = "data:image/png;base64,iVBORw=="


def test_messages_are_the_turns_as_they_are() -> None:
    assert as_messages(CHAT) == {
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "q1"},
            {"role": "assistant", "content": "a1"},
            {"role": "user", "content": "q2"},
            {"role": "assistant", "content": "a2"},
        ]
    }


def test_prompt_and_completion_split_before_the_last_answer() -> None:
    made = as_prompt_completion(CHAT)

    assert [turn["content"] for turn in made["prompt"]] == ["s", "q1", "a1", "q2"]
    assert made["completion"] == [{"role": "assistant", "content": "a2"}]


def test_a_preference_is_the_answer_and_what_is_worse_after_the_same_prompt() -> None:
    worse = msgspec.structs.replace(CHAT, rejected=(assistant("a0"),))

    assert as_preference(worse) == {
        "prompt": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "q1"},
            {"role": "assistant", "content": "a1"},
            {"role": "user", "content": "q2"},
        ],
        "chosen": [{"role": "assistant", "content": "a2"}],
        "rejected": [{"role": "assistant", "content": "a0"}],
    }


def test_what_was_rejected_may_have_called_tools() -> None:
    pair = Example(messages=(user("q"), assistant("a")), rejected=CALLS.messages[1:])

    made = as_preference(pair)

    assert [turn["role"] for turn in made["rejected"]] == ["assistant", "tool", "tool", "assistant"]
    assert made["rejected"][1]["name"] == "f"


def test_formats_of_one_answer_keep_the_rejected_one_as_an_extra() -> None:
    pair = Example(messages=(user("q"), assistant("a")), rejected=(assistant("b"),))

    assert row(pair, "messages")["meta"] == {"rejected": "b"}
    assert row(pair, "preference")["meta"] == {}


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
        row(example, "preference")


def test_alpaca_puts_earlier_pairs_into_history() -> None:
    assert alpaca(CHAT) == {
        "instruction": "q2",
        "input": "",
        "output": "a2",
        "system": "s",
        "history": [["q1", "a1"]],
    }


def test_sharegpt_names_the_speakers() -> None:
    assert sharegpt(CHAT)["conversations"] == [
        {"from": "system", "value": "s"},
        {"from": "human", "value": "q1"},
        {"from": "gpt", "value": "a1"},
        {"from": "human", "value": "q2"},
        {"from": "gpt", "value": "a2"},
    ]


def test_a_row_has_the_id_and_what_else_is_known() -> None:
    assert row(CHAT, "alpaca", extras=False).keys() == {"id", *alpaca(CHAT)}
    assert row(CHAT, "messages")["meta"] == {
        "reference": "r",
        "choices": ["x", "y"],
        "tests": ["assert t"],
        "scores": {"votes": 0.5},
        "lineage": ["vote/t1"],
        "meta": {"k": [1, {"z": None}]},
    }


def test_tool_calls_are_objects_for_chat_templates() -> None:
    (_, call, one, two, _) = as_messages(CALLS)["messages"]

    assert call["tool_calls"] == [
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"x": 1}}},
        {"id": "2", "type": "function", "function": {"name": "g", "arguments": "not json"}},
    ]
    assert one == {"role": "tool", "content": "one", "tool_call_id": "1", "name": "f"}
    assert two["name"] == "g"


def test_sharegpt_alternates_calls_and_observations() -> None:
    (_, call, result, _) = sharegpt(CALLS)["conversations"]

    assert call == {
        "from": "function_call",
        "value": '[{"name":"f","arguments":{"x":1}},{"name":"g","arguments":"not json"}]',
    }
    assert result == {"from": "observation", "value": "one\ntwo"}


def test_pictures_before_the_first_question_need_no_parts() -> None:
    made = as_messages(Example(messages=(user("q", CAT, CAT), assistant("a"))))

    assert made["messages"][0] == {"role": "user", "content": "q"}
    assert made["images"] == [CAT_URL, CAT_URL]


def test_pictures_elsewhere_and_sound_have_parts_for_their_places() -> None:
    sound = Audio(url="https://example.org/a.wav")
    asked = Message("user", (Text("a"), CAT, sound, Text("b")))

    made = as_messages(Example(messages=(asked, assistant("a"))))

    assert made["messages"][0]["content"] == [
        {"type": "text", "text": "a"},
        {"type": "image"},
        {"type": "audio"},
        {"type": "text", "text": "b"},
    ]
    assert (made["images"], made["audios"]) == ([CAT_URL], ["https://example.org/a.wav"])


@pytest.mark.parametrize("format", ["alpaca", "sharegpt"])
def test_llama_factory_gets_marks_for_pictures(format: Format) -> None:
    made = row(Example(messages=(user("q", CAT), assistant("a"))), format)

    text = made["instruction"] if format == "alpaca" else made["conversations"][0]["value"]
    assert (text, made["images"]) == ("<image>q", [CAT_URL])


@pytest.mark.parametrize(
    ("format", "turns"),
    [
        ("prompt-completion", (user("q"),)),
        ("prompt-completion", (assistant("a"),)),
        ("alpaca", ()),
        ("alpaca", (user("q"),)),
        ("alpaca", (user("q"), user("q"), assistant("a"))),
        ("alpaca", (system("s"), assistant("a"))),
        ("alpaca", (user("q"), system("s"), assistant("a"))),
        ("alpaca", CALLS.messages),
        ("sharegpt", (user("q"),)),
        ("sharegpt", (user("q"), user("q"), assistant("a"))),
        ("sharegpt", (user("q"), Message("assistant", "t", tool_calls=(ToolCall("1", "f"),)))),
    ],
)
def test_what_a_format_cannot_express_is_refused_by_name(
    format: Format, turns: tuple[Message, ...]
) -> None:
    with pytest.raises(ValueError, match=f"example 'e9': {format} needs .*; found "):
        row(Example(id="e9", messages=turns), format)


def test_a_picture_of_which_only_the_digest_is_left_is_refused() -> None:
    with pytest.raises(ValueError, match="only its digest"):
        as_messages(Example(messages=(user("q", Image(sha256="ab")),)))


TEXTS = st.text(min_size=1, max_size=30).filter(lambda text: bool(text.strip()))


@st.composite
def chats(draw: st.DrawFn) -> Example:
    """Conversations that all formats can express."""
    turns = [system(draw(TEXTS))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        turns += [user(draw(TEXTS)), assistant(draw(TEXTS))]
    return Example(
        id=draw(TEXTS),
        messages=tuple(turns),
        rejected=(assistant(draw(TEXTS)),),
        reference=draw(TEXTS),
        choices=tuple(draw(st.lists(TEXTS, max_size=3))),
        tests=tuple(draw(st.lists(TEXTS, max_size=2))),
        scores=draw(st.dictionaries(TEXTS, st.floats(0, 1), max_size=2)),
        meta=draw(st.dictionaries(TEXTS.map("m_{}".format), st.integers(0, 9), max_size=2)),
        lineage=tuple(draw(st.lists(TEXTS, max_size=2))),
    )


def expected(example: Example, format: Format) -> Task:
    """What `Example.as_task` makes of it, and the extras."""
    task = example.as_task()
    extras: dict[str, Any] = {"scores": example.scores, "lineage": list(example.lineage)}
    meta = {**{name: value for name, value in extras.items() if value}, **task.meta}
    if format == "alpaca":  # its column `output` stays what it is
        meta["output"] = meta.pop("answer")
        meta["input"] = ""
        if example.messages[0].role != "system":
            meta["system"] = ""
    fields = {
        name: getattr(task, name) for name in ("id", "prompt", "messages", "choices", "tests")
    }
    return Task(**fields, reference=task.reference, meta=meta)


@pytest.mark.parametrize("format", FORMATS)
@given(example=chats())
def test_every_format_reads_back_as_the_task_that_the_example_is(
    format: Format, example: Example
) -> None:
    assert list(read_tasks([row(example, format)])) == [expected(example, format)]


def test_tool_calls_and_pictures_read_back_from_messages() -> None:
    pictured = Example(id="p", messages=(user("q", CAT), assistant("a")))

    (calls, picture) = read_tasks([row(CALLS, "messages"), row(pictured, "messages")])

    assert calls == Task(id="e2", messages=CALLS.messages[:-1], meta={"answer": "a"})
    assert picture == Task(id="p", prompt="q", images=(CAT,), meta={"answer": "a"})
