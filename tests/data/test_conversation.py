"""Conversations of other data sets, read as messages."""

from pathlib import Path

import pytest
from seed_files import PNG, bad, lines, one

from understudy.data.read import read_tasks
from understudy.types import Audio, Image, Task, Text, ToolCall, system, user


@pytest.mark.parametrize(
    "turns",
    [
        [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        [{"from": "system", "value": "s"}, {"from": "human", "value": "u"}],
    ],
)
def test_both_shapes_of_conversations_read_alike(turns: list[dict[str, str]]) -> None:
    assert one({"conversations": turns}).messages == (system("s"), user("u"))


def test_an_answer_at_the_end_of_a_conversation_is_kept_apart() -> None:
    turns = [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]

    assert one({"messages": turns}) == Task(prompt="u", meta={"answer": "a"})


def test_a_call_of_a_tool_at_the_end_stays() -> None:
    call = {"type": "function", "id": "1", "function": {"name": "f", "arguments": {"x": 1}}}
    turns = [
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
    ]

    (_, last) = one({"messages": turns}).messages

    assert last.tool_calls == (ToolCall("1", "f", '{"x":1}'),)


def test_sharegpt_calls_and_observations_are_tool_calls_and_results() -> None:
    turns = [
        {"from": "human", "value": "u"},
        {"from": "function_call", "value": '{"name": "f", "arguments": {"x": 1}}'},
        {"from": "observation", "value": "42"},
    ]

    (_, call, result) = one({"conversations": turns}).messages

    assert call.tool_calls == (ToolCall("", "f", '{"x":1}'),)
    assert (result.role, result.text) == ("tool", "42")


@pytest.mark.parametrize(
    "turn", ["text", {"role": "wizard", "content": "x"}, {"role": "user", "content": 3}]
)
def test_a_turn_that_is_none_is_named(turn: object) -> None:
    assert "turn 2: expected" in bad({"messages": [{"role": "user", "content": "u"}, turn]})


def test_pictures_are_read_from_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    path = lines(tmp_path / "t.jsonl", {"prompt": "What?", "image": "a.png"})

    (task,) = read_tasks(path)

    picture = Image(media_type="image/png", data=PNG)
    assert task == Task(prompt="What?", parts=(picture,))


def test_pictures_take_the_places_that_marks_name() -> None:
    url = "https://example.org/a.png"
    turns = [{"from": "human", "value": "Is <image> a cat?"}]

    (turn,) = one({"conversations": turns, "images": [url]}).messages

    assert turn.content == (Text("Is "), Image(url=url), Text(" a cat?"))


def test_parts_with_pictures_and_sound_are_read() -> None:
    parts = [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
    ]

    (turn,) = one({"messages": [{"role": "user", "content": parts}]}).messages

    assert turn.content == (
        Text("a"),
        Image(media_type="image/png", data=b"\x89PNG"),
        Audio(media_type="audio/mp3", data=b"\0\0\0"),
    )
