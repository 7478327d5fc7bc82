"""Checkpoints inside a long method."""

import math
from pathlib import Path
from typing import Any

import pytest
from harness import Bench

from understudy.handles.memo import LARGEST_MEMO, Memo


def returning(value: Any) -> Any:
    async def fn() -> Any:
        return value

    return fn


async def test_what_was_returned_is_read_in_a_resumed_run_and_fn_is_not_run(tmp_path: Path) -> None:
    for value in (["first", 1], ["second", 2]):
        async with Bench(tmp_path / "j.db") as bench:
            memo = Memo(bench.journal).at("s", "t")
            assert await memo("tick 1", returning(value)) == ["first", 1]


async def test_steps_tasks_parameters_and_workers_have_memos_of_their_own(tmp_path: Path) -> None:
    async with Bench(tmp_path / "j.db") as bench:
        memo = Memo(bench.journal)
        places = [
            memo.at("s", "t"), memo.at("s", "u"), memo.at("r", "t"), memo.at("s", "t", "notes"),
            memo.at("s", "t").within("agent 7"), memo.at("s", "t").within("agent 7").within("mind"),
        ]  # fmt: skip
        values = [await place("x", returning(i)) for i, place in enumerate(places)]
    assert values == [0, 1, 2, 3, 4, 5]


async def test_a_name_that_is_used_twice_is_a_bug() -> None:
    memo = Memo().at("s", "t")
    await memo("tick 1", returning(1))
    await memo.within("agent 7")("tick 1", returning(1))
    with pytest.raises(
        ValueError, match=r"memo\('tick 1'\): this name was used before in this task"
    ):
        await memo("tick 1", returning(1))
    with pytest.raises(ValueError, match="used before"):
        await memo.within("agent 7")("tick 1", returning(1))


async def test_the_first_run_gets_what_a_resumed_one_will() -> None:
    assert await Memo()("x", returning({"pair": (1, 2)})) == {"pair": [1, 2]}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, {2}]}, r"memo\('x'\)\['a'\]\[1\]: expected plain JSON .* found a set"),
        ({1: "a"}, "expected keys that are strings, found 1"),
        (math.nan, "found the number nan"),
        (b"bytes", "found a bytes"),
        ("x" * LARGEST_MEMO, "expected at most 16,777,216 bytes of JSON, found 16,777,218"),
    ],
)
async def test_what_json_would_change_is_refused_with_its_place(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        await Memo()("x", returning(value))
