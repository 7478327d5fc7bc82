"""Drives tasks through the steps of a recipe: seeds -> step -> step -> ... -> rows.

Every step streams into the next; only a step over the whole pool, or one that judges in order, waits
for all its tasks. In memory is what is under way. Tasks start in order and are written as they finish,
a task's rows and the mark that it is done in one transaction, and only then handed to the next step.

An expected error becomes a failure row of its task. A `RunStopped` lets the calls under way finish
and ends the run, resumably. Any other exception is a bug and ends it at once.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing

from understudy.call.limits import Endpoint
from understudy.call.stack import Tally
from understudy.errors import RunStopped, Unauthorized, first
from understudy.journal.effect import Journal
from understudy.runs.halt import Halt
from understudy.runs.progress import Progress
from understudy.runs.quota import Quota
from understudy.runs.rows import Item, Output
from understudy.runs.seeds import BrokenSeed, Seed
from understudy.runs.sources import Feed, everything, in_seed_order, seed_items, stream
from understudy.runs.state import State
from understudy.runs.step import BoundStep, OnError
from understudy.runs.strategies import each, in_order, over_pool
from understudy.runs.writer import Writer


class Engine:
    """One attempt of one run."""

    def __init__(
        self,
        steps: Sequence[BoundStep],
        seeds: Iterable[Seed | BrokenSeed],
        journal: Journal,
        *,
        quota: Quota | None = None,
        endpoints: Sequence[Endpoint] = (),
        tally: Tally | None = None,
        total: int | None = None,
        strict: bool = False,
        on_error: OnError = "stop",
        concurrency: int = 512,
    ) -> None:
        """`endpoints` stop too when the run stops; `total`: how many seeds there are, where that is
        known; `strict`: a broken seed ends the run."""
        last = steps[-1].label
        self.progress = Progress.of_records(
            journal.records, quota or Quota(), tally or Tally(), total, last
        )
        self.halt = Halt(endpoints)
        self._steps, self._seeds, self._strict = steps, seeds, strict
        self._writer = Writer(journal, self.progress, [step.label for step in steps])
        attempt = journal.records.attempts()[-1].id
        self._state = State(
            journal.records, attempt, self.progress, self.halt, on_error, concurrency
        )
        self._feeds = [Feed(concurrency) for _ in steps[1:]]

    @property
    def stop_reason(self) -> RunStopped | Unauthorized | None:
        """Why the run ended early."""
        return self.halt.reason

    async def run(self) -> None:
        """Run to the end, or to the first reason to stop.

        Raises:
            ConfigError: a broken seed, where the run is strict.
            MethodError: the code of a step is wrong.
            RunFolderError: the disk is full, or the folder is gone.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for place in range(len(self._steps)):
                    group.create_task(self._stage(place))
        except BaseExceptionGroup as errors:
            error = first(errors)
            raise error from error.__cause__

    async def _stage(self, place: int) -> None:
        """One step from its first item to its last."""
        following = self._feeds[place] if place < len(self._feeds) else None
        async with aclosing(self._outputs(place)) as batches:
            async for outputs in batches:
                items = await self._writer.write(outputs)
                if following is not None:
                    for item in items:
                        await following.put(item)
        if following is not None:
            await following.put(None)

    def _outputs(self, place: int) -> AsyncGenerator[list[Output]]:
        step, source, state = self._steps[place], self._source(place), self._state
        if step.definition.shape == "pool":
            return over_pool(step, source, state, self._writer)
        if step.definition.index is not None:
            return in_order(step, source, state)
        return each(step, source, state, self._room_first if place == 0 else self._room)

    def _source(self, place: int) -> AsyncGenerator[Item]:
        step, state, writer = self._steps[place], self._state, self._writer
        pool = step.definition.shape == "pool"
        if place == 0:
            return seed_items(
                self._seeds, step.label, state, writer, strict=self._strict, pool=pool
            )
        before, feed = self._steps[place - 1].label, self._feeds[place - 1]
        if pool:
            return everything(before, feed, state)
        if step.definition.index is not None:
            return in_seed_order(before, step.label, feed, state, writer)
        return stream(before, step.label, feed, state, writer)

    def _room(self, unwritten: int) -> bool:
        return unwritten < self._state.concurrency

    def _room_first(self, unwritten: int) -> bool:
        """The first step counts what is on its way through later ones too, where `n` are asked for."""
        if self.progress.quota.n is not None:
            unwritten = self.progress.under_way + sum(feed.qsize() for feed in self._feeds)
        return unwritten < self.progress.quota.most_at_once(self._state.concurrency)
