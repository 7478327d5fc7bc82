"""The sandbox as a method holds it: an equal program is executed once, for each unit of work."""

from pathlib import Path

import pytest

from understudy.handles.sandbox import Sandbox, settings_of
from understudy.journal.write import SqliteJournal
from understudy.sandbox.protocol import Execution, Outcome, Program

GOOD = Program(source="def f(x):\n    return x + 1", tests=("assert f(1) == 2",))


async def test_a_program_whose_outcome_is_on_disk_is_not_run_again(tmp_path: Path) -> None:
    executions: list[Execution] = []

    async def execute(execution: Execution) -> Outcome:
        executions.append(execution)
        return Outcome(status="passed", wall=1.5, isolation="test")

    async def attempt(*programs: Program) -> list[Outcome]:
        journal = SqliteJournal(tmp_path / "journal.db")
        sandbox = Sandbox(execute, journal).at("debug", "t1")
        outcomes = [await sandbox.run(program) for program in programs]
        assert journal.records.answered_by("sandbox") == {"test": len(executions)}
        await journal.close("done")
        return outcomes

    first = await attempt(GOOD, GOOD)
    same = Program(source=GOOD.source, tests=("assert f(1) " + "== 2",), seconds=float("3.0"))
    assert await attempt(same) == first[:1]
    assert len(executions) == 1
    await attempt(Program(source=GOOD.source, tests=GOOD.tests, seconds=4.0))
    assert len(executions) == 2


async def test_other_work_and_other_workers_run_the_same_program_for_themselves(
    tmp_path: Path,
) -> None:
    executions: list[Execution] = []

    async def execute(execution: Execution) -> Outcome:
        executions.append(execution)
        return Outcome(status="passed", isolation="test")

    journal = SqliteJournal(tmp_path / "journal.db")
    sandbox = Sandbox(execute, journal)
    for one in (
        sandbox.at("debug", "t1"), sandbox.at("debug", "t2"), sandbox.at("refine", "t1"),
        sandbox.at("debug", "t1").within("agent 7"),
        sandbox.at("debug", "t1").within("agent 7").within("memory"),
    ):  # fmt: skip
        for _ in range(2):
            await one.run(GOOD)
    await journal.close("done")
    assert [(e.step, e.task) for e in executions] == [
        ("debug", "t1"), ("debug", "t2"), ("refine", "t1"), ("debug", "t1"), ("debug", "t1"),
    ]  # fmt: skip
    assert sandbox.tally.executed == 5


async def test_what_execution_raises_is_not_kept(tmp_path: Path) -> None:
    errors = [OSError("no worker")]

    async def execute(execution: Execution) -> Outcome:
        if errors:
            raise errors.pop()
        return Outcome(status="passed")

    journal = SqliteJournal(tmp_path / "journal.db")
    sandbox = Sandbox(execute, journal)
    with pytest.raises(OSError, match="no worker"):
        await sandbox.run(GOOD)
    assert (await sandbox.run(GOOD)).passed
    await journal.close("done")


def test_only_what_a_program_sets_is_in_its_key() -> None:
    assert settings_of(Program(source="x", seconds=float("3.0"), tests=())) == {"source": "x"}
    assert settings_of(Program(source="x", seconds=2.0)) == {"source": "x", "seconds": 2.0}
