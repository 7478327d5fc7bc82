"""The three ways through a step: many tasks at a time, one after another, or all at once.

Each is an async generator of what it makes, in lists that are written together. It does not go on
before the writer is done with a list, so that what waits to be written is bounded.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from hashlib import blake2b
from typing import Any

from understudy.errors import RunStopped, Unauthorized
from understudy.registry import Index
from understudy.runs.rows import Item, Output, end_row, item_of
from understudy.runs.state import State
from understudy.runs.step import BoundStep, process, process_pool
from understudy.runs.writer import Writer
from understudy.types import Task


async def each(
    step: BoundStep, source: AsyncGenerator[Item], state: State, room: Callable[[int], bool]
) -> AsyncGenerator[list[Output]]:
    """Items start in order and are handed out as they finish. `room`: whether one more may start
    beside so many that are not yet written."""
    crew, unwritten = _Crew(), 0

    async def start_all() -> list[Output]:
        nonlocal unwritten
        async with aclosing(source) as items:
            async for item in items:
                while not room(unwritten):
                    state.freed.clear()
                    await state.freed.wait()
                if state.over:
                    continue  # the source ends by itself soon; the steps before must not block
                unwritten += 1
                state.progress.under_way += 1
                state.progress.started += 1
                crew.start(one(item))
        return []

    async def one(item: Item) -> list[Output]:
        try:
            return [await process(step, item, state.on_error)]
        except (RunStopped, Unauthorized) as reason:
            state.halt(reason)
            return [Output([], [])]

    crew.start(start_all())
    try:
        while crew.busy:
            outputs = await crew.next_batch()
            if outputs:
                yield outputs
            unwritten -= len(outputs)
            state.progress.under_way -= len(outputs)
            state.freed.set()
    finally:
        await crew.close()
        state.progress.under_way -= unwritten


class _Crew:
    """Tasks in progress. Not a task group: that would cancel a caller that waits in a `yield`."""

    def __init__(self) -> None:
        self._tasks = set[asyncio.Task[list[Output]]]()
        self._finished = list[asyncio.Task[list[Output]]]()
        self._wake = asyncio.Event()

    @property
    def busy(self) -> bool:
        return bool(self._tasks or self._finished)

    def start(self, work: Coroutine[Any, Any, list[Output]]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[list[Output]]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # retrieve every exception: if several fail, only the first is raised
        self._finished.append(task)
        self._wake.set()

    async def next_batch(self) -> list[Output]:
        """What has been made since the last time; waits for something. Raises what a task raised."""
        await self._wake.wait()
        self._wake.clear()
        tasks, self._finished = self._finished, []
        return [output for task in tasks for output in task.result()]

    async def close(self) -> None:
        """Cancel what is under way, and wait until it has ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def in_order(
    step: BoundStep, source: AsyncGenerator[Item], state: State
) -> AsyncGenerator[list[Output]]:
    """A filter that compares with what it has kept judges one item after another, in the order of the
    seeds, so that a resumed run decides as one that was never killed."""
    index = _index(step, state)
    changed = state.progress.changed.total()
    outputs, fresh = list[Output](), 0
    async with aclosing(source) as items:
        async for item in items:
            if state.over:
                continue
            state.progress.started += 1
            if state.progress.changed.total() > changed:  # rows in the index have been removed
                yield outputs
                index, outputs, fresh = _index(step, state), [], 0
                changed = state.progress.changed.total()
            try:
                output = await process(step, item, state.on_error, index=index)
            except (RunStopped, Unauthorized) as reason:
                state.halt(reason)
                continue
            for example in output.items:
                index.add(example.as_example())
            outputs.append(output)
            fresh += len(output.items)
            if len(outputs) >= BATCH or fresh == state.quota.missing:
                yield outputs
                outputs, fresh = [], 0
    if outputs:
        yield outputs


def _index(step: BoundStep, state: State) -> Index:
    """What a filter has kept so far."""
    assert step.definition.index is not None
    index = step.definition.index(step.config)
    for row in state.records.rows(step.label, "example"):
        index.add(item_of(row).as_example())
    return index


BATCH = 50
"""Most rows that are written at once: a commit takes milliseconds."""


async def over_pool(
    step: BoundStep, source: AsyncGenerator[Item], state: State, writer: Writer
) -> AsyncGenerator[list[Output]]:
    """All items go to the method at once. What it made in earlier attempts it makes again, from the
    journal's replies, and only what follows is new. A step that an error ended has no end mark: the
    next attempt tries it again. Where its tasks are not those of the earlier attempt, what it made
    of those is removed."""
    tasks, contents = list[Task](), blake2b(digest_size=6)
    async with aclosing(source) as items:
        async for item in items:
            tasks.append(item.as_task())
            contents.update(item.content)
    if state.halt.reason is not None:
        return
    content = contents.digest()
    if state.records.find_changed_tasks(step.label, {"": content}):
        await writer.forget(step.label, [""])
    if state.quota.enough or state.progress.of(step.label, "end"):
        return
    ordinals = state.records.ordinals(step.label)
    failed = False
    async with aclosing(process_pool(step, tasks, content, state.on_error)) as outputs:
        try:
            async for output in outputs:
                failed = output.rows[0].kind == "failure"
                if failed or output.rows[0].ordinal not in ordinals:
                    yield [output]
                if state.quota.enough:
                    return
        except (RunStopped, Unauthorized) as reason:
            state.halt(reason)
            return
    if not failed:
        yield [Output([end_row(step.label, content)], [])]
