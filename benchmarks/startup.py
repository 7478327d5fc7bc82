"""Seconds until Python has imported the package, and until the command has printed its help.

    python benchmarks/startup.py [--rounds 10]

Each in a process of its own, beside the bare interpreter; the fastest of the rounds, which other
work on the machine disturbs least.
"""

import argparse
import subprocess
import sys
import time


def fastest(command: list[str], rounds: int) -> float:
    times: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begun)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    bare = fastest([sys.executable, "-c", "pass"], rounds)
    imported = fastest([sys.executable, "-c", "import understudy"], rounds)
    helped = fastest([sys.executable, "-m", "understudy", "--help"], rounds)
    print(
        f"bare interpreter {bare:.3f} s, import understudy {imported:.3f} s ({imported / bare:.1f})"
    )
    print(f"understudy --help {helped:.3f} s ({helped / bare:.1f})")


if __name__ == "__main__":
    main()
