"""The workers: one more than there are cores, started when first needed, replaced when they break.

A worker runs one program at a time. What a program does ends with it; what it does to its worker, if
it should find a way, ends with the worker, which is thrown away.
"""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import struct
import subprocess
import tempfile
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from understudy.errors import ConfigError, NoSandbox
from understudy.sandbox import judge
from understudy.sandbox.handle import Execution
from understudy.sandbox.isolation import AUTO, UNSAFE, Isolation, isolation
from understudy.sandbox.probe import PROBE, Canaries, escaped
from understudy.sandbox.protocol import Outcome, Program
from understudy.sandbox.wire import frame

_GRACE = 5.0
"""Seconds beyond a program's time in which its worker must have answered."""
_START = 20.0
"""Seconds in which a worker must be ready."""
MOST_SOURCE = 1_000_000
"""Characters of a program and its tests."""


class WorkerLost(Exception):
    """A worker ended, or does not answer."""


class Worker:
    """One fork server, behind its standard input and output."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, command: list[str]) -> "Worker":
        """Raises WorkerLost with the reason where it cannot isolate itself."""
        with tempfile.TemporaryFile() as complaints:
            try:
                process = await asyncio.create_subprocess_exec(
                    *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints,
                    cwd="/", env={"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"},
                    start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                raise WorkerLost(str(error)) from None
            worker = cls(process)
            try:
                async with asyncio.timeout(_START):
                    greeting = await worker._receive()
            except (WorkerLost, TimeoutError) as error:
                await worker.close()
                complaints.seek(0)
                said = complaints.read().decode("utf-8", "replace").strip().splitlines()
                raise WorkerLost(said[-1] if said else str(error) or "no answer") from None
        if "refused" in greeting:
            await worker.close()
            raise WorkerLost(greeting["refused"])
        return worker

    async def ask(self, job: judge.Job) -> dict[str, Any]:
        """What came of a job. Raises WorkerLost."""
        try:
            async with asyncio.timeout(job.message["seconds"] + _GRACE):
                assert self._process.stdin is not None
                self._process.stdin.write(frame(job.message))
                if job.files:
                    self._process.stdin.write(frame(job.files))
                await self._process.stdin.drain()
                return await self._receive()
        except (ConnectionError, TimeoutError) as error:
            raise WorkerLost(str(error) or "no answer in time") from None

    async def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        try:
            (size,) = struct.unpack(">I", await self._process.stdout.readexactly(4))
            return json.loads(await self._process.stdout.readexactly(size))
        except asyncio.IncompleteReadError:
            raise WorkerLost("it ended") from None

    async def close(self) -> None:
        """End it, and with it all that it runs."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                # Not its own kill(), which reaps the process behind the event loop's back.
                os.kill(self._process.pid, signal.SIGKILL)
        await self._process.communicate()


