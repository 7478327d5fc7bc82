"""How fast the sandbox runs short programs, beside a fresh bare interpreter for each.

    python benchmarks/sandbox.py [--programs 600] [--rounds 3]

Both run the same programs (a function of three lines and two asserts), two at a time, in turns, so that
what else the machine does hits both. The bare interpreter is `python -I -c`, without any isolation:
the floor for whoever starts one process per program. Latency is that of one program at a time.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time

from understudy.errors import ConfigError, NoSandbox
from understudy.sandbox.handle import Sandbox
from understudy.sandbox.isolation import AUTO
from understudy.sandbox.pool import Pool
from understudy.sandbox.protocol import Program


def source(i: int) -> str:
    return f"def f(xs):\n    total = {i}\n    return total + sum(x * x for x in xs if x % 2 == 0)"


def tests(i: int) -> tuple[str, str]:
    return (f"assert f([1, 2, 3, 4]) == {i + 20}", f"assert f([]) == {i}")


async def warm(sandbox: Sandbox, programs: int) -> float:
    """Programs per second."""
    begun = time.perf_counter()
    outcomes = await asyncio.gather(
        *(sandbox.run(Program(source=source(i), tests=tests(i))) for i in range(programs))
    )
    assert all(outcome.passed for outcome in outcomes)
    return programs / (time.perf_counter() - begun)


async def bare(programs: int, width: int) -> float:
    """The same with an interpreter for each, `width` at a time."""
    slots = asyncio.Semaphore(width)

    async def one(i: int) -> None:
        code = "\n".join([source(i), *tests(i)])
        async with slots:
            process = await asyncio.create_subprocess_exec(sys.executable, "-I", "-c", code)
            assert await process.wait() == 0

    begun = time.perf_counter()
    await asyncio.gather(*(one(i) for i in range(programs)))
    return programs / (time.perf_counter() - begun)


async def latency(sandbox: Sandbox, programs: int) -> list[float]:
    """Seconds from asking to knowing, one at a time, sorted."""
    found: list[float] = []
    for i in range(programs):
        begun = time.perf_counter()
        await sandbox.run(Program(source=source(i), tests=tests(i)))
        found.append(time.perf_counter() - begun)
    return sorted(found)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    width = len(os.sched_getaffinity(0))
    print(f"{width} cores, {args.programs} programs, median of {args.rounds} rounds")
    for name in AUTO:
        try:
            async with Pool.open(name) as pool:
                begun = time.perf_counter()
                await pool.isolation()
                started = time.perf_counter() - begun
                sandbox = Sandbox(pool.execute)
                await warm(sandbox, 50)
                rates, floors = list[float](), list[float]()
                for _ in range(args.rounds):
                    rates.append(await warm(sandbox, args.programs))
                    floors.append(await bare(args.programs // 3, width))
                waits = await latency(sandbox, 200)
        except (ConfigError, NoSandbox) as error:
            print(f"{name}: not here ({str(error)[:100]})")
            continue
        rate, floor = statistics.median(rates), statistics.median(floors)
        print(
            f"{name}: {rate:.0f} programs/s, {rate / floor:.1f} x the {floor:.0f} of a bare "
            f"interpreter each; one at a time {waits[100] * 1e3:.1f} ms (99 %: "
            f"{waits[197] * 1e3:.1f} ms); first worker, tried, in {started * 1e3:.0f} ms"
        )


asyncio.run(main())
