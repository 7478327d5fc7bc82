"""Which isolation is chosen, when all are refused, and what those who wait are told."""

import asyncio
import math
import sys
from pathlib import Path

import pytest

from understudy.errors import ConfigError, NoSandbox
from understudy.handles.sandbox import Sandbox
from understudy.sandbox import isolation, worker_pool
from understudy.sandbox.protocol import Program
from understudy.sandbox.worker import Worker
from understudy.sandbox.worker_pool import WorkerPool, explain_refusal

GOOD = Program(source="def f(x):\n    return x + 1", tests=("assert f(1) == 2",), seconds=20.0)


@pytest.mark.parametrize("name", ["chroot", "docker", "podman:", "Namespaces"])
def test_an_unknown_isolation_is_refused_at_once(name: str) -> None:
    with pytest.raises(ConfigError, match=r"sandbox|image|no program"):
        WorkerPool.open(name)


async def test_where_nothing_holds_code_is_refused_and_the_way_out_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    async with WorkerPool.open() as pool:
        with pytest.raises(NoSandbox, match="refusing to execute") as refused:
            await Sandbox(pool.execute).run(GOOD)
    assert "sandbox=unsafe-subprocess" in str(refused.value)
    assert "this is darwin" in str(refused.value)


async def test_the_reason_why_nothing_holds_is_looked_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names: list[str] = []

    def refuse(name: str) -> isolation.Isolation:
        names.append(name)
        raise ConfigError(f"{name}: not today")

    monkeypatch.setattr(worker_pool, "find_isolation", refuse)
    async with WorkerPool.open() as pool:
        programs = [Sandbox(pool.execute).run(GOOD) for _ in range(20)]
        errors = await asyncio.gather(*programs, return_exceptions=True)
    assert all(isinstance(error, NoSandbox) for error in errors)
    assert names == list(isolation.AUTO)


async def test_a_worker_that_cannot_be_replaced_stops_the_run_resumably(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with WorkerPool.open("unsafe-subprocess", size=1) as pool:
        sandbox = Sandbox(pool.execute)
        assert (await sandbox.run(GOOD)).passed
        broken = isolation.Isolation("unsafe-subprocess", ["/nonexistent"])
        monkeypatch.setattr(pool, "_isolation", broken)
        (worker,) = pool._workers  # type: ignore[reportPrivateUsage]  # to break it
        await worker.close()
        with pytest.raises(NoSandbox, match="cannot start another worker"):
            await sandbox.run(GOOD)


LOSES = """\
import json, os, struct, sys
def send(message):
    data = json.dumps(message).encode()
    os.write(1, struct.pack('>I', len(data)) + data)
if os.path.exists({mark!r}):
    sys.exit('no memory left')
send({{"ready": True}})
sys.stdin.buffer.read(4)
open({mark!r}, 'w').close()
"""
"""A worker that ends in the middle of its first program; all that come after it do not start."""


async def test_who_waits_for_a_worker_that_cannot_start_is_refused_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[list[str]] = []
    start = Worker.start

    async def count(command: list[str]) -> Worker:
        starts.append(command)
        return await start(command)

    monkeypatch.setattr(Worker, "start", count)
    monkeypatch.setattr(
        isolation, "_START", LOSES.replace("{mark!r}", repr(str(tmp_path / "mark")))
    )
    async with WorkerPool.open("unsafe-subprocess", size=1) as pool:
        programs = [Sandbox(pool.execute).run(GOOD) for _ in range(20)]
        errors = await asyncio.gather(*programs, return_exceptions=True)
    assert {str(error) for error in errors} == {
        "the sandbox (unsafe-subprocess) cannot start another worker: no memory left. The same "
        "command goes on where this ended."
    }
    assert all(isinstance(error, NoSandbox) for error in errors)
    assert len(starts) == 2, "it was tried again for each who waited"


async def test_a_program_whose_worker_ends_twice_is_an_error_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(isolation, "_START", LOSES.replace("{mark!r}", "'/nonexistent/mark'"))
    async with WorkerPool.open("unsafe-subprocess", size=1) as pool:
        outcome = await Sandbox(pool.execute).run(GOOD)
    assert outcome.status == "error"
    assert outcome.error.startswith("the program's worker ended with it, twice: FileNotFoundError")
    assert outcome.isolation == "unsafe-subprocess"


async def test_closing_the_pool_refuses_whoever_waits_resumably() -> None:
    pool = WorkerPool.open("unsafe-subprocess", size=1)
    await pool.isolation()
    endless = Program(source="while True: pass", seconds=50.0)
    programs = [asyncio.ensure_future(Sandbox(pool.execute).run(endless)) for _ in range(5)]
    await asyncio.sleep(0)
    await pool.close()
    errors = await asyncio.gather(*programs, return_exceptions=True)
    with pytest.raises(NoSandbox, match="was closed"):
        await Sandbox(pool.execute).run(GOOD)
    assert {str(error) for error in errors} == {
        "the sandbox was closed. The same command goes on where this ended."
    }
    assert pool._workers == set()  # type: ignore[reportPrivateUsage]  # none was started again


@pytest.mark.parametrize(
    ("program", "refusal"),
    [
        (Program(source="x" * 1_000_000), None),
        (Program(source="x" * 999_999, tests=("x", "x")), "1,000,001 characters"),
        (Program(source="x", calls=("x" * 1_000_000,)), "1,000,001 characters"),
        (Program(source="x", prelude="x" * 1_000_000), "1,000,001 characters"),
        (Program(source="x", trace="x" * 1_000_000), "1,000,001 characters"),
        (Program(source="x", tests=("x\0",)), "a NUL character"),
        (Program(source="x", seconds=0.0), "seconds: expected a limit above 0"),
        (Program(source="x", seconds=math.nan), "seconds: expected a limit above 0"),
        (Program(source="x", seconds=math.inf), "at most 86,400, found inf"),
        (Program(source="x", megabytes=-5), "megabytes: expected a limit above 0"),
        (Program(source="x", output=1 << 29), "output: expected a limit above 0"),
        (Program(source="x", seconds=86_400.0, megabytes=1 << 20, output=1 << 28), None),
    ],
    ids=lambda case: repr(case)[:40],
)
def test_a_program_out_of_bounds_is_not_sent(program: Program, refusal: str | None) -> None:
    reason = explain_refusal(program)
    assert reason is None if refusal is None else refusal in str(reason)


async def test_without_protection_only_on_demand_and_never_silently() -> None:
    notices: list[str] = []
    async with WorkerPool.open("unsafe-subprocess", notify=notices.append) as pool:
        outcome = await Sandbox(pool.execute).run(GOOD)
    assert (outcome.status, outcome.isolation) == ("passed", "unsafe-subprocess")
    assert notices == ["sandbox=unsafe-subprocess: model-written code runs unprotected"]


async def test_a_worker_that_cannot_isolate_itself_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(isolation, "_START", "import sys; sys.exit('no walls')")
    async with WorkerPool.open("namespaces") as pool:
        with pytest.raises(NoSandbox, match="namespaces: no walls"):
            await pool.isolation()


async def test_a_cancelled_program_leaves_the_pool_whole() -> None:
    async with WorkerPool.open(size=1) as pool:
        sandbox = Sandbox(pool.execute)
        assert (await sandbox.run(GOOD)).passed
        endless = Program(source="while True: pass", seconds=600.0)
        slow = asyncio.ensure_future(sandbox.run(endless))
        await asyncio.sleep(0)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        assert (await sandbox.run(GOOD)).passed
