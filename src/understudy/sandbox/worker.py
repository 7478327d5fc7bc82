"""One worker: a fork server in a process of its own, behind its standard input and output.

It is a border. A worker may be taken over by a program that it runs, so what it sends is bounded and
checked here. Whatever it does, the caller gets a report of the known shape or a `WorkerLost`.
"""

import asyncio
import contextlib
import json
import os
import signal
import struct
import subprocess
import tempfile
from typing import Any

from understudy.sandbox.codec import encode_frame
from understudy.sandbox.verdict import Job

_GRACE_SECONDS = 5.0
"""Time for a worker's answer beyond the time of its program."""
_START_SECONDS = 20.0
"""Time for a worker to become ready."""


class WorkerLost(Exception):
    """A worker ended, or it does not answer."""


class Worker:
    """One fork server; see `Worker.start`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, command: list[str]) -> "Worker":
        """A worker that is ready for programs.

        Raises:
            WorkerLost: it could not isolate itself, or did not start.
        """
        with tempfile.TemporaryFile() as log:
            try:
                process = await asyncio.create_subprocess_exec(
                    *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                    cwd="/", env={"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"},
                    start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                raise WorkerLost(str(error)) from None
            worker = cls(process)
            try:
                async with asyncio.timeout(_START_SECONDS):
                    greeting = await worker._receive()
            except (WorkerLost, TimeoutError) as error:
                await worker.close()
                log.seek(0)
                lines = log.read().decode("utf-8", "replace").strip().splitlines()
                raise WorkerLost(lines[-1] if lines else str(error) or "no answer") from None
        if "refused" in greeting:
            await worker.close()
            raise WorkerLost(greeting["refused"])
        return worker

    async def ask(self, job: Job) -> dict[str, Any]:
        """The report on a job.

        Raises:
            WorkerLost: there will be none. The worker is of no more use.
        """
        try:
            async with asyncio.timeout(job.message["seconds"] + _GRACE_SECONDS):
                assert self._process.stdin is not None
                self._process.stdin.write(encode_frame(job.message))
                if job.files:
                    self._process.stdin.write(encode_frame(job.files))
                await self._process.stdin.drain()
                report = await self._receive()
        except (ConnectionError, TimeoutError) as error:
            raise WorkerLost(str(error) or "no answer in time") from None
        if "refused" in report:
            raise WorkerLost(report["refused"])
        return report

    async def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        try:
            (size,) = struct.unpack(">I", await self._process.stdout.readexactly(4))
            return json.loads(await self._process.stdout.readexactly(size))
        except asyncio.IncompleteReadError:
            raise WorkerLost("it ended") from None

    async def close(self) -> None:
        """End it, and all that it runs."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                # Not its own kill(), which reaps the process without telling the event loop.
                os.kill(self._process.pid, signal.SIGKILL)
        await self._process.communicate()
