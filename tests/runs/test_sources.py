"""Where the items of a step come from, and which are not handed out again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from understudy.data.bad_row import BadSeed
from understudy.errors import ConfigError, RunStopped
from understudy.journal.read import Row
from understudy.journal.write import SqliteJournal
from understudy.runs.halt import Halt
from understudy.runs.progress import Progress
from understudy.runs.quota import Quota
from understudy.runs.rows import Item, failure_output, rows_of
from understudy.runs.seeds import Seed, identify
from understudy.runs.sources import (
    Feed,
    everything,
    in_seed_order,
    read_unfinished,
    seed_items,
    stream,
)
from understudy.runs.state import State
from understudy.runs.writer import Writer
from understudy.types import Example, Rejection, Task, user


@asynccontextmanager
async def state(
    path: Path, quota: Quota | None = None
) -> AsyncIterator[tuple[State, SqliteJournal]]:
    """One attempt on a journal."""
    journal = SqliteJournal(path / "j.db")
    progress = Progress(quota or Quota())
    yield State(journal.records, journal.attempt, progress, Halt([])), journal
    await journal.close("done")


def item(task: str) -> Item:
    """A seed as it is read, with its content."""
    (seed,) = [seed for seed in identify(SEEDS) if isinstance(seed, Seed) and seed.task.id == task]
    return Item(id=task, position=seed.position, content=seed.content, task=seed.task)


def example(task: str, step: str = "first") -> list[Row]:
    rows, (made,) = rows_of("first", item(task), [Example(messages=(user(task),))])
    return rows if step == "first" else rows_of(step, made, [made.as_example()]).rows


def feed(*tasks: str) -> Feed:
    queue = Feed()
    for task in tasks:
        queue.put_nowait(item(task))
    queue.put_nowait(None)
    return queue


async def ids(source: AsyncIterator[Item]) -> list[str]:
    return [item.id async for item in source]


STEPS = ["first", "second", "last"]
SEEDS = [Task(id=f"t{i}", prompt="?") for i in range(6)]


async def seeds(path: Path, quota: Quota, *rows: list[Row]) -> tuple[list[str], Progress]:
    async with state(path, quota) as (now, journal):
        for of_task in rows:
            await journal.finish(of_task)
        writer = Writer(journal, now.progress, STEPS)
        source = seed_items(identify(SEEDS), "first", now, writer, strict=False)
        return await ids(source), now.progress


async def test_seeds_that_a_step_is_done_with_are_not_handed_out_again(tmp_path: Path) -> None:
    rejected = rows_of("first", item("t2"), [Rejection(reason="no")]).rows
    failed = failure_output("first", item("t3"), "Rejected", "400").rows
    items, progress = await seeds(tmp_path, Quota(), example("t1"), rejected, failed)
    assert items == ["t0", "t3", "t4", "t5"]
    assert (progress.skipped, progress.quota.seeds) == (2, 6)


async def test_a_seed_that_has_changed_is_handed_out_again_and_its_rows_are_gone(
    tmp_path: Path,
) -> None:
    async with state(tmp_path) as (_, journal):
        for task in ("t0", "t1"):
            await journal.finish(example(task))
            await journal.finish(example(task, step="second"))
    tasks = [SEEDS[0], Task(id="t1", prompt="corrected"), *SEEDS[2:]]
    async with state(tmp_path) as (now, journal):
        now.progress.count([row for step in STEPS for row in now.records.rows(step, "example")])
        writer = Writer(journal, now.progress, STEPS)
        items = await ids(seed_items(identify(tasks), "first", now, writer, strict=False))
        assert items == ["t1", "t2", "t3", "t4", "t5"]
        rows = [row.task for step in STEPS for row in now.records.rows(step, "example")]
        assert rows == ["t0", "t0"]
        assert (now.progress.skipped, now.progress.changed) == (1, {"first": 1})


async def test_a_changed_seed_is_seen_though_enough_examples_are_there(tmp_path: Path) -> None:
    async with state(tmp_path) as (_, journal):
        for task in ("t0", "t4"):
            await journal.finish([row._replace(step="last") for row in example(task)])
    tasks = [*SEEDS[:4], Task(id="t4", prompt="corrected"), SEEDS[5]]
    async with state(tmp_path, Quota(2, accepted=2)) as (now, journal):
        now.progress.count(now.records.rows("last", "example"))
        writer = Writer(journal, now.progress, ["last"])
        items = await ids(seed_items(identify(tasks), "last", now, writer, strict=False))
        assert "t4" in items
        assert now.quota.accepted == 1


async def test_rows_of_another_step_finish_no_seed(tmp_path: Path) -> None:
    items, _ = await seeds(tmp_path, Quota(), example("t1", step="second"))
    assert len(items) == 6


async def test_seeds_that_earlier_attempts_finished_count_as_tried(tmp_path: Path) -> None:
    items, _ = await seeds(tmp_path, Quota(max_seeds=4), example("t0"), example("t5"))
    assert items == ["t1", "t2"]


async def test_no_seed_is_handed_out_once_the_run_is_over(tmp_path: Path) -> None:
    items, _ = await seeds(tmp_path, Quota(2, accepted=2))
    assert items == []
    async with state(tmp_path) as (now, journal):
        source = seed_items(
            identify(SEEDS), "first", now, Writer(journal, now.progress, STEPS), strict=False
        )
        assert (await anext(source)).id == "t0"
        now.halt(RunStopped("enough"))
        assert await ids(source) == []


async def test_a_broken_seed_is_a_failure_row_or_ends_a_strict_run(tmp_path: Path) -> None:
    tasks = [SEEDS[0], BadSeed("f.jsonl:2", "no JSON"), SEEDS[1]]
    async with state(tmp_path) as (now, journal):
        writer = Writer(journal, now.progress, STEPS)
        assert await ids(seed_items(identify(tasks), "first", now, writer, strict=False)) == [
            "t0", "t1",
        ]  # fmt: skip
        assert [row.task for row in now.records.rows("seeds", "failure")] == ["f.jsonl:2"]
        with pytest.raises(ConfigError, match=r"f\.jsonl:2: no JSON"):
            await ids(seed_items(identify(tasks), "first", now, writer, strict=True))


async def test_what_earlier_attempts_left_comes_before_what_this_one_makes(tmp_path: Path) -> None:
    async with state(tmp_path) as (_, journal):
        for task in ("t0", "t1", "t2"):
            await journal.finish(example(task))
        await journal.finish(example("t1", step="second"))
    async with state(tmp_path) as (now, journal):
        await journal.finish(example("t4"))
        items = stream(
            "first", "second", feed("t4", "t5"), now, Writer(journal, now.progress, STEPS)
        )
        assert await ids(items) == ["t0", "t2", "t4", "t5"]


async def test_rows_of_this_attempt_are_not_left_over(tmp_path: Path) -> None:
    """They come through the queue: each would be worked on twice."""
    async with state(tmp_path) as (_, journal):
        await journal.finish(example("t0"))
    async with state(tmp_path) as (now, journal):
        await journal.finish(example("t1"))
        writer = Writer(journal, now.progress, STEPS)
        items = read_unfinished("first", "second", now, writer, now.attempt)
        assert await ids(items) == ["t0"]
        assert await ids(read_unfinished("first", "second", now, writer)) == ["t0", "t1"]


async def test_a_step_that_judges_in_order_gets_all_in_the_order_of_the_seeds(
    tmp_path: Path,
) -> None:
    async with state(tmp_path) as (now, journal):
        for task in ("t5", "t0", "t3"):
            await journal.finish(example(task))
        await journal.finish(example("t3", step="second"))
        waiting = feed("t5", "t0", "t3")
        assert await ids(
            in_seed_order("first", "second", waiting, now, Writer(journal, now.progress, STEPS))
        ) == ["t0", "t5"]
        assert waiting.empty()


async def test_a_step_over_the_pool_gets_every_example_also_those_it_has_seen(
    tmp_path: Path,
) -> None:
    async with state(tmp_path) as (now, journal):
        for task in ("t5", "t0"):
            await journal.finish(example(task))
        await journal.finish(example("t0", step="second"))
        assert await ids(everything("first", feed("t5", "t0"), now)) == ["t0", "t5"]


@pytest.mark.parametrize("source", ["in order", "pool"])
async def test_a_step_that_waits_for_all_starts_nothing_after_a_stop(
    source: str, tmp_path: Path
) -> None:
    async with state(tmp_path) as (now, journal):
        await journal.finish(example("t0"))
        now.halt(RunStopped("enough"))
        waiting = feed("t0")
        items = (
            in_seed_order("first", "second", waiting, now, Writer(journal, now.progress, STEPS))
            if source == "in order"
            else everything("first", waiting, now)
        )
        assert await ids(items) == []
        assert waiting.empty(), "the step before must not block"
