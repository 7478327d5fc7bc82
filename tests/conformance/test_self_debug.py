"""164 recorded first programs of GPT-3.5 on HumanEval and what became of them in another's debugger:
our sandbox gives the recorded verdicts, and our loop ends where the recorded one did."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from understudy.call.model import Model, gather
from understudy.errors import NoSandbox
from understudy.handles.sandbox import Execution, Sandbox
from understudy.methods._shared.programs import fence
from understudy.methods.self_debug import Config, self_debug
from understudy.methods.self_debug.languages.python import above
from understudy.methods.self_debug.tests import hidden_tests, visible_tests
from understudy.providers.scripted import Scripted
from understudy.sandbox.protocol import Outcome, Program, TestResult
from understudy.sandbox.worker_pool import WorkerPool
from understudy.types import Example, Task

Row = dict[str, Any]
NAMES = "ldb_{}humaneval_gpt-3.5-turbo-0613.jsonl"


def rows(data: Path, kind: str) -> list[Row]:
    text = (data / "code" / NAMES.format(kind)).read_text(encoding="utf-8")
    found = [json.loads(line) for line in text.splitlines()]
    assert len(found) == 164
    return found


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    async with WorkerPool.open("auto") as pool:
        try:
            await pool.execute(Execution("", "", Program(source="")))
        except NoSandbox as error:
            pytest.skip(str(error))
        yield pool


IMPORTS = "from typing import *\nimport math, re"
"""What the recorded verdicts were made with. Not the rest of a prompt: two problems, 38 and 50, have a
helper there, and the two programs that call it failed for want of it."""


def checked(row: Row, prelude: str = IMPORTS) -> Program:
    """A recorded program with its hidden tests."""
    task = Task(tests=(row["test"],), meta={"entry_point": row["entry_point"]})
    return Program(source=row["solution"], prelude=prelude, tests=hidden_tests(task), seconds=10)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kind", "solved"), [("seed_", 121), ("", 136)])
async def test_the_sandbox_gives_the_recorded_verdicts(
    kind: str, solved: int, data: Path, pool: WorkerPool
) -> None:
    recorded = rows(data, kind)

    outcomes = await gather(
        pool.execute(Execution("", row["task_id"], checked(row))) for row in recorded
    )

    disagree = {
        row["task_id"]: (outcome.status, outcome.error, outcome.first_failure)
        for row, outcome in zip(recorded, outcomes, strict=True)
        if outcome.passed != row["is_solved"]
    }
    assert disagree == {}
    assert sum(outcome.passed for outcome in outcomes) == solved


async def test_below_its_prompt_a_program_has_the_helpers_that_it_calls(
    data: Path, pool: WorkerPool
) -> None:
    recorded = [row for row in rows(data, "seed_") if row["task_id"].endswith(("/38", "/50"))]

    for row in recorded:
        program = checked(row, above(row["prompt"], row["entry_point"]))
        outcome = await pool.execute(Execution("", row["task_id"], program))
        assert (outcome.passed, row["is_solved"]) == (True, False)


def as_recorded(row: Row) -> tuple[Sandbox, Scripted]:
    """A teacher that writes the recorded programs in turn, and a sandbox that finds what was found."""
    turn = -1

    async def execute(execution: Execution) -> Outcome:
        nonlocal turn
        wanted = execution.program.tests
        if any("def check" in test for test in wanted):
            return Outcome(status="passed" if row["is_solved"] else "failed")
        turn += 1
        failed = [
            said.partition(" # Real Execution Output: ") for said in row["test_feedback"][turn]
        ]
        actual = {test: found for test, _, found in failed}
        assert set(actual) <= set(wanted)
        tests = tuple(TestResult(t, t not in actual, actual.get(t, "?")) for t in wanted)
        return Outcome(status="failed" if actual else "passed", tests=tests)

    return Sandbox(execute), Scripted([fence(source) for source in row["implementations"]])


async def replayed(row: Row, **settings: Any) -> Row:
    """The trajectory of our loop where the model and the tests say what is recorded."""
    sandbox, teacher = as_recorded(row)
    task = Task(
        id=row["task_id"], prompt=row["prompt"], tests=(row["test"],),
        meta={"entry_point": row["entry_point"], "visible_tests": row["given_tests"]},
    )  # fmt: skip
    (made,) = await self_debug(
        task, Model.over("m", teacher), sandbox, Config(accept="all", **settings)
    )
    assert isinstance(made, Example)
    return made.meta["trajectory"]


async def test_the_recorded_trajectories_end_where_our_loop_does(data: Path) -> None:
    """At the first program that passes the visible tests, else after ten repairs: all 164."""
    stops = Counter[str]()
    for row in rows(data, ""):
        found = await replayed(row)
        assert found["n_turns"] == row["debug_iter"], row["task_id"]
        assert (found["stop"] == "visible_pass") == row["is_passing"], row["task_id"]
        stops[found["stop"]] += 1

    assert stops == {"visible_pass": 144, "max_turns": 20}


async def test_ending_at_a_repeated_program_saves_turns_and_costs_repairs(data: Path) -> None:
    """What `stop_on_repeat` would have meant in that debugger, whose feedback changes from turn to turn:
    82 repairs instead of 249, and 10 of the 16 tasks that were mended would not have been."""
    turns, lost = 0, 0
    for row in rows(data, ""):
        found = await replayed(row, stop_on_repeat=True)
        turns += found["n_turns"]
        lost += found["stop"] == "repeat" and row["is_passing"]

    assert (turns, lost) == (82, 10)


def test_docstrings_give_visible_tests_to_most_of_humaneval(data: Path) -> None:
    """All of them hold for the reference solutions, but for those that HumanEval has wrong itself."""
    text = (data / "code" / "HumanEval.jsonl").read_text(encoding="utf-8")
    found, wrong = 0, Counter[str]()
    for row in map(json.loads, text.splitlines()):
        task = Task(prompt=row["prompt"], meta={"entry_point": row["entry_point"]})
        space: dict[str, Any] = {}
        exec(row["prompt"] + row["canonical_solution"], space)  # HumanEval's own
        tests = visible_tests(task, 1)
        found += bool(tests)
        for test in tests:
            try:
                exec(test, dict(space))
            except AssertionError:
                wrong[row["task_id"]] += 1

    assert found == 128
    assert wrong == {"HumanEval/47": 1, "HumanEval/116": 2, "HumanEval/130": 2}
