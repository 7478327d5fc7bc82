"""A whole run beside a bare loop: what durability, retries, metering and rows cost.

    python benchmarks/throughput.py [--tasks 15000] [--delay 0.02] [--in-flight 512]

Both ask the same local stub server the same prompts, one call per task. The bare loop is aiohttp,
`--in-flight` workers and a JSON decode, and keeps nothing. The run is `understudy run` in a process
of its own, from start-up to the written exports: journal, retries, limits, metering, rows, data
set card. Wall times are compared by their ratio, turn about (`--rounds`); CPU is the processes' own.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
PROMPT = "Task {i}: tell me about the number {i} in a few plain words, and then stop. " + "x" * 400


class Measured(NamedTuple):
    seconds: float
    cpu: float
    peak_mb: float


def serve(delay: float) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "tests.servers.stub", "--port", "0", "--delay", str(delay)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
    assert server.stdout is not None
    return server, server.stdout.readline().strip()


def timed(command: list[str], folder: Path) -> Measured:
    """Wall seconds, CPU seconds and peak memory of a process."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    if status:
        raise SystemExit(f"{' '.join(command)} ended with status {status}")
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


async def bare(url: str, prompts: int, in_flight: int) -> None:
    """The loop that people write first."""
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        tasks = iter(range(prompts))

        async def worker() -> None:
            for i in tasks:
                message = {"role": "user", "content": PROMPT.format(i=i)}
                body = {"model": "stub", "messages": [message]}
                async with session.post(f"{url}/chat/completions", json=body) as reply:
                    json.loads(await reply.read())["choices"][0]["message"]["content"]

        await asyncio.gather(*(worker() for _ in range(in_flight)))


def seeds(folder: Path, tasks: int) -> Path:
    file = folder / f"seeds-{tasks}.jsonl"
    with file.open("w") as out:
        for i in range(tasks):
            out.write(json.dumps({"id": f"t{i}", "prompt": PROMPT.format(i=i)}) + "\n")
    return file


def run_command(file: Path, url: str, out: Path, in_flight: int) -> list[str]:
    return [
        sys.executable, "-m", "understudy", "run", f"{HERE / 'one_call.py'}:one_call",
        f"seeds={file}", f"models.teacher=openai:stub@{url}", f"out={out}",
        f"concurrency={in_flight}",
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=15_000)
    parser.add_argument("--delay", type=float, default=0.02, help="seconds per reply")
    parser.add_argument("--in-flight", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bare", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        asyncio.run(bare(options.bare, options.tasks, options.in_flight))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = seeds(folder, options.tasks)
        server, url = serve(options.delay)
        loop = [sys.executable, str(HERE / "throughput.py"), "--bare", url, "--tasks"]
        loop += [str(options.tasks), "--in-flight", str(options.in_flight)]
        try:
            ratios: list[float] = []
            for i in range(options.rounds):
                floor = timed(loop, folder)
                run = timed(run_command(file, url, folder / f"run{i}", options.in_flight), folder)
                ratios.append(run.seconds / floor.seconds)
                extra = (run.cpu - floor.cpu) / options.tasks * 1e3
                print(
                    f"bare {floor.seconds:.2f} s ({floor.cpu:.2f} s CPU), "
                    f"run {run.seconds:.2f} s ({run.cpu:.2f} s CPU, {run.peak_mb:.0f} MB): "
                    f"ratio {ratios[-1]:.2f}, {extra:.3f} ms CPU per call above the bare loop",
                    flush=True,
                )
        finally:
            server.kill()
    print(f"median ratio {sorted(ratios)[len(ratios) // 2]:.2f}")


if __name__ == "__main__":
    main()
