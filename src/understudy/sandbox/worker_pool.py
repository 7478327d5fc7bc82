"""The workers: one more than there are cores. Each is started when needed and replaced if it breaks.

A worker runs one program at a time. What a program does ends with the program. Should it find a way
to change its worker, that ends with the worker, which is thrown away.
"""

import asyncio
import os
import secrets
from collections.abc import Callable
from types import TracebackType
from typing import Self

from understudy.errors import ConfigError, NoSandbox
from understudy.sandbox.escape_check import SOURCE, Canaries, list_escapes
from understudy.sandbox.isolation import AUTO, UNSAFE, Isolation, find_isolation
from understudy.sandbox.protocol import Execution, Outcome, Program
from understudy.sandbox.verdict import build_job, read_outcome
from understudy.sandbox.worker import Worker, WorkerLost

MAX_SOURCE = 1_000_000
"""Characters of a program and its tests."""
MAX_LIMITS = {"seconds": 86_400, "megabytes": 1 << 20, "output": 1 << 28}
"""Largest limits of a program. The kernel would take a negative one for no limit."""


class WorkerPool:
    """Runs programs; see `WorkerPool.open`."""

    def __init__(self, name: str, size: int, notify: Callable[[str], None]) -> None:
        self._name, self._size, self._notify = name, size, notify
        self._idle = asyncio.Queue[Worker | None]()
        """None stands for a worker that is not started yet."""
        self._choice = asyncio.Lock()
        self._isolation: Isolation | None = None
        self._refusal = ""
        """Why no program can run any more. All who wait are told the same."""
        self._workers: set[Worker] = set()

    @classmethod
    def open(
        cls, name: str = "auto", size: int = 0, notify: Callable[[str], None] = lambda _: None
    ) -> Self:
        """A pool of `size` workers with the isolation `name`. None of them is started yet.

        A size of 0 means one more than cores, so that no core idles while an answer is read. `notify`
        gets a sentence for the user if programs run unprotected.

        Raises:
            ConfigError: no isolation has the name.
        """
        if name != "auto":
            find_isolation(name)
        return cls(name, size or _count_cores() + 1, notify)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.close()

    async def execute(self, execution: Execution) -> Outcome:
        """The outcome of a program.

        Raises:
            NoSandbox: nothing on this machine can hold it, or no worker can be started any more.
        """
        program = execution.program
        if (reason := explain_refusal(program)) is not None:
            return Outcome(status="refused", error=reason)
        isolation = await self._choose_once()
        worker = await self._idle.get()
        error = ""
        try:
            for _ in range(2):  # the first worker may have died of something else than this program
                job = build_job(program, secrets.token_hex(8))
                worker = worker or await self._replace(isolation)
                try:
                    return read_outcome(program, job, await worker.ask(job), isolation.name)
                except WorkerLost as lost:
                    error = f"the program's worker ended with it, twice: {lost}"
                    await self._discard(worker)
                    worker = None
                except BaseException:
                    await self._discard(worker)  # it may be in the middle of an answer
                    worker = None
                    raise
            return Outcome(status="error", error=error, isolation=isolation.name)
        finally:
            self._idle.put_nowait(worker)  # wakes the next who waits, even if there is no worker

    async def close(self) -> None:
        """End all workers and all that they run. Programs that still wait for one are refused."""
        self._refusal = self._refusal or CLOSED
        self._idle.put_nowait(None)
        await asyncio.gather(*(worker.close() for worker in self._workers))
        self._workers.clear()

    async def isolation(self) -> str:
        """The name of the isolation that programs run in.

        Raises:
            NoSandbox: there is none.
        """
        return (await self._choose_once()).name

    async def _choose_once(self) -> Isolation:
        async with self._choice:
            if self._refusal:
                raise NoSandbox(self._refusal)
            if self._isolation is None:
                self._isolation = await self._choose()
                for _ in range(self._size - self._idle.qsize()):
                    self._idle.put_nowait(None)
            return self._isolation

    async def _choose(self) -> Isolation:
        """The first isolation that passes the escape check."""
        reasons: list[str] = []
        for name in AUTO if self._name == "auto" else (self._name,):
            try:
                isolation = find_isolation(name)
                worker = await self._start(isolation)
            except (ConfigError, WorkerLost) as error:
                reasons.append(f"{name}: {str(error).removeprefix(f'{name}: ')}")
                continue
            escapes = [] if name == UNSAFE else await check_escapes(worker)
            if escapes:
                await self._discard(worker)
                reasons.append(f"{name}: it does not hold: {', '.join(escapes)}")
                continue
            if name == UNSAFE:
                self._notify("sandbox=unsafe-subprocess: model-written code runs unprotected")
            self._idle.put_nowait(worker)
            return isolation
        self._refusal = REFUSAL.format(reasons="; ".join(reasons), unsafe=UNSAFE)
        raise NoSandbox(self._refusal)

    async def _replace(self, isolation: Isolation) -> Worker:
        """A new worker. Its isolation has passed the check before."""
        if self._refusal:
            raise NoSandbox(self._refusal)
        try:
            return await self._start(isolation)
        except WorkerLost as error:
            self._refusal = self._refusal or LOST.format(name=isolation.name, reason=error)
            raise NoSandbox(self._refusal) from None

    async def _start(self, isolation: Isolation) -> Worker:
        worker = await Worker.start(isolation.command)
        if self._refusal:  # closed, or given up, while this one started
            await worker.close()
            raise NoSandbox(self._refusal)
        self._workers.add(worker)
        return worker

    async def _discard(self, worker: Worker) -> None:
        self._workers.discard(worker)
        await worker.close()


def _count_cores() -> int:
    """Those that this process may use, if the system says so."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


async def check_escapes(worker: Worker) -> list[str]:
    """How a hostile program escapes from this worker; empty if it cannot."""
    try:
        with Canaries() as canaries:
            source = SOURCE.format(**canaries.places)
            program = Program(source=source, calls=("report()",), seconds=10.0)
            job = build_job(program, secrets.token_hex(8))
            outcome = read_outcome(program, job, await worker.ask(job), "")
            return list_escapes(outcome, canaries)
    except (OSError, WorkerLost) as error:
        return [f"the escape check could not be done: {error}"]


def explain_refusal(program: Program) -> str | None:
    """Why a program is not even sent to a worker; None if it is sent."""
    texts = (program.source, program.prelude, program.trace, *program.calls, *program.tests)
    if (size := sum(map(len, texts))) > MAX_SOURCE:
        return f"the program and its tests have {size:,} characters, more than {MAX_SOURCE:,}"
    if any("\0" in text for text in texts):
        return "the program holds a NUL character"
    for name, most in MAX_LIMITS.items():
        if not 0 < (limit := getattr(program, name)) <= most:
            return f"{name}: expected a limit above 0 and at most {most:,}, found {limit!r}"
    return None


LOST = (
    "the sandbox ({name}) cannot start another worker: {reason}. The same command goes on where this "
    "ended."
)
CLOSED = "the sandbox was closed. The same command goes on where this ended."
REFUSAL = (
    "refusing to execute model-written code: no isolation holds on this machine ({reasons}). Run on a "
    "Linux that lets users make user namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns"
    "=0, or kernel.unprivileged_userns_clone=1), install bubblewrap, name a container "
    "(sandbox=docker:python:3.11-slim), or choose sandbox={unsafe} to run it unprotected. The same "
    "command then goes on."
)
