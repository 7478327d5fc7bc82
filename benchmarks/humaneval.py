"""164 recorded programs on HumanEval's own tests: clean interpreters beside one that leaks.

    UNDERSTUDY_DATA=FOLDER python benchmarks/humaneval.py

The folder holds `code/ldb_seed_humaneval_gpt-3.5-turbo-0613.jsonl`, first programs of GPT-3.5. The leaky
way is that of a well-known harness, `exec(code, globals())` for every task in one process: imports and
functions of one task are there for all that follow. It runs inside the sandbox too, as one program.
Each is done with the tasks in three orders: a leak depends on who came before.
"""

import asyncio
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from understudy.sandbox.handle import Sandbox
from understudy.sandbox.pool import Pool
from understudy.sandbox.protocol import Program

FILE = "code/ldb_seed_humaneval_gpt-3.5-turbo-0613.jsonl"
LEAKY = """\
import json, signal
TASKS = json.loads({tasks!r})
def late(*_):
    raise TimeoutError
signal.signal(signal.SIGALRM, late)
def passed():
    done = []
    for source, test in TASKS:
        signal.alarm(5)
        try:
            exec(source, globals())
            exec(test, globals())
            done.append(True)
        except BaseException:
            done.append(False)
        signal.alarm(0)
    return done
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
    (shown,) = (await sandbox.run(program)).values
    return {row["task_id"]: ok for row, ok in zip(rows, json.loads(shown.lower()), strict=True)}


async def main() -> None:
    folder = os.environ.get("UNDERSTUDY_DATA")
    if not folder:
        sys.exit("UNDERSTUDY_DATA names no folder")
    text = await asyncio.to_thread((Path(folder) / FILE).read_text)
    rows: list[Row] = [json.loads(line) for line in text.splitlines()]
    async with Pool.open() as pool:
        sandbox = Sandbox(pool.execute)
        print(f"{len(rows)} programs in {await pool.isolation()}")
        begun = time.perf_counter()
        usual = await clean(sandbox, rows, "from typing import *\nimport math, re")
        print(
            f"with the usual imports before each: {sum(usual.values())} pass, "
            f"in {time.perf_counter() - begun:.1f} s"
        )
        alone = await clean(sandbox, rows, "")
        print(f"as they stand, a clean interpreter each: {sum(alone.values())} pass")
        for seed in range(3):
            order = random.Random(seed).sample(rows, len(rows))
            found = await leaky(sandbox, order)
            more = sum(found[name] and not alone[name] for name in found)
            fewer = sum(alone[name] and not found[name] for name in found)
            print(
                f"as they stand, all in one interpreter (order {seed}): {sum(found.values())} pass: "
                f"{more} only there, {fewer} only alone"
            )


asyncio.run(main())
