"""From an item to its rows; which errors become rows, which end the run, and what they say."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from harness import defined, step

from understudy.errors import (
    BudgetExhausted,
    ConfigError,
    ContextOverflow,
    MethodError,
    Rejected,
    RunFolderError,
    RunStopped,
    Unauthorized,
    Unavailable,
    Unparsable,
)
from understudy.runs.rows import Failure, Item, Output
from understudy.runs.step import BoundStep, process, process_pool
from understudy.types import Example, Rejection, Settings, Task, Verdict

ITEM = Item(id="t1", position=b"\0\0\0\1", task=Task(id="t1", prompt="question"))


def raises(error: BaseException) -> BoundStep:
    async def work(task: Task) -> Example:
        raise error

    return step(defined(work))


async def output(bound: BoundStep, on_error: Literal["stop", "row"] = "stop") -> Output:
    return await process(bound, ITEM, on_error)


def failure(output: Output) -> Failure:
    (row,) = output.rows
    assert (row.kind, row.task, row.position) == ("failure", "t1", ITEM.position)
    assert output.items == []
    return msgspec.json.decode(row.body, type=Failure)


@pytest.mark.parametrize("on_error", ["stop", "row"])
@pytest.mark.parametrize(
    "error",
    [Rejected("400"), ContextOverflow("too long"), Unavailable("503"), Unparsable("no JSON")],
    ids=lambda error: type(error).__name__,
)
async def test_an_expected_error_is_a_failure_row(error: Exception, on_error: Any) -> None:
    row = failure(await output(raises(error), on_error))
    assert (row.error, row.message) == (type(error).__name__, str(error))


@pytest.mark.parametrize("on_error", ["stop", "row"])
@pytest.mark.parametrize(
    "error",
    [
        RunStopped("enough"), BudgetExhausted("no money"), Unauthorized("no key"),
        RunFolderError("disk full"), ConfigError("wrong setting"), asyncio.CancelledError(),
        KeyboardInterrupt(),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
async def test_what_concerns_the_whole_run_is_never_a_row(
    error: BaseException, on_error: Any
) -> None:
    with pytest.raises(type(error)) as raised:
        await output(raises(error), on_error)
    assert raised.value is error


async def test_of_errors_in_a_group_the_first_decides() -> None:
    async def work(task: Task) -> Example:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail(Rejected("400")))
        raise AssertionError

    async def fail(error: Exception) -> None:
        raise error

    assert failure(await output(step(defined(work)))).error == "Rejected"


@pytest.mark.parametrize(
    ("outcome", "what"),
    [(None, "NoneType"), ("text", "str"), (["text"], "str"), ({"a": 1}, "str"), (5, "int")],
)
async def test_a_method_that_makes_no_rows_is_told_what_was_expected(
    outcome: object, what: str
) -> None:
    async def work(task: Task) -> object:
        return outcome

    with pytest.raises(
        MethodError, match=f"expected an Example, a Rejection or a list of them, found {what}"
    ):
        await output(step(defined(work)))


async def test_a_filter_that_gives_no_verdict_is_told_what_was_expected() -> None:
    def work(example: Example) -> object:
        return True

    with pytest.raises(MethodError, match="expected a Verdict, found bool"):
        await output(step(defined(work, "filter")))


async def test_what_cannot_be_written_is_blamed_on_the_task_that_made_it() -> None:
    async def work(task: Task) -> Example:
        return task.example("x", odd=object())

    with pytest.raises(MethodError, match="work, task 't1': TypeError"):
        await output(step(defined(work)))
    assert failure(await output(step(defined(work)), "row")).error == "TypeError"


MINE = '''"""Breaks."""

from understudy import Example, Task, method
import json


def helper(text: str) -> str:
    return json.loads(text)


@method(paper="arXiv:0000.00000")
async def mine(task: Task) -> Example:
    return task.example(helper(task.prompt))
'''


def mine() -> BoundStep:
    Path("mine.py").write_text(MINE)
    return step("mine.py:mine")


async def test_a_bug_names_step_task_and_the_line_of_the_users_file() -> None:
    bound = mine()
    file = Path.cwd() / "mine.py"
    with pytest.raises(MethodError) as raised:
        await output(bound)
    first, where, raised_in, cure = str(raised.value).splitlines()
    assert first.startswith("mine, task 't1': JSONDecodeError: Expecting value")
    assert where == f"  {file}:8, in helper: return json.loads(text)"
    assert raised_in.startswith("  raised in ")
    assert "json/decoder.py" in raised_in
    assert cure.startswith("Fix it and run the same command again")
    assert "on_error=row" in cure
    assert raised.value.kind == "JSONDecodeError"


async def test_the_traceback_of_a_bug_begins_in_the_methods_own_file() -> None:
    bound = mine()
    with pytest.raises(MethodError) as raised:
        await output(bound)
    lines = raised.value.traceback.splitlines()
    assert lines[0] == f'  File "{Path.cwd() / "mine.py"}", line 13, in mine'
    assert lines[-1].startswith("json.decoder.JSONDecodeError: Expecting value")
    assert "understudy/runs" not in raised.value.traceback
    assert raised.value.__cause__ is not None


async def test_the_row_of_a_bug_says_what_the_stop_would_have_said() -> None:
    bound = mine()
    with pytest.raises(MethodError) as raised:
        await output(bound)
    row = failure(await output(bound, "row"))
    assert row.error == "JSONDecodeError"
    assert str(raised.value).startswith(row.message)
    assert "on_error" not in row.message


async def test_a_filter_may_be_a_plain_function_or_wait() -> None:
    async def waits(example: Example) -> Verdict:
        await asyncio.sleep(0)
        return Verdict(True)

    def decides(example: Example) -> Verdict:
        return Verdict(False, "no")

    for work, kind in ((waits, "example"), (decides, "rejection")):
        (row,) = (await output(step(defined(work, "filter")))).rows
        assert row.kind == kind


async def pooled(bound: BoundStep, on_error: Literal["stop", "row"] = "stop") -> list[Output]:
    tasks = [Task(id=f"t{i}", prompt="?") for i in range(3)]
    return [output async for output in process_pool(bound, tasks, b"all", on_error)]


async def test_outcomes_of_a_pool_are_numbered_in_the_order_they_were_made() -> None:
    async def grow(tasks: Sequence[Task]) -> AsyncIterator[Example | Rejection]:
        yield tasks[0].example("a")
        yield Rejection(reason="no")
        yield tasks[1].example("c")

    rows = [row for output in await pooled(step(defined(grow))) for row in output.rows]
    assert {row.content for row in rows} == {b"all"}
    assert [(row.task, row.ordinal, row.kind) for row in rows] == [
        ("", 0, "example"), ("", 1, "rejection"), ("", 2, "example"),
    ]  # fmt: skip


async def test_an_expected_error_ends_a_pool_with_one_failure_row_of_the_step() -> None:
    async def grow(tasks: Sequence[Task]) -> AsyncIterator[Example]:
        yield tasks[0].example("a")
        raise Rejected("400: no")

    first, last = await pooled(step(defined(grow)))
    assert first.rows[0].kind == "example"
    (row,) = last.rows
    assert (row.step, row.task, row.ordinal, row.kind) == ("grow", "", -1, "failure")
    assert msgspec.json.decode(row.body, type=Failure) == Failure(
        error="Rejected", message="400: no"
    )


async def test_a_stop_in_a_pool_is_no_row() -> None:
    async def grow(tasks: Sequence[Task]) -> AsyncIterator[Example]:
        yield tasks[0].example("a")
        raise BudgetExhausted("no money")

    with pytest.raises(BudgetExhausted):
        await pooled(step(defined(grow)), "row")


async def test_a_pool_that_yields_something_else_is_told_what_was_expected() -> None:
    async def grow(tasks: Sequence[Task]) -> AsyncIterator[Any]:
        yield "text"

    with pytest.raises(MethodError, match="grow: TypeError: expected an Example"):
        await pooled(step(defined(grow)))


async def test_a_pool_that_is_given_up_closes_its_generator() -> None:
    closed = list[bool]()

    async def grow(tasks: Sequence[Task]) -> AsyncIterator[Example]:
        try:
            while True:
                yield tasks[0].example("a")
        finally:
            closed.append(True)

    outputs = process_pool(step(defined(grow)), [Task(id="t", prompt="?")], b"", "stop")
    await anext(outputs)
    await outputs.aclose()
    assert closed == [True]


class NothingToSet(Settings):
    """Of a method that has no settings yet."""


async def test_a_method_that_asks_for_its_settings_gets_them_though_there_are_none() -> None:
    async def work(task: Task, config: NothingToSet) -> Example:
        return task.example(type(config).__name__)

    (item,) = (await output(step(defined(work)))).items
    assert item.as_example().answer == "NothingToSet"
