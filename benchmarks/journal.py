"""How many durable puts a second the journal takes, and how long one waits.

    python benchmarks/journal.py [--puts 60000]

Each put is one call with a request of 1.5 KB of its own and a reply of 1 KB; `--waiting` of them are
under way at any time, as calls are in a run. Durable: a put is done when SQLite (WAL, synchronous =
FULL) has flushed it to the disk. The delay is from handing over to being told. Beside it, as the
floor, the same bytes appended to a plain file that is flushed once per batch of the same size.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

from understudy.journal.effect import Effect
from understudy.journal.keys import canonical, effect_key
from understudy.journal.write import SqliteJournal
from understudy.types import Request, Usage, user


def effects(n: int) -> list[Effect]:
    rng = random.Random(0)
    calls: list[Effect] = []
    for i in range(n):
        asked = canonical(Request(model="m", messages=(user(rng.randbytes(700).hex()),)))
        key = effect_key("call", "s", f"t{i}", "", "teacher", "e:m", asked.hash, 0)
        text = rng.randbytes(500).hex()
        calls.append(
            Effect(
                key, "call", "s", f"t{i}", "", "teacher", 0, "m", asked, b"{}", Usage(), 0.0,
                endpoint="e", text=text,
            )
        )  # fmt: skip
    return calls


async def journaled(folder: Path, calls: list[Effect], waiting: int) -> tuple[float, list[float]]:
    journal = SqliteJournal(folder / "journal.db")
    delays: list[float] = []
    queue = iter(calls)

    async def worker() -> None:
        for effect in queue:
            begun = time.perf_counter()
            await journal.put([effect])
            delays.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(waiting)))
    seconds = time.perf_counter() - begun
    await journal.close("done")
    return seconds, sorted(delays)


def appended(folder: Path, calls: list[Effect], batch: int) -> float:
    begun = time.perf_counter()
    with (folder / "plain").open("wb") as file:
        for start in range(0, len(calls), batch):
            for effect in calls[start : start + batch]:
                file.write(effect.request.turns[0].body + effect.text.encode())
            file.flush()
            os.fdatasync(file.fileno())
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--puts", type=int, default=60_000)
    parser.add_argument("--waiting", type=int, default=1_000)
    parser.add_argument("--folder", type=Path, default=None, help="where the disk to measure is")
    options = parser.parse_args()
    calls = effects(options.puts)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        cpu = time.process_time()
        seconds, delays = asyncio.run(journaled(folder, calls, options.waiting))
        cpu = time.process_time() - cpu
        floor = appended(folder, calls, options.waiting)
    n = len(calls)
    print(f"{n / seconds:,.0f} puts/s, {cpu / n * 1e6:.1f} us of CPU each")
    print(
        f"delay: median {statistics.median(delays) * 1e3:.1f} ms, "
        f"99 % under {delays[int(n * 0.99)] * 1e3:.1f} ms, longest {delays[-1] * 1e3:.1f} ms"
    )
    print(f"plain file with the same flushes: {n / floor:,.0f}/s; ratio {seconds / floor:.1f}")


if __name__ == "__main__":
    main()
