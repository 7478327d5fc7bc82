"""Where the items of a step come from: the seeds, or the step before.

A resumed run begins with what the step before has left unfinished, then goes on through the seeds.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable

from understudy.journal.read import Records
from understudy.journal.rows import Row
from understudy.runs.rows import Item, Output, broken_row, chunks, item_of
from understudy.runs.seeds import BrokenSeed, Seed, refuse
from understudy.runs.state import State
from understudy.runs.writer import Writer

Feed = asyncio.Queue[Item | None]
"""What is between two steps; None ends it."""


async def seed_items(
    seeds: Iterable[Seed | BrokenSeed], label: str, state: State, writer: Writer, *, strict: bool
) -> AsyncGenerator[Item]:
    """The seeds that the first step is not done with, until the run is over or has tried enough. A
    broken seed becomes a failure row.

    Raises:
        ConfigError: a seed is broken, and the run is `strict`.
    """
    quota, progress = state.quota, state.progress
    for chunk in chunks(seeds, CHUNK):
        tasks, failures = list[Seed](), list[Row]()
        for seed in chunk:
            if isinstance(seed, Seed):
                tasks.append(seed)
            elif strict:
                raise refuse(seed)
            else:
                failures.append(broken_row(seed))
        await writer.write([Output(failures, [])])
        finished = state.records.finished(label, [seed.task.id for seed in tasks])
        progress.skipped += len(finished)
        quota.seeds += len(finished)
        for task, position in tasks:
            if state.over or quota.exhausted:
                return
            if task.id not in finished:
                quota.seeds += 1
                yield Item(id=task.id, position=position, task=task)
        await asyncio.sleep(0)  # a long stretch of finished seeds must not hold up the loop


async def items_of(feed: Feed, state: State) -> AsyncGenerator[Item]:
    """What the step before makes, until it has ended."""
    while (item := await feed.get()) is not None:
        state.freed.set()
        yield item


async def stream(before: str, label: str, feed: Feed, state: State) -> AsyncGenerator[Item]:
    """What earlier attempts left unfinished between two steps, then what this one makes."""
    async for item in read_unfinished(before, label, state.records, state.attempt):
        yield item
    async for item in items_of(feed, state):
        yield item


async def in_seed_order(before: str, label: str, feed: Feed, state: State) -> AsyncGenerator[Item]:
    """Once the step before has ended, all of its examples that the step is not done with, in the
    order of the seeds."""
    async for _ in items_of(feed, state):
        pass
    if state.halt.reason is None:
        async for item in read_unfinished(before, label, state.records):
            yield item


async def everything(before: str, feed: Feed, state: State) -> AsyncGenerator[Item]:
    """Once the step before has ended, all of its examples."""
    async for _ in items_of(feed, state):
        pass
    if state.halt.reason is None:
        for row in state.records.rows(before, "example"):
            yield item_of(row)


async def read_unfinished(
    before: str, label: str, records: Records, attempt: int | None = None
) -> AsyncGenerator[Item]:
    """Examples of the step `before` that `label` is not done with; only those of attempts before
    `attempt`, if it is set."""
    rows = records.rows(before, "example", before=attempt)
    for chunk in chunks(rows, CHUNK):
        items = [item_of(row) for row in chunk]
        finished = records.finished(label, [item.id for item in items])
        for item in items:
            if item.id not in finished:
                yield item
        await asyncio.sleep(0)


CHUNK = 400
"""Items that are looked up at once."""