class Pool:
    """Runs programs; see `Pool.open`."""

    def __init__(self, wanted: str, size: int, notice: Callable[[str], None]) -> None:
        self._wanted, self._size, self._notice = wanted, size, notice
        self._idle = asyncio.Queue[Worker | None]()
        self._starting = asyncio.Lock()
        self._isolation: Isolation | None = None
        self._refused: NoSandbox | None = None
        """Why there is none: said to everybody who waits, not found out for each again."""
        self._workers: set[Worker] = set()

    @classmethod
    def open(
        cls, wanted: str = "auto", size: int = 0, notice: Callable[[str], None] = lambda _: None
    ) -> Self:
        """A pool of `size` workers (0: one more than cores, so that none idles while an answer is
        read), none of which is started yet.

        Raises:
            ConfigError: there is no such isolation.
        """
        if wanted != "auto":
            isolation(wanted)
        return cls(wanted, size or _cores() + 1, notice)

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
        """What came of a program; the seam below `Sandbox`.

        Raises:
            NoSandbox: nothing here can hold it.
        """
        program = execution.program
        if (why := unfit(program)) is not None:
            return Outcome(status="refused", error=why)
        around = await self._ready()
        worker = await self._idle.get()
        try:
            for _ in range(2):  # a worker may have died of something else than this program
                job = judge.job(program, secrets.token_hex(8))
                worker = worker or await self._replaced(around)
                try:
                    found = await worker.ask(job)
                    if "refused" in found:
                        raise WorkerLost(found["refused"])
                    return judge.judged(program, job, found, around.name)
                except WorkerLost:
                    await self._discard(worker)
                    worker = None
                except BaseException:
                    await self._discard(worker)  # it may be in the middle of an answer
                    worker = None
                    raise
            return Outcome(
                status="error", error="the program's worker ended with it, twice",
                isolation=around.name,
            )  # fmt: skip
        finally:
            self._idle.put_nowait(worker)

    async def close(self) -> None:
        """End all workers; nothing that was started outlives this."""
        await asyncio.gather(*(worker.close() for worker in self._workers))
        self._workers.clear()

    async def isolation(self) -> str:
        """The name of what stands around programs here. Raises NoSandbox."""
        return (await self._ready()).name

    async def _ready(self) -> Isolation:
        async with self._starting:
            if self._refused is not None:
                raise self._refused
            if self._isolation is None:
                self._isolation = await self._choose()
                for _ in range(self._size - self._idle.qsize()):
                    self._idle.put_nowait(None)
            return self._isolation

    async def _choose(self) -> Isolation:
        """The first isolation that is seen to hold."""
        reasons: list[str] = []
        for name in AUTO if self._wanted == "auto" else (self._wanted,):
            try:
                around = isolation(name)
                worker = await self._start(around)
            except (ConfigError, WorkerLost) as error:
                reasons.append(f"{name}: {str(error).removeprefix(f'{name}: ')}")
                continue
            try:
                leaks = [] if name == UNSAFE else await tried(worker)
            except WorkerLost as error:
                leaks = [str(error)]
            if leaks:
                await self._discard(worker)
                reasons.append(f"{name}: it does not hold: {', '.join(leaks)}")
                continue
            if name == UNSAFE:
                self._notice("sandbox=unsafe-subprocess: model-written code runs unprotected")
            self._idle.put_nowait(worker)
            return around
        self._refused = NoSandbox(REFUSED.format(reasons="; ".join(reasons), unsafe=UNSAFE))
        raise self._refused

    async def _replaced(self, around: Isolation) -> Worker:
        """A worker for one that broke, of an isolation that has held before."""
        try:
            return await self._start(around)
        except WorkerLost as error:
            raise NoSandbox(
                f"the sandbox ({around.name}) cannot start another worker: {error}. The same command "
                "goes on where this ended."
            ) from None

    async def _start(self, around: Isolation) -> Worker:
        worker = await Worker.start(around.command)
        self._workers.add(worker)
        return worker

    async def _discard(self, worker: Worker) -> None:
        self._workers.discard(worker)
        await worker.close()


def _cores() -> int:
    """Those that this process may use, where the system tells."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


async def tried(worker: Worker) -> list[str]:
    """What a hostile program can do in this worker that it should not; nothing, if all is well."""
    with Canaries() as canaries:
        program = Program(source=PROBE.format(**canaries.places), calls=("report()",), seconds=10.0)
        job = judge.job(program, secrets.token_hex(8))
        found = await worker.ask(job)
        if "refused" in found:
            return [found["refused"]]
        return escaped(judge.judged(program, job, found, ""), canaries)


def unfit(program: Program) -> str | None:
    """Why a program is not even sent to a worker."""
    texts = (program.source, program.prelude, program.trace, *program.calls, *program.tests)
    if (size := sum(map(len, texts))) > MOST_SOURCE:
        return f"the program and its tests have {size:,} characters, more than {MOST_SOURCE:,}"
    if any("\0" in text for text in texts):
        return "the program holds a NUL character"
    return None


REFUSED = (
    "refusing to execute model-written code: nothing on this machine can hold it ({reasons}). Run on "
    "a Linux that lets users make user namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns"
    "=0, or kernel.unprivileged_userns_clone=1), install bubblewrap, name a container "
    "(sandbox=docker:python:3.11-slim), or say sandbox={unsafe} to run it unprotected. The same "
    "command then goes on."
)
