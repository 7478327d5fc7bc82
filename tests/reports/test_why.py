"""Why a task's rows are what they are."""

from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from understudy import open_run, run_async
from understudy.errors import ConfigError
from understudy.reports.why import why

SCRIPT = """
from understudy.errors import Rejected

def answer(call):
    if call.task == "bad":
        raise Rejected("400: no such thing")
    return f"Thought {call.draw} of {call.request.sampling.temperature}. The answer is 7."
"""


@pytest.fixture(autouse=True)
def script(own_folder: None) -> None:
    Path("script.py").write_text(SCRIPT)


async def run(out: str = "a", **changes: Any) -> None:
    settings = {"samples": 2, "shots": 0, **changes.pop("settings", {})}
    await run_async(
        **{
            "seeds": [
                {"id": "t", "prompt": "What is 3 + 4?"},
                {"id": "bad", "prompt": "?"},
                {"id": 5},
            ],
            "models": {"teacher": "scripted:script.py:answer"},
            "steps": [
                {"self_consistency": settings},
                {"length": {"max_characters": 42}},
            ],
            "out": out,
            **changes,
        }
    )


async def test_every_call_and_row_of_a_task_is_told() -> None:
    await run()
    assert why(open_run("a"), "t") == snapshot("""\
self_consistency / t
  made an example
  call as teacher, draw 0: sent in attempt 1; 10 + 16 tokens; 'Thought 0 of 0.7. The answer is 7.'
  call as teacher, draw 1: sent in attempt 1; 0 + 0 tokens; 'Thought 1 of 0.7. The answer is 7.'
length / t
  made an example\
""")
    assert why(open_run("a"), "bad") == snapshot("""\
self_consistency / bad
  made a failure: Rejected: 400: no such thing\
""")


async def test_rejections_have_their_score() -> None:
    await run(steps=["self_consistency", {"length": {"max_characters": 5}}])
    assert "made a rejection: answer too long (score 34)" in why(open_run("a"), "t")


async def test_several_examples_of_a_task_are_told_with_it() -> None:
    await run(settings={"keep": "all"})
    text = why(open_run("a"), "t")
    assert [line for line in text.splitlines() if line[0] != " "] == [
        "self_consistency / t", "length / t#1", "length / t#2",
    ]  # fmt: skip


async def test_what_was_reused_and_which_part_of_the_key_differed_is_told() -> None:
    await run("a")
    await run("same", reuse=["a"])
    assert "draw 0: reused from a/journal.db" in why(open_run("same"), "t")
    await run("hot", reuse=["a"], settings={"temperature": 0.9})
    assert "sent in attempt 1, because sampling.temperature differs from an earlier call" in why(
        open_run("hot"), "t"
    )
    await run("more", reuse=["a"], settings={"samples": 3})
    assert "draw 2: sent in attempt 1, because draw differs from an earlier call" in why(
        open_run("more"), "t"
    )


async def test_an_unknown_task_is_told_with_those_there_are() -> None:
    await run()
    with pytest.raises(ConfigError, match="a has nothing of a task 'tt'; did you mean 't'"):
        why(open_run("a"), "tt")
