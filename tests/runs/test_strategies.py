"""Three ways through a step: what is handed out together, what waits, and what an end looks like."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from hashlib import blake2b
from pathlib import Path

import pytest
from harness import defined, step

from understudy.errors import BudgetExhausted, MethodError, Rejected, RunStopped
from understudy.journal.write import SqliteJournal
from understudy.runs.halt import Halt
from understudy.runs.progress import Progress
from understudy.runs.quota import Quota
from understudy.runs.rows import Item, Output, end_row, rows_of
from understudy.runs.seeds import position
from understudy.runs.state import State
from understudy.runs.strategies import BATCH, each, in_order, over_pool
from understudy.runs.writer import Writer
from understudy.types import Example, Task, user


@asynccontextmanager
async def opened(path: Path, quota: Quota | None = None) -> AsyncIterator[tuple[State, Writer]]:
    """One attempt on a journal."""
    journal = SqliteJournal(path / "j.db")
    progress = Progress(quota or Quota(), counts=journal.records.counts())
    now = State(journal.records, journal.attempt, progress, Halt([]))
    yield now, Writer(journal, progress, ["echo_all"])
    await journal.close("done")


@asynccontextmanager
async def state(path: Path, quota: Quota | None = None) -> AsyncIterator[State]:
    async with opened(path, quota) as (now, _):
        yield now


async def items(n: int) -> AsyncGenerator[Item]:
    for i in range(n):
        task = Task(id=f"t{i}", prompt="?")
        yield Item(id=f"t{i}", position=position(i), content=b"%d" % i, task=task)


async def tasks_of(batches: AsyncIterator[list[Output]]) -> list[list[str]]:
    return [[row.task for output in batch for row in output.rows] async for batch in batches]


def up_to(n: int) -> Callable[[int], bool]:
    return lambda unwritten: unwritten < n


# Many at a time


async def echo(task: Task) -> Example:
    return task.example("x")


async def test_what_finishes_while_others_are_written_is_handed_out_together(
    tmp_path: Path,
) -> None:
    async with state(tmp_path) as now:
        batches = each(step(defined(echo)), items(20), now, up_to(8))
        first = await anext(batches)
        for _ in range(50):
            await asyncio.sleep(0)
        assert now.progress.started == 8, "what is not yet written has its place still"
        second = await anext(batches)
        await batches.aclose()
    assert (len(first), len(second)) == (8, 8)


async def test_each_counts_what_is_under_way_until_it_is_written(tmp_path: Path) -> None:
    async with state(tmp_path) as now:
        batches = each(step(defined(echo)), items(5), now, up_to(5))
        unwritten = 5
        async for outputs in batches:
            assert now.progress.under_way == unwritten
            unwritten -= len(outputs)
        assert now.progress.under_way == unwritten == 0


async def test_a_stop_of_one_task_lets_the_others_finish_and_drains_the_source(
    tmp_path: Path,
) -> None:
    async def work(task: Task) -> Example:
        if task.id == "t1":
            raise BudgetExhausted("no money")
        for _ in range(5):
            await asyncio.sleep(0)
        return task.example("x")

    async with state(tmp_path) as now:
        batches = each(step(defined(work)), items(100), now, up_to(3))
        done = [task for batch in await tasks_of(batches) for task in batch]
    assert done == ["t0", "t2"]
    assert isinstance(now.halt.reason, BudgetExhausted)
    assert (now.progress.started, now.progress.under_way) == (3, 0)


async def test_a_bug_in_one_task_cancels_the_others_and_is_raised(tmp_path: Path) -> None:
    ended = list[str]()

    async def work(task: Task) -> Example:
        try:
            if task.id == "t2":
                raise KeyError("bug")
            await asyncio.sleep(60)
        finally:
            ended.append(task.id)
        return task.example("x")

    async with state(tmp_path) as now:
        with pytest.raises(MethodError):
            await tasks_of(each(step(defined(work)), items(3), now, up_to(3)))
        assert sorted(ended) == ["t0", "t1", "t2"]
        assert now.progress.under_way == 0


async def test_tasks_are_given_up_when_the_generator_is(tmp_path: Path) -> None:
    ended = list[str]()

    async def work(task: Task) -> Example:
        try:
            await asyncio.sleep(0 if task.id == "t0" else 60)
        finally:
            ended.append(task.id)
        return task.example("x")

    async with state(tmp_path) as now:
        batches = each(step(defined(work)), items(3), now, up_to(3))
        await anext(batches)
        await batches.aclose()
    assert sorted(ended) == ["t0", "t1", "t2"]


# One after another


async def kept(path: Path, quota: Quota, n: int, threshold: float = 0.7) -> list[list[str]]:
    async with state(path, quota) as now:
        return await tasks_of(in_order(step("novelty", threshold=threshold), unlike(n), now))


async def unlike(n: int) -> AsyncGenerator[Item]:
    """Items of which each third is like the one before."""
    for i in range(n):
        text = f"word{i - (i % 3 == 2)} " * 5
        example = Example(id=f"t{i}", messages=(user(text),))
        yield Item(id=f"t{i}", position=position(i), example=example)


async def test_rows_in_order_are_handed_out_in_batches(tmp_path: Path) -> None:
    batches = await kept(tmp_path, Quota(), BATCH * 2 + 1)
    assert [len(batch) for batch in batches] == [BATCH, BATCH, 1]
    assert [task for batch in batches for task in batch] == [f"t{i}" for i in range(BATCH * 2 + 1)]


@pytest.mark.parametrize("n", [1, 2, 5])
async def test_rows_in_order_are_handed_out_as_soon_as_they_may_be_enough(
    n: int, tmp_path: Path
) -> None:
    first, *_ = await kept(tmp_path, Quota(n), 20)
    assert first == [f"t{i}" for i in range((n - 1) // 2 * 3 + (n - 1) % 2 + 1)]


# All at once


async def echo_all(tasks: Sequence[Task]) -> AsyncIterator[Example]:
    for task in tasks:
        yield task.example("x")


async def pooled(
    now: tuple[State, Writer], function: Callable[..., object] = echo_all
) -> list[str]:
    rows = list[str]()
    async for outputs in over_pool(step(defined(function)), items(3), *now):
        rows += [f"{row.kind} {row.ordinal}" for output in outputs for row in output.rows]
    return rows


async def content(n: int) -> bytes:
    """The digest of the first `n` items."""
    return blake2b(b"".join([item.content async for item in items(n)]), digest_size=6).digest()


async def test_a_pool_that_is_through_ends_with_its_mark(tmp_path: Path) -> None:
    async with opened(tmp_path) as now:
        assert await pooled(now) == ["example 0", "example 1", "example 2", "end -1"]


async def test_a_pool_with_an_end_mark_is_not_run_again(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    await journal.finish([end_row("echo_all", await content(3))])
    await journal.close("done")
    async with opened(tmp_path) as now:
        source = items(3)
        assert [o async for o in over_pool(step(defined(echo_all)), source, *now)] == []
        assert [item async for item in source] == [], "the steps before must not block"


async def test_a_pool_that_failed_has_no_end_mark(tmp_path: Path) -> None:
    async def refused(tasks: Sequence[Task]) -> AsyncIterator[Example]:
        yield tasks[0].example("x")
        raise Rejected("400")

    async with opened(tmp_path) as now:
        assert await pooled(now, refused) == ["example 0", "failure -1"]
        assert now[0].halt.reason is None


async def test_a_pool_that_was_stopped_has_neither_mark_nor_failure(tmp_path: Path) -> None:
    async def stopped(tasks: Sequence[Task]) -> AsyncIterator[Example]:
        yield tasks[0].example("x")
        raise BudgetExhausted("no money")

    async with opened(tmp_path) as now:
        assert await pooled(now, stopped) == ["example 0"]
        assert isinstance(now[0].halt.reason, BudgetExhausted)


async def test_a_pool_with_enough_has_no_end_mark_and_is_asked_for_no_more(tmp_path: Path) -> None:
    made = list[str]()

    async def counts(tasks: Sequence[Task]) -> AsyncIterator[Example]:
        for task in tasks:
            made.append(task.id)
            yield task.example("x")

    async with opened(tmp_path, Quota(2)) as now:
        batches = over_pool(step(defined(counts)), items(3), *now)
        async for _ in batches:
            now[0].quota.accepted += 1
    assert made == ["t0", "t1"]


async def test_rows_of_a_pool_that_are_there_already_are_not_written_again(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    pool = Item(id="", position=b"", content=await content(3))
    example = Example(messages=(user("x"),))
    await journal.finish(rows_of("echo_all", pool, [example], 1, pool=True).rows)
    await journal.close("done")
    async with opened(tmp_path) as now:
        assert await pooled(now) == ["example 0", "example 2", "end -1"]


async def test_a_pool_is_not_begun_after_a_stop(tmp_path: Path) -> None:
    async with opened(tmp_path) as now:
        now[0].halt(RunStopped("enough"))
        assert await pooled(now) == []


async def test_rows_of_a_pool_over_other_tasks_are_removed_and_it_is_run_again(
    tmp_path: Path,
) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    pool = Item(id="", position=b"", content=await content(2))
    example = Example(messages=(user("x"),))
    rows = [
        row for i in range(5) for row in rows_of("echo_all", pool, [example], i, pool=True).rows
    ]
    await journal.finish([*rows, end_row("echo_all", await content(2))])
    await journal.close("done")
    async with opened(tmp_path) as now:
        assert await pooled(now) == ["example 0", "example 1", "example 2", "end -1"]
        assert list(now[0].records.rows("echo_all", "example", "end")) == [], "not yet written anew"
        assert now[0].progress.changed == {"echo_all": 1}


async def test_the_end_mark_of_a_pool_says_over_which_tasks_it_was(tmp_path: Path) -> None:
    """A pool that made nothing of its tasks has no other row."""
    async with opened(tmp_path) as now:
        async for outputs in over_pool(step(defined(echo_all)), items(0), *now):
            await now[1].write(outputs)
    async with opened(tmp_path) as now:
        assert await pooled(now) == ["example 0", "example 1", "example 2", "end -1"]
