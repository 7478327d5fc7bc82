"""One worker: a fork server in a process of its own, behind its standard input and output.

It is a border. A worker may be broken, or taken over by a program that it runs, so what it sends is
bounded and checked here. Whatever it does, the caller gets a report or a `WorkerLost`.
"""

import asyncio
import contextlib
import os
import signal
import struct
import subprocess
import tempfile
from typing import BinaryIO, TypeVar

import msgspec

from understudy.sandbox.codec import MAX_MESSAGES, encode_frame
from understudy.sandbox.verdict import Job, Report
from understudy.types import Value

_GRACE_SECONDS = 5.0
"""Time for a worker's answer beyond the time of its program."""
_START_SECONDS = 20.0
"""Time for a worker to become ready."""
_MAX_REASON = 500
"""Characters of a reason that a worker gives."""
_MAX_GREETING = 65_536
_ESCAPE = 6
"""Bytes of JSON that one byte of output may take."""


class WorkerLost(Exception):
    """A worker ended, or it does not answer as a worker does."""


class Greeting(Value, frozen=True):
    """The first frame of a worker."""

    ready: bool = False
    refused: str = ""
    """Why it could not isolate itself."""


T = TypeVar("T", Greeting, Report)


class Worker:
    """One fork server; see `Worker.start`."""

    def __init__(self, process: asyncio.subprocess.Process, log: BinaryIO) -> None:
        self._process, self._log = process, log
        self._line = asyncio.Lock()
        """Held while standard output is read."""

    @classmethod
    async def start(cls, command: list[str]) -> "Worker":
        """A worker that is ready for programs.

        Raises:
            WorkerLost: it could not isolate itself, or did not start.
        """
        try:
            log = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the worker
        except OSError as error:
            raise WorkerLost(str(error)) from None
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                cwd="/", env={"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"},
                start_new_session=True,
            )  # fmt: skip
        except BaseException as error:
            log.close()
            if isinstance(error, OSError):
                raise WorkerLost(str(error)) from None
            raise
        worker = cls(process, log)
        try:
            async with asyncio.timeout(_START_SECONDS):
                greeting = await worker._receive(Greeting, _MAX_GREETING)
            if greeting.refused:
                raise WorkerLost(greeting.refused[:_MAX_REASON])
        except BaseException as error:
            reason = worker._read_log() or "no answer"
            await worker.close()
            if isinstance(error, TimeoutError):
                raise WorkerLost(reason) from None
            raise
        return worker

    async def ask(self, job: Job) -> Report:
        """The report on a job.

        Raises:
            WorkerLost: there will be none. The worker is of no more use.
        """
        limit = _ESCAPE * 2 * (MAX_MESSAGES + job.message["output"]) + _MAX_GREETING
        try:
            async with asyncio.timeout(job.message["seconds"] + _GRACE_SECONDS):
                assert self._process.stdin is not None
                self._process.stdin.write(encode_frame(job.message))
                if job.files:
                    self._process.stdin.write(encode_frame(job.files))
                await self._process.stdin.drain()
                report = await self._receive(Report, limit)
        except (ConnectionError, TimeoutError) as error:
            raise WorkerLost(self._read_log() or str(error) or "no answer in time") from None
        if report.refused:
            raise WorkerLost(report.refused[:_MAX_REASON])
        return report

    async def _receive(self, kind: type[T], limit: int) -> T:
        """The next frame.

        Raises:
            WorkerLost: it is incomplete, longer than `limit` bytes, or no JSON of this kind.
        """
        stream = self._process.stdout
        assert stream is not None
        async with self._line:
            try:
                (size,) = struct.unpack(">I", await stream.readexactly(4))
                if size > limit:
                    raise WorkerLost(f"it sent a frame of {size:,} bytes, more than {limit:,}")
                return msgspec.json.decode(await stream.readexactly(size), type=kind)
            except asyncio.IncompleteReadError:
                raise WorkerLost(self._read_log() or "it ended") from None
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                raise WorkerLost(f"it sent no {kind.__name__.lower()}: {error}") from None

    def _read_log(self) -> str:
        """The last line that it wrote to standard error; empty if it wrote none or is closed."""
        if self._log.closed:
            return ""
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - 4 * _MAX_REASON))
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:_MAX_REASON] if lines else ""

    async def close(self) -> None:
        """End it, and all that it runs."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                # Not its own kill(), which reaps the process without telling the event loop.
                # The group: the command may be a script around the worker.
                os.killpg(self._process.pid, signal.SIGKILL)
        async with self._line:  # whoever reads now sees the end first
            await self._process.communicate()
        self._log.close()
