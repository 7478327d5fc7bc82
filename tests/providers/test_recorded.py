"""A run, recorded and replayed: the same examples, and nothing is sent."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from understudy import open_run, run_async
from understudy.errors import ConfigError, NotRecorded
from understudy.providers.recorded import Recorded, record
from understudy.types import (
    Call,
    Reply,
    Request,
    Usage,
    WireCall,
    user,
)

SCRIPT = """
def answer(call):
    question = call.request.messages[-1].text
    if "flawed" in question:
        raise ValueError("a bug of the script's own")
    return f"Thought {call.draw % 2} about {call.task}. The answer is {len(call.task) + call.draw // 2}."
"""


async def run(out: str, model: str, n: int = 3, **settings: Any) -> Any:
    return await run_async(
        seeds=[{"id": f"t{i}", "question": f"question {i}"} for i in range(n)],
        models={"teacher": model},
        steps=[{"self_consistency": {"samples": 4, "shots": 0, **settings}}, "length"],
        out=out,
    )


@pytest.fixture(autouse=True)
def script(own_folder: None) -> None:
    Path("script.py").write_text(SCRIPT)


@pytest.fixture
async def recording() -> Path:
    """The replies of a run of three tasks with four draws each."""
    await run("first", "scripted:script.py:answer")
    lines = record(open_run("first").records, Path("replies.jsonl"))
    assert lines == 12
    return Path("replies.jsonl")


async def test_a_replayed_run_makes_the_same_examples(recording: Path) -> None:
    os.unlink("script.py")
    summary = await run("second", f"recorded:{recording}")
    assert (summary.status, summary.examples, summary.failed) == ("done", 3, 0)
    assert list(open_run("second").examples()) == list(open_run("first").examples())


async def test_a_replay_of_several_steps_and_votes_is_the_same(recording: Path) -> None:
    summary = await run("second", f"recorded:{recording}", keep="all", min_share=0.1)
    assert summary.failed == 0
    assert [e.id for e in open_run("second").examples()] == [
        f"t{i}#{j}" for i in range(3) for j in (1, 2)
    ]


async def test_asked_for_more_draws_than_were_recorded_it_fails_the_task_clearly(
    recording: Path,
) -> None:
    summary = await run("second", f"recorded:{recording}", samples=5)
    assert (summary.status, summary.examples, summary.failed) == ("done", 0, 3)
    failure = next(open_run("second").failures())
    assert (failure["error"], failure["task"]) == ("NotRecorded", "t0")
    assert failure["message"] == (
        "replies.jsonl has no reply for draw 4 of this request of task 't0' (role teacher). "
        "Ask for fewer draws, or record the run again."
    )


async def test_asked_for_another_task_or_another_request_it_fails_that_task_alone(
    recording: Path,
) -> None:
    summary = await run("more", f"recorded:{recording}", n=4)
    assert (summary.examples, summary.failed) == (3, 1)
    (failure,) = open_run("more").failures()
    assert failure["message"] == "replies.jsonl has no reply for task 't3'."
    assert (await run("other", f"recorded:{recording}", temperature=0.1)).failed == 3


TWO = """
from understudy import Example, Model, Task, method

@method(paper="")
async def two(task: Task, teacher: Model) -> Example:
    first = await teacher.within("first").ask("Speak.")
    second = await teacher.within("second").ask("Speak.")
    return task.example(f"{first} {second}")
"""


@pytest.fixture
def two_workers() -> None:
    Path("script.py").write_text("def answer(call):\n    return f'{call.scope} speaks'\n")
    Path("two.py").write_text(TWO)


async def test_workers_of_one_task_that_ask_the_same_are_replayed_apart(two_workers: None) -> None:

    async def answers(out: str, model: str) -> list[str]:
        await run_async(
            seeds=[{"id": "t", "prompt": "x"}], models={"teacher": model},
            steps=["./two.py:two"], out=out,
        )  # fmt: skip
        return [example.answer for example in open_run(out).examples()]

    spoken = await answers("first", "scripted:script.py:answer")
    assert spoken == ["first speaks second speaks"]
    assert record(open_run("first").records, Path("replies.jsonl")) == 2
    assert await answers("second", "recorded:replies.jsonl") == spoken


# Files written by hand


def lines(*rows: dict[str, Any]) -> Recorded:
    Path("r.jsonl").write_text("".join(f"{json.dumps(row)}\n\n" for row in rows))
    return Recorded(Path("r.jsonl"))


def call(task: str, draw: int = 0, n: int = 1) -> WireCall:
    request = Request(model="m", messages=(user("x"),))
    return WireCall.of(Call(task=task, draw=draw, request=request), n)


async def test_lines_without_a_request_answer_by_task_and_draw_whatever_is_asked() -> None:
    recorded = lines(
        {"task": "a", "reply": "one"},
        {"task": "b", "reply": {"text": "B", "stop": "length", "usage": {"tokens_in": 3}}},
        {"task": "a", "reply": "two"},
        {"task": "a", "reply": "nine", "draw": 9},
    )
    assert [r.text for r in await recorded(call("a", n=2))] == ["one", "two"]
    assert (await recorded(call("a", draw=9)))[0].text == "nine"
    assert list(await recorded(call("b"))) == [
        Reply(text="B", stop="length", usage=Usage(tokens_in=3))
    ]
    with pytest.raises(NotRecorded):
        await recorded(call("a", draw=2))
    await recorded.close()


def test_a_file_that_is_no_recording_is_told_apart_with_its_line() -> None:
    with pytest.raises(ConfigError, match=r"r.jsonl:3: expected one reply for draw 0 of task"):
        lines({"task": "a", "reply": "x", "draw": 0}, {"task": "a", "reply": "y", "draw": 0})
    with pytest.raises(ConfigError, match=r"r.jsonl:1: expected a recorded reply, found: .*task"):
        lines({"reply": "x"})
    with pytest.raises(ConfigError, match=r"r.jsonl:1: expected a recorded reply"):
        lines({"task": "a", "reply": {"text": 5}})
    with pytest.raises(
        ConfigError, match=r"nowhere.jsonl: expected recorded replies, No such file"
    ):
        Recorded(Path("nowhere.jsonl"))
