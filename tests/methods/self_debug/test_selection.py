"""Which first program is debugged, what tokens cost, and plain samples at the same price."""

from typing import Any

from debug_bench import (
    LATE,
    NO,
    RAISES,
    RIGHT,
    TASK,
    VISIBLE,
    WORSE,
    WRONG,
    YES,
    Fake,
    code,
    one,
    priced,
    trajectory,
)

from understudy.call.model import Model
from understudy.handles.sandbox import Sandbox
from understudy.methods._shared.programs import fence
from understudy.methods.self_debug import Config, self_debug
from understudy.providers.scripted import Scripted
from understudy.types import Reply, Usage


async def test_of_several_samples_those_that_fail_a_visible_test_are_dropped() -> None:
    teacher = Scripted([code(WRONG, RAISES, WRONG, RIGHT, LATE)])
    example = await one(teacher, samples=5)
    assert trajectory(example)["selected"] == {
        "taken": 3,
        "how": "execution",
        "passing": 1,
        "agreeing": 1,
    }
    assert trajectory(example)["initial_samples"][0] == WRONG


async def test_the_most_frequent_result_that_is_no_error_wins_and_its_first_program() -> None:
    teacher = Scripted(
        [code(RAISES, RAISES, RAISES, WORSE, WRONG, f"{WRONG}  # again"), *code(RIGHT)]
    )
    example = await one(teacher, samples=6)
    assert trajectory(example)["selected"] == {
        "taken": 4,
        "how": "execution",
        "passing": 0,
        "agreeing": 2,
    }


async def test_survivors_are_grouped_by_what_they_compute() -> None:
    as_float = "def f(x):\n    return 2.0 * x"
    teacher = Scripted([code(as_float, RIGHT, "def f(x):\n    return x + x")])
    assert trajectory(await one(teacher, samples=3))["selected"]["taken"] == 1


async def test_equal_samples_are_run_once_and_each_has_its_vote() -> None:
    sandbox = Fake()
    teacher = Scripted([code(WORSE, WRONG, WRONG, WORSE, WRONG, RIGHT, RIGHT)])
    example = await one(teacher, sandbox=sandbox, samples=7)
    chosen = trajectory(example)["selected"]
    assert (chosen["taken"], chosen["passing"], chosen["agreeing"]) == (5, 2, 2)
    visible = [program.source for program in sandbox.programs if program.tests == (VISIBLE,)]
    assert [visible.count(program) for program in (WORSE, WRONG)] == [1, 1]


async def test_without_execution_the_first_sample_is_debugged() -> None:
    teacher = Scripted([code(RAISES, RIGHT), NO, *code(RIGHT), YES])
    example = await one(teacher, samples=2, execute=False)
    assert trajectory(example)["selected"] == {
        "taken": 0, "how": "first", "passing": 0, "agreeing": 0,
    }  # fmt: skip


async def test_where_every_sample_raises_the_first_is_debugged() -> None:
    teacher = Scripted([code(RAISES, "def f(x):\n    return z"), *code(RIGHT)])
    assert trajectory(await one(teacher, samples=2))["selected"]["taken"] == 0


async def test_tokens_are_counted_where_the_endpoint_counts_and_else_estimated() -> None:
    counted = [
        Reply(text=fence(WRONG), usage=Usage(tokens_out=11)),
        Reply(text=fence(RIGHT), usage=Usage(tokens_out=7)),
    ]
    first = trajectory(await one(Scripted(counted)))
    assert (first["tokens"], first["tokens_estimated"]) == (18, False)

    async def silent(call: Any) -> list[Reply]:
        return [Reply(text=fence(RIGHT), reasoning="x" * 40)]

    (row,) = await self_debug(TASK, Model.over("m", silent), Sandbox(Fake()), Config())
    length = len(fence(RIGHT)) + 40
    assert trajectory(row)["tokens"] == -(-length // 4)
    assert trajectory(row)["tokens_estimated"] is True


async def test_plain_samples_are_drawn_until_they_cost_what_debugging_did() -> None:
    script = [priced(WRONG, 10), priced(RIGHT, 15)]  # debugging: 25 tokens
    script += [priced(WORSE, 10), priced(RIGHT, 10), priced(RAISES, 10)]  # 10, 20, 30
    teacher = Scripted(script)
    example = await one(teacher, resample=True)
    assert trajectory(example)["resample"] == {
        "draws": 3, "tokens": 30, "code": RIGHT, "visible": True, "hidden": True,
    }  # fmt: skip
    assert trajectory(example)["tokens"] == 25
    resampled = teacher.calls[2:]
    assert {call.request.sampling.temperature for call in resampled} == {0.7}
    assert {call.request.messages for call in resampled} == {teacher.calls[0].request.messages}


async def test_resampling_ends_where_nothing_is_counted() -> None:
    teacher = Scripted(
        lambda call: priced(RIGHT, 0) if call.request.sampling.temperature else priced(RIGHT, 5)
    )
    example = await one(teacher, resample=True)
    assert trajectory(example)["resample"]["draws"] == 200
