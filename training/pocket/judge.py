"""Runs a generated function against asserts in a subprocess with limits on time and memory.

This is for the recipe's own evaluation on the machine of whoever runs it. It is no security
boundary: it has no isolation of files or network. Use the package's sandbox for anything else.
"""

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

SECONDS, MEGABYTES, BATCH = 1, 256, 50
RUNNER = """
import json, signal, sys

def late(*_):
    raise TimeoutError

signal.signal(signal.SIGALRM, late)
for source, asserts in json.load(sys.stdin):
    verdict = None
    for check in asserts:
        call, _, wanted = check.removeprefix("assert ").partition(" == ")
        space = {}
        signal.alarm(SECONDS)
        try:
            exec(source, space)
            got = repr(eval(call, space))
        except TimeoutError:
            verdict = [check, None, "TIMEOUT"]
        except BaseException as error:
            verdict = [check, None, f"{type(error).__name__}: {error}"]
        else:
            verdict = None if got == wanted else [check, got, None]
        signal.alarm(0)
        if verdict:
            break
    print(json.dumps(verdict), file=sys.__stdout__, flush=True)
"""


@dataclass(frozen=True)
class Verdict:
    """The first failed assert: what it returned or what it raised; all `None` if all pass."""

    test: str | None = None
    returned: str | None = None
    raised: str | None = None

    @property
    def passed(self) -> bool:
        return self.test is None


def extract(reply: str) -> str:
    """The last fenced block of a reply, else the reply itself."""
    verdicts = re.findall(r"```(?:python)?\n(.*?)(?:```|\Z)", reply, re.DOTALL)
    return (verdicts[-1] if verdicts else reply).rstrip()


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS * 30, SECONDS * 30))
    resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES << 20, MEGABYTES << 20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def run_many(jobs: Sequence[tuple[str, Sequence[str]]]) -> list[Verdict]:
    """The verdict on each (program, asserts); a program that ends the interpreter gets TIMEOUT."""
    batches = [jobs[i : i + BATCH] for i in range(0, len(jobs), BATCH)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return [verdict for verdicts in threads.map(run_some, batches) for verdict in verdicts]


def run_some(jobs: Sequence[tuple[str, Sequence[str]]]) -> list[Verdict]:
    """The same for a few, one interpreter after another where a program ends one."""
    verdicts: list[Verdict] = []
    while len(verdicts) < len(jobs):
        left = jobs[len(verdicts) :]
        lines = run_batch(json.dumps([[source, list(asserts)] for source, asserts in left]))
        verdicts += [Verdict(*v) if v else Verdict() for v in lines]
        if len(lines) < len(left):
            verdicts.append(Verdict(left[len(lines)][1][0], None, "TIMEOUT"))
    return verdicts


def run_batch(jobs: str) -> list[list[str | None] | None]:
    """One interpreter over several programs; fewer verdicts than programs if one ended it."""
    script = RUNNER.replace("SECONDS", str(SECONDS))
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", script],
            input=jobs, capture_output=True, text=True, timeout=SECONDS * BATCH, preexec_fn=limit,
            env={},
        )  # fmt: skip
        text = done.stdout
    except subprocess.TimeoutExpired as late:
        text = late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or ""
    lines = [line for line in text.splitlines() if line == "null" or line.startswith("[")]
    return [json.loads(line) for line in lines]


def run(source: str, asserts: Sequence[str]) -> Verdict:
    """The verdict on one program."""
    return run_many([(source, asserts)])[0]
