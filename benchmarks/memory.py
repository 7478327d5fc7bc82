"""Whether memory is flat, and how long a resume takes before its first new call.

    python benchmarks/memory.py [--small 10000] [--large 100000]

Peak memory of a run of `--large` tasks beside one of `--small` (against the local stub server, no
delay), then: the finished large run again, and one killed half-way: seconds from the command to
the first request the server sees.
"""

import argparse
import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from throughput import run_command, seeds, serve, timed


def ask(url: str, path: str) -> dict[str, Any]:
    """A page of the stub's control."""
    with urllib.request.urlopen(url.removesuffix("/v1") + path, timeout=600) as reply:
        return json.load(reply)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server, url = serve(0)
        try:
            small = run_command(seeds(folder, options.small), url, folder / "small", 512)
            large = run_command(seeds(folder, options.large), url, folder / "large", 512)
            little, much = timed(small, folder), timed(large, folder)
            print(
                f"peak {little.peak_mb:.0f} MB at {options.small:,} tasks, {much.peak_mb:.0f} MB at "
                f"{options.large:,}: ratio {much.peak_mb / little.peak_mb:.2f}"
            )
            ask(url, "/reset")
            again = timed(large, folder)
            calls = ask(url, "/stats?prompts=0")["requests"]
            print(f"finished run of {options.large:,} again: {again.seconds:.2f} s, {calls} calls")
            half = [part.replace(str(folder / "large"), str(folder / "half")) for part in large]
            ask(url, "/reset")
            run = subprocess.Popen(half, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            ask(url, f"/wait?requests={options.large // 2}")
            os.kill(run.pid, signal.SIGKILL)
            run.wait()
            ask(url, "/reset")
            begun = time.perf_counter()
            run = subprocess.Popen(half, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            ask(url, "/wait?requests=1")
            print(
                f"killed half-way, resumed: first new call after {time.perf_counter() - begun:.2f} s"
            )
            run.kill()
            run.wait()
        finally:
            server.kill()


if __name__ == "__main__":
    main()
