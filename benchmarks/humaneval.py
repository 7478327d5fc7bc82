"""164 recorded programs on HumanEval's own tests: a clean interpreter for each, or one for all.

    UNDERSTUDY_DATA=FOLDER python benchmarks/humaneval.py

The folder holds `code/ldb_seed_humaneval_gpt-3.5-turbo-0613.jsonl`, first programs of GPT-3.5. One
interpreter for all is what a well-known harness does: `exec(code, globals())` for every task in one
process. Imports and functions of one task then leak into all that follow. That runs inside the sandbox
too, as one program. It runs with the tasks in three orders, because a leak depends on what came before.
"""

import asyncio
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from understudy.handles.sandbox import Sandbox
from understudy.sandbox.protocol import Program
from understudy.sandbox.worker_pool import WorkerPool

FILE = "code/ldb_seed_humaneval_gpt-3.5-turbo-0613.jsonl"
LEAKY = """\
import json, signal
TASKS = json.loads({tasks!r})
def late(*_):
    raise TimeoutError
signal.signal(signal.SIGALRM, late)
def passed():
    results = []
    for source, test in TASKS:
        signal.alarm(5)
        try:
            exec(source, globals())
            exec(test, globals())
            results.append(True)
        except BaseException:
            results.append(False)
        signal.alarm(0)
    return results
"""

Row = dict[str, Any]


def test_of(row: Row) -> str:
    return f"{row['test']}\ncheck({row['entry_point']})"


async def clean(sandbox: Sandbox, rows: list[Row], prelude: str) -> dict[str, bool]:
    programs = [
        Program(source=row["solution"], prelude=prelude, tests=(test_of(row),), seconds=5.0)
        for row in rows
    ]
    outcomes = await asyncio.gather(*(sandbox.run(program) for program in programs))
    return {row["task_id"]: o.passed for row, o in zip(rows, outcomes, strict=True)}


async def leaky(sandbox: Sandbox, rows: list[Row]) -> dict[str, bool]:
    tasks = json.dumps([[row["solution"], test_of(row)] for row in rows])
    source = LEAKY.format(tasks=tasks)
    program = Program(source=source, calls=("passed()",), seconds=300.0, megabytes=2048)
    (text,) = (await sandbox.run(program)).values
    return {row["task_id"]: ok for row, ok in zip(rows, json.loads(text.lower()), strict=True)}


async def main() -> None:
    folder = os.environ.get("UNDERSTUDY_DATA")
    if not folder:
        sys.exit("set UNDERSTUDY_DATA to the folder of recorded data")
    text = await asyncio.to_thread((Path(folder) / FILE).read_text)
    rows: list[Row] = [json.loads(line) for line in text.splitlines()]
    async with WorkerPool.open() as pool:
        sandbox = Sandbox(pool.execute)
        print(f"{len(rows)} programs in {await pool.isolation()}")
        start = time.perf_counter()
        usual = await clean(sandbox, rows, "from typing import *\nimport math, re")
        print(
            f"with the usual imports before each: {sum(usual.values())} pass, "
            f"in {time.perf_counter() - start:.1f} s"
        )
        alone = await clean(sandbox, rows, "")
        print(f"as they stand, a clean interpreter each: {sum(alone.values())} pass")
        for seed in range(3):
            order = random.Random(seed).sample(rows, len(rows))
            together = await leaky(sandbox, order)
            more = sum(together[name] and not alone[name] for name in alone)
            fewer = sum(alone[name] and not together[name] for name in alone)
            print(
                f"as they stand, all in one interpreter (order {seed}): {sum(together.values())} pass: "
                f"{more} only there, {fewer} only alone"
            )


asyncio.run(main())
