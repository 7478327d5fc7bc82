"""A worker is a border: whatever it does, the caller gets a report or one classified error."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from understudy.sandbox import worker as module
from understudy.sandbox.isolation import find_isolation
from understudy.sandbox.protocol import Program
from understudy.sandbox.verdict import build_job
from understudy.sandbox.worker import Worker, WorkerLost

JOB = build_job(Program(source="x = 1", seconds=0.1), "nonce")

FAKE = """\
import json, os, struct, sys, time
def send(data, size=None):
    sys.stdout.buffer.write(struct.pack(">I", len(data) if size is None else size) + data)
    sys.stdout.buffer.flush()
def receive():
    (size,) = struct.unpack(">I", sys.stdin.buffer.read(4))
    return json.loads(sys.stdin.buffer.read(size))
"""
READY = FAKE + "send(b'{\"ready\": true}')\nreceive()\n"
"""A worker that speaks the protocol up to its first report."""


@asynccontextmanager
async def start(script: str) -> AsyncGenerator[Worker]:
    worker = await Worker.start([sys.executable, "-I", "-S", "-c", script])
    try:
        yield worker
    finally:
        await worker.close()


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time for a worker that never answers. Those that answer must not depend on it."""
    monkeypatch.setattr(module, "_GRACE_SECONDS", 20.0)


STARTS = {
    "ends at once": ("", "it ended"),
    "ends and says why": ("sys.exit('no walls')", "no walls"),
    "ends within the length": ("os.write(1, b'ab')", "it ended"),
    "ends within the frame": ("send(b'{\"rea', 100)", "it ended"),
    "prints a text": ("os.write(1, b'Hello, world')", "a frame of 1,214,606,444 bytes"),
    "sends no JSON": ("send(b'\\xff\\xfe')", "it sent no greeting"),
    "sends another shape": ("send(b'[1]')", "it sent no greeting"),
    "sends an unknown field": ("send(b'{\"ok\": 1}')", "it sent no greeting"),
    "refuses": ('send(b\'{"refused": "unshare: EPERM"}\')', "unshare: EPERM"),
}


@pytest.mark.parametrize("case", STARTS)
async def test_a_worker_that_does_not_start_is_lost_with_the_reason(case: str) -> None:
    script, reason = STARTS[case]
    with pytest.raises(WorkerLost, match=reason):
        async with start(FAKE + script):
            pass


@pytest.mark.parametrize("script", ["", "print('starting', file=sys.stderr, flush=True)\n"])
async def test_a_worker_that_hangs_on_start_is_lost(
    script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_START_SECONDS", 0.5)
    with pytest.raises(WorkerLost, match=r"starting|no answer"):
        async with start(FAKE + script + "time.sleep(1000)"):
            pass


async def test_a_command_that_cannot_be_started_is_lost_with_the_reason() -> None:
    with pytest.raises(WorkerLost, match="No such file"):
        await Worker.start(["/nonexistent"])


async def test_a_worker_whose_start_is_cancelled_does_not_survive(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    script = (
        f"import os, time; open({str(file)!r}, 'w').write(f'{{os.getpid()}} '); time.sleep(1000)"
    )
    starting = asyncio.ensure_future(Worker.start([sys.executable, "-I", "-S", "-c", script]))
    while not (file.exists() and file.read_text().endswith(" ")):  # noqa: ASYNC110  # another process
        await asyncio.sleep(0.01)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


REPORTS = {
    "ends": ("", "it ended"),
    "ends with a traceback": ("raise MemoryError('too small')", "MemoryError: too small"),
    "ends within the frame": ("send(b'{\"sta', 100)", "it ended"),
    "closes its output and lives": ("os.close(1); time.sleep(1000)", "it ended"),
    "sends a frame without bound": (
        "send(b'', 2**32 - 1)",
        "4,294,967,295 bytes, more than 48,851,968",
    ),
    "sends no JSON": ("send(bytes(range(256)))", "it sent no report"),
    "sends half a surrogate pair": ('send(b\'{"stdout": "\\\\ud800"}\')', "it sent no report"),
    "sends a list": ("send(b'[]')", "it sent no report"),
    "sends nested lists": ("send(b'[' * 100000)", "it sent no report"),
    "sends a number for a text": ("send(b'{\"stdout\": 1}')", "it sent no report"),
    "sends a status that is none": ("send(b'{\"status\": 1e300}')", "it sent no report"),
    "sends a negative time": ("send(b'{\"wall\": -1}')", "it sent no report"),
    "sends an unknown limit": ('send(b\'{"ended": "boredom"}\')', "it sent no report"),
    "refuses": ('send(b\'{"refused": "clone: EAGAIN"}\')', "clone: EAGAIN"),
}


@pytest.mark.parametrize("case", REPORTS)
async def test_a_worker_that_sends_no_report_is_lost_with_the_reason(case: str) -> None:
    script, reason = REPORTS[case]
    async with start(READY + script) as worker:
        with pytest.raises(WorkerLost, match=reason):
            await worker.ask(JOB)


async def test_a_worker_that_never_reports_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async with start(READY + "time.sleep(1000)") as worker:
        monkeypatch.setattr(module, "_GRACE_SECONDS", 0.1)
        with pytest.raises(WorkerLost, match="no answer in time"):
            await worker.ask(JOB)


async def test_a_worker_that_reads_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its job does not fit into the pipe."""
    job = build_job(Program(source="#" * 900_000, seconds=0.1), "nonce")
    async with start(FAKE + "send(b'{\"ready\": true}'); time.sleep(1000)") as worker:
        monkeypatch.setattr(module, "_GRACE_SECONDS", 0.1)
        with pytest.raises(WorkerLost, match="no answer in time"):
            await worker.ask(job)


async def test_a_reason_is_cut() -> None:
    async with start(READY + "send(json.dumps({'refused': 'x' * 100000}).encode())") as worker:
        with pytest.raises(WorkerLost) as lost:
            await worker.ask(JOB)
    assert len(str(lost.value)) == 500


async def test_the_longest_output_of_control_characters_is_within_the_bound() -> None:
    """They take six bytes each in JSON."""
    worker = await Worker.start(find_isolation("unsafe-subprocess").command)
    source = "import sys\nsys.stdout.write('\\x01' * 65536)\nsys.stderr.write('\\x01' * 65536)"
    try:
        report = await worker.ask(build_job(Program(source=source, seconds=20.0), "nonce"))
    finally:
        await worker.close()
    assert (len(report.stdout), len(report.stderr)) == (65_536, 65_536)
    assert len(json.dumps(msgspec.to_builtins(report))) > 12 * 65_536


async def test_closing_a_worker_ends_whoever_waits_for_it() -> None:
    async with start(READY + "time.sleep(1000)") as worker:
        answer = asyncio.ensure_future(worker.ask(JOB))
        await asyncio.sleep(0)
        await worker.close()
        with pytest.raises(WorkerLost):
            await answer
        with pytest.raises(WorkerLost):
            await worker.ask(JOB)
