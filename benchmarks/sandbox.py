"""How fast the sandbox runs short programs, compared with a fresh bare interpreter for each.

    python benchmarks/sandbox.py [--programs 600] [--rounds 3]

Both run the same programs, a function of three lines and two asserts, as many at a time as there are
cores. They take turns, so that other load on the machine slows both. The bare interpreter is
`python -I -c` without any isolation: nobody who starts a process per program is faster. Latency is
measured with one program at a time.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time

from understudy.errors import ConfigError, NoSandbox
from understudy.handles.sandbox import Sandbox
from understudy.sandbox.isolation import AUTO
from understudy.sandbox.protocol import Program
from understudy.sandbox.worker_pool import WorkerPool


def source(i: int) -> str:
    return f"def f(xs):\n    total = {i}\n    return total + sum(x * x for x in xs if x % 2 == 0)"


def tests(i: int) -> tuple[str, str]:
    return (f"assert f([1, 2, 3, 4]) == {i + 20}", f"assert f([]) == {i}")


async def warm(sandbox: Sandbox, programs: int) -> float:
    """Programs per second."""
    start = time.perf_counter()
    outcomes = await asyncio.gather(
        *(sandbox.run(Program(source=source(i), tests=tests(i))) for i in range(programs))
    )
    assert all(outcome.passed for outcome in outcomes)
    return programs / (time.perf_counter() - start)


async def bare(programs: int, width: int) -> float:
    """Programs per second with an interpreter for each, `width` at a time."""
    slots = asyncio.Semaphore(width)

    async def one(i: int) -> None:
        code = "\n".join([source(i), *tests(i)])
        async with slots:
            process = await asyncio.create_subprocess_exec(sys.executable, "-I", "-c", code)
            assert await process.wait() == 0

    start = time.perf_counter()
    await asyncio.gather(*(one(i) for i in range(programs)))
    return programs / (time.perf_counter() - start)


async def latency(sandbox: Sandbox, programs: int) -> list[float]:
    """Seconds per program, one program at a time, sorted."""
    waits: list[float] = []
    for i in range(programs):
        start = time.perf_counter()
        await sandbox.run(Program(source=source(i), tests=tests(i)))
        waits.append(time.perf_counter() - start)
    return sorted(waits)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    width = len(os.sched_getaffinity(0))
    print(f"{width} cores, {args.programs} programs, median of {args.rounds} rounds")
    for name in AUTO:
        try:
            async with WorkerPool.open(name) as pool:
                start = time.perf_counter()
                await pool.isolation()
                ready = time.perf_counter() - start
                sandbox = Sandbox(pool.execute)
                await warm(sandbox, 50)
                rates, floors = list[float](), list[float]()
                for _ in range(args.rounds):
                    rates.append(await warm(sandbox, args.programs))
                    floors.append(await bare(args.programs // 3, width))
                waits = await latency(sandbox, 200)
        except (ConfigError, NoSandbox) as error:
            print(f"{name}: not on this machine ({str(error)[:100]})")
            continue
        rate, floor = statistics.median(rates), statistics.median(floors)
        print(
            f"{name}: {rate:.0f} programs/s, {rate / floor:.1f} x the {floor:.0f} of a bare "
            f"interpreter each; one at a time {waits[100] * 1e3:.1f} ms (99 %: "
            f"{waits[197] * 1e3:.1f} ms); first worker started and checked in {ready * 1e3:.0f} ms"
        )


asyncio.run(main())
