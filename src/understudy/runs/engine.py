"""Drives tasks through the steps of a recipe: seeds -> step -> step -> ... -> rows.

Every step streams into the next; only a step over the whole pool waits for all its tasks. What is in
memory is what is under way. Tasks start in order and are written as they finish, a task's rows and
the mark that it is done in one transaction, and only then handed to the next step. A resumed run
starts with what the step before has left unfinished, then goes on through the seeds.

An expected error becomes a failure row of its task. A `RunStopped` lets the calls under way finish
and ends the run, resumably. Any other exception is a bug and ends it at once.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from random import Random
from typing import Any, TypeVar, cast

from understudy.call.limits import Endpoint
from understudy.call.model import Model
from understudy.call.stack import Tally
from understudy.errors import ProviderError, RunStopped, Unauthorized, Unparsable, first
from understudy.journal.rows import Kind, Row
from understudy.journal.write import SqliteJournal
from understudy.registry import Definition
from understudy.runs.rows import (
    Item,
    broken_row,
    chunks,
    end_row,
    failure_row,
    item_of,
    judged,
    rows_of,
)  # fmt: skip
from understudy.runs.seeds import BrokenSeed, Seed, refuse
from understudy.sandbox.handle import Sandbox
from understudy.types import Example, Rejection, Settings, Verdict

T = TypeVar("T")


@dataclass(frozen=True)
class BoundStep:
    """A step ready to run."""

    label: str
    definition: Definition
    config: Settings
    models: dict[str, Model]
    sandbox: Sandbox | None = None
    """Where the step runs programs, if it does."""


@dataclass
class Plan:
    """What the engine is told beside the steps."""

    seeds: Iterable[Seed | BrokenSeed]
    total: int | None = None
    """How many seeds there are, where that is known beforehand."""
    strict: bool = False
    seed: int = 0
    n: int | None = None
    candidates: int | None = None
    concurrency: int = 512


@dataclass
class Progress:
    """Where a run stands; read by displays, written by the engine alone."""

    counts: dict[str, Counter[tuple[Kind, str]]]
    """Rows by step, kind and reason, earlier sessions included."""
    under_way: int = 0
    started: int = 0
    """Tasks started in this session, all steps together."""
    skipped: int = 0
    """Seeds that an earlier session had finished."""

    def of(self, step: str, kind: Kind) -> int:
        return sum(n for (k, _), n in self.counts.get(step, Counter()).items() if k == kind)


class Engine:
    """One session of one run."""

    def __init__(
        self,
        steps: Sequence[BoundStep],
        plan: Plan,
        journal: SqliteJournal,
        endpoints: Sequence[Endpoint],
        tally: Tally,
    ) -> None:
        self.progress = Progress(counts=journal.records.counts())
        self.tally = tally
        self.stopped: RunStopped | Unauthorized | None = None
        """Why the run ended early."""
        self._steps, self._plan = steps, plan
        self._journal = journal
        self._endpoints = endpoints
        self._accepted = self.progress.of(steps[-1].label, "example")
        self._tried = 0
        self._feeds = [asyncio.Queue[Item | None](plan.concurrency) for _ in steps[1:]]
        """What is between two steps."""
        self._ended_one = asyncio.Event()

    async def run(self) -> None:
        """To the end, or to the first reason to stop.

        Raises:
            ConfigError: a broken seed, where the plan is strict.
            RunFolderError: the disk is full, or the folder is gone.
        """
        feeds = self._feeds
        try:
            async with asyncio.TaskGroup() as group:
                for i, step in enumerate(self._steps):
                    source = self._from_seeds() if i == 0 else self._from_step(i, feeds[i - 1])
                    sink = feeds[i] if i < len(feeds) else None
                    group.create_task(self._stage(step, source, sink))
        except BaseExceptionGroup as errors:
            raise first(errors) from None

    def stop(self, why: RunStopped | Unauthorized) -> None:
        """Start nothing more; calls under way finish and are kept."""
        if self.stopped is None:
            self.stopped = why
            told = why if isinstance(why, RunStopped) else RunStopped(str(why))
            for endpoint in self._endpoints:
                endpoint.stop(told)

    @property
    def accepted(self) -> int:
        """Examples of the last step, earlier sessions included."""
        return self._accepted

    def left(self) -> int | None:
        """Tasks of the first step, or with `n` examples of the last, still to come; None if
        nobody knows."""
        if self._plan.n is not None:
            return max(0, self._plan.n - self._accepted)
        if self._plan.total is None:
            return None
        total = min(self._plan.total, self._plan.candidates or self._plan.total)
        return max(0, total - self._tried + self.progress.under_way)

    @property
    def enough(self) -> bool:
        """As many examples were accepted as were asked for."""
        return self._plan.n is not None and self._accepted >= self._plan.n

    # Sources

    async def _from_seeds(self) -> AsyncIterator[Item]:
        label = self._steps[0].label
        broken = list[Row]()
        for chunk in chunks(self._plan.seeds, CHUNK):
            seeds = list[Seed]()
            for seed in chunk:
                if isinstance(seed, Seed):
                    seeds.append(seed)
                elif self._plan.strict:
                    raise refuse(seed)
                else:
                    broken.append(broken_row(seed))
            done = self._journal.records.finished(label, [seed.task.id for seed in seeds])
            self.progress.skipped += len(done)
            self._tried += len(done)
            if broken:
                await self._write(broken)
                broken = []
            for task, position in seeds:
                if self._ended():
                    return
                if task.id not in done:
                    self._tried += 1
                    yield Item(id=task.id, position=position, task=task)
            await asyncio.sleep(0)  # a long stretch of finished seeds must not hold up the loop

    def _ended(self) -> bool:
        spent = self._plan.candidates is not None and self._tried >= self._plan.candidates
        return self.stopped is not None or self.enough or spent

    async def _from_step(self, i: int, feed: asyncio.Queue[Item | None]) -> AsyncIterator[Item]:
        before, step = self._steps[i - 1].label, self._steps[i]
        pool, ordered = step.definition.shape == "pool", step.definition.memory is not None
        if not pool and not ordered:
            async for item in self._left_over(before, step.label, self._journal.attempt):
                yield item
        while (item := await feed.get()) is not None:
            if not pool and not ordered:
                yield item
        if pool and self.stopped is None:
            for row in self._journal.records.rows(before, "example"):
                yield item_of(row)
        elif ordered and self.stopped is None:
            async for item in self._left_over(before, step.label, None):
                yield item

    async def _left_over(self, before: str, label: str, session: int | None) -> AsyncIterator[Item]:
        rows = self._journal.records.rows(before, "example", before=session)
        for chunk in chunks(rows, CHUNK):
            items = [item_of(row) for row in chunk]
            done = self._journal.records.finished(label, [item.id for item in items])
            for item in items:
                if item.id not in done:
                    yield item
            await asyncio.sleep(0)

    # Steps

    async def _stage(
        self, step: BoundStep, source: AsyncIterable[Item], sink: asyncio.Queue[Item | None] | None
    ) -> None:
        try:
            if step.definition.shape == "pool":
                await self._over_pool(step, source, sink)
            elif step.definition.memory is not None:
                await self._in_order(step, source, sink)
            else:
                await self._over_each(step, source, sink)
        except (RunStopped, Unauthorized) as why:
            self.stop(why)
        except (ProviderError, Unparsable) as error:
            # A step over the pool has no single task whose failure this could be.
            self.stop(RunStopped(f"{step.label}: {error} The same command tries again."))
        if sink is not None:
            await sink.put(None)

    async def _over_each(
        self, step: BoundStep, source: AsyncIterable[Item], sink: asyncio.Queue[Item | None] | None
    ) -> None:
        under_way = 0

        async def one(item: Item) -> None:
            nonlocal under_way
            try:
                await self._one(step, item, sink)
            finally:
                under_way -= 1
                self.progress.under_way -= 1
                self._ended_one.set()

        async with asyncio.TaskGroup() as group:
            async for item in source:
                while self._full(step, under_way):
                    self._ended_one.clear()
                    await self._ended_one.wait()
                if self.stopped is not None or self.enough:
                    continue  # the source ends by itself soon; the steps before must not block
                under_way += 1
                self.progress.under_way += 1
                self.progress.started += 1
                group.create_task(one(item))

    def _full(self, step: BoundStep, under_way: int) -> bool:
        """Whether a step must wait before it starts a task beside the `under_way` it has. Where `n`
        examples are wanted, the first step starts not many more than the acceptance rate so far
        says are needed, counting what is on its way through later steps."""
        if self._plan.n is None or step is not self._steps[0]:
            return under_way >= self._plan.concurrency
        last = self._steps[-1].label
        rejected = self.progress.of(last, "rejection") + self.progress.of(last, "failure")
        rate = (self._accepted + 1) / (self._accepted + rejected + 1)
        needed = ceil((self._plan.n - self._accepted) / rate)
        on_the_way = self.progress.under_way + sum(feed.qsize() for feed in self._feeds)
        return on_the_way >= max(1, min(self._plan.concurrency, needed))

    async def _one(
        self, step: BoundStep, item: Item, sink: asyncio.Queue[Item | None] | None
    ) -> None:
        try:
            made = await self._call(step, item)
        except (RunStopped, Unauthorized) as why:
            self.stop(why)
            return
        except (ProviderError, Unparsable) as error:
            await self._write([failure_row(step.label, item, error)])
            return
        if self.enough and step is self._steps[-1]:
            return  # no row: if more are wanted later, its replies are in the journal
        await self._hand_on(*self._rows(step, item, made), sink)

    async def _in_order(
        self, step: BoundStep, source: AsyncIterable[Item], sink: asyncio.Queue[Item | None] | None
    ) -> None:
        """A filter with a memory judges one after another, in the order of the seeds and with what
        it kept before in mind, so that a resumed run decides as one that was never killed."""
        assert step.definition.memory is not None
        memory = step.definition.memory(step.config)
        for row in self._journal.records.rows(step.label, "example"):
            memory.add(item_of(row).as_example())
        rows, items = list[Row](), list[Item]()
        async for item in source:
            if self.stopped is None and not self.enough:
                self.progress.started += 1
                made = await self._call(step, item, memory=memory)
                for example in made:
                    if isinstance(example, Example):
                        memory.add(example)
                more, following = self._rows(step, item, made)
                rows, items = rows + more, items + following
            if len(rows) >= IN_ORDER:
                await self._hand_on(rows, items, sink)
                rows, items = list[Row](), list[Item]()
        await self._hand_on(rows, items, sink)

    async def _hand_on(
        self, rows: Sequence[Row], items: Iterable[Item], sink: asyncio.Queue[Item | None] | None
    ) -> None:
        """To disk, and only then to the next step."""
        await self._write(rows)
        for item in items if sink is not None else ():
            await cast("asyncio.Queue[Item | None]", sink).put(item)

    async def _call(self, step: BoundStep, item: Item, **more: Any) -> list[Example | Rejection]:
        """What the step makes of one item; more than one only where it returns several."""
        run, shape = step.definition.run, step.definition.shape
        given = self._arguments(step, item.id) | more
        if shape == "example":
            example = item.as_example()
            verdict = await _awaited(run(example, **given))
            return [judged(step.label, example, cast("Verdict", verdict))]
        outcome = await _awaited(run(item.as_task(), **given))
        if isinstance(outcome, (Example, Rejection)):
            return [outcome]
        several = list(cast("Iterable[Example | Rejection]", outcome))
        return several or [Rejection(reason="the method made nothing")]

    async def _over_pool(
        self, step: BoundStep, source: AsyncIterable[Item], sink: asyncio.Queue[Item | None] | None
    ) -> None:
        records = self._journal.records
        if self.progress.of(step.label, "end") or self.enough:
            async for _ in source:
                pass
            return
        tasks = [item.as_task() async for item in source]
        if self.stopped is not None:
            return
        written, ordinal = records.ordinals(step.label), 0
        arguments = self._arguments(step, "")
        generator = step.definition.run(tasks, **arguments)
        async for made in cast("AsyncIterator[Example | Rejection]", generator):
            if ordinal not in written:
                whole = Item(id="", position=b"")
                await self._hand_on(*self._rows(step, whole, [made], ordinal), sink)
            ordinal += 1
            if self.enough:
                await generator.aclose()
                return
        await self._write([end_row(step.label)])

    def _arguments(self, step: BoundStep, task: str) -> dict[str, Any]:
        models = step.models.items()
        given: dict[str, Any] = {role: m.at(step.label, task, role) for role, m in models}
        if step.definition.takes_rng:
            given["rng"] = Random(f"{self._plan.seed}/{step.label}/{task}")
        if step.definition.takes_sandbox and step.sandbox is not None:
            given["sandbox"] = step.sandbox.at(step.label, task)
        if step.definition.config.model_fields:
            given["config"] = step.config
        return given

    # Rows

    def _rows(
        self, step: BoundStep, item: Item, made: Sequence[Example | Rejection], first: int = 0
    ) -> tuple[list[Row], list[Item]]:
        if step is self._steps[-1]:
            made = [self._counted(outcome) for outcome in made]
        return rows_of(step.label, item, made, first, pool=step.definition.shape == "pool")

    def _counted(self, outcome: Example | Rejection) -> Example | Rejection:
        """An outcome of the last step; of a task's several examples those beyond `n` are
        rejections."""
        if isinstance(outcome, Example):
            if self.enough:
                return Rejection(reason="more than were asked for", example=outcome)
            self._accepted += 1
        return outcome

    async def _write(self, rows: Sequence[Row]) -> None:
        await self._journal.finish(rows)
        for row in rows:
            self.progress.counts.setdefault(row.step, Counter())[row.kind, row.reason] += 1


CHUNK = 400
"""Seeds looked up at once."""
IN_ORDER = 50
"""Rows written at once by a filter that judges one after another: a commit takes milliseconds."""


async def _awaited(value: Any) -> object:
    return await cast("Awaitable[object]", value) if isinstance(value, Awaitable) else value
