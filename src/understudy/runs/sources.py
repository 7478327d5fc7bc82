"""Where the items of a step come from: the seeds, or the step before.

A resumed run begins with what the step before has left unfinished, then goes on through the seeds.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping

from understudy.runs.rows import Item, Output, broken_row, chunks, item_of
from understudy.runs.seeds import BrokenSeed, Seed, refuse
from understudy.runs.state import State
from understudy.runs.writer import Writer

Feed = asyncio.Queue[Item | None]
"""What is between two steps; None ends it."""


async def seed_items(
    seeds: Iterable[Seed | BrokenSeed],
    label: str,
    state: State,
    writer: Writer,
    *,
    strict: bool,
    pool: bool = False,
) -> AsyncGenerator[Item]:
    """The seeds that the first step is not done with, until the run is over or has tried enough. A
    broken seed becomes a failure row. Where enough examples are there, only seeds that have changed
    since they were finished are a reason to go on; a step over the pool gets all the same.

    Raises:
        ConfigError: a seed is broken, and the run is `strict`.
    """
    quota, progress = state.quota, state.progress
    unseen = state.records.count_tasks(label)
    for chunk in chunks(seeds, CHUNK):
        tasks, broken_seeds = _split(chunk)
        if broken_seeds and strict:
            raise refuse(broken_seeds[0])
        await writer.write([Output([broken_row(seed) for seed in broken_seeds], [])])
        contents = {seed.task.id: seed.content for seed in tasks}
        finished, changed = await _look_up(contents, label, state, writer)
        unseen -= len(finished) + changed
        progress.skipped += len(finished)
        quota.seeds += len(finished)
        for task, position, content in tasks:
            if state.halt.reason is not None or quota.exhausted:
                return
            if state.over and not pool:
                if unseen <= 0:
                    return
                break
            if task.id not in finished:
                quota.seeds += 1
                yield Item(id=task.id, position=position, content=content, task=task)
        await asyncio.sleep(0)  # a long stretch of finished seeds must not hold up the loop


def _split(chunk: Iterable[Seed | BrokenSeed]) -> tuple[list[Seed], list[BrokenSeed]]:
    tasks, others = list[Seed](), list[BrokenSeed]()
    for seed in chunk:
        if isinstance(seed, Seed):
            tasks.append(seed)
        else:
            others.append(seed)
    return tasks, others


async def items_of(feed: Feed, state: State) -> AsyncGenerator[Item]:
    """What the step before makes, until it has ended."""
    while (item := await feed.get()) is not None:
        state.freed.set()
        yield item


async def stream(
    before: str, label: str, feed: Feed, state: State, writer: Writer
) -> AsyncGenerator[Item]:
    """What earlier attempts left unfinished between two steps, then what this one makes."""
    async for item in read_unfinished(before, label, state, writer, state.attempt):
        yield item
    async for item in items_of(feed, state):
        yield item


async def in_seed_order(
    before: str, label: str, feed: Feed, state: State, writer: Writer
) -> AsyncGenerator[Item]:
    """Once the step before has ended, all of its examples that the step is not done with, in the
    order of the seeds."""
    async for _ in items_of(feed, state):
        pass
    if state.halt.reason is None:
        async for item in read_unfinished(before, label, state, writer):
            yield item


async def everything(before: str, feed: Feed, state: State) -> AsyncGenerator[Item]:
    """Once the step before has ended, all of its examples."""
    async for _ in items_of(feed, state):
        pass
    if state.halt.reason is None:
        for row in state.records.rows(before, "example"):
            yield item_of(row)


async def read_unfinished(
    before: str, label: str, state: State, writer: Writer, attempt: int | None = None
) -> AsyncGenerator[Item]:
    """Examples of the step `before` that `label` is not done with; only those of attempts before
    `attempt`, if it is set."""
    rows = state.records.rows(before, "example", before=attempt)
    for chunk in chunks(rows, CHUNK):
        items = [item_of(row) for row in chunk]
        contents = {item.id: item.content for item in items}
        finished, _ = await _look_up(contents, label, state, writer)
        for item in items:
            if item.id not in finished:
                yield item
        await asyncio.sleep(0)


async def _look_up(
    contents: Mapping[str, bytes], label: str, state: State, writer: Writer
) -> tuple[set[str], int]:
    """The tasks that a step is done with, and how many it had done with another content: their rows
    are removed, so that they are asked again."""
    changed = state.records.find_changed_tasks(label, contents)
    if changed:
        await writer.forget(label, changed)
    return state.records.find_finished_tasks(label, list(contents)) - changed, len(changed)


CHUNK = 400
"""Items that are looked up at once."""
