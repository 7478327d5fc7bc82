"""The thread that writes: one commit for all that waits, and an error for all who wait."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from effects import effect
from harness import Bench, defined, step

from understudy.call.model import Model
from understudy.errors import RunFolderError
from understudy.journal.read import Records
from understudy.journal.rows import Row
from understudy.journal.write import SqliteJournal
from understudy.journal.writer import MOST_PER_COMMIT
from understudy.providers.scripted import Scripted
from understudy.types import (
    Example,
    Task,
)


async def ask(task: Task, teacher: Model) -> Example:
    return task.example(await teacher.ask(task.question))


async def test_everything_that_waits_goes_into_one_commit(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    other = sqlite3.connect(tmp_path / "j.db", isolation_level=None)
    other.execute("begin immediate")  # the thread that writes has to wait with its first commit
    puts = [journal.put([effect(i)]) for i in range(500)]
    other.execute("rollback")
    other.close()
    done = set[int]()
    while 500 not in done:
        done.add(sum(put.done() for put in puts))
        await asyncio.sleep(0)
    assert len(done - {0}) <= 2  # what the thread had taken before it waited, and all the rest
    assert len(list(journal.records.calls())) == 500
    await journal.close("done")


async def test_a_broken_disk_fails_all_who_wait_and_all_who_come(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journal = SqliteJournal(path)
    await journal.put([effect(1)])
    # Nothing more fits: SQLite says "database or disk is full", as it does on a full disk.
    spoil = sqlite3.connect(path)
    spoil.execute(
        "create trigger full before insert on effects begin select raise(abort, 'full'); end"
    )
    spoil.close()

    puts = [journal.put([effect(i)]) for i in range(2, 30)]
    results = await asyncio.gather(*puts, journal.put([effect(99)]), return_exceptions=True)
    assert {type(result) for result in results} == {RunFolderError}
    assert "full. What was written before is safe: make room" in str(results[0])
    with pytest.raises(RunFolderError):
        await journal.finish([Row("s", "t", 0, "example", "", b"", b"{}")])
    assert [call.task for call in journal.records.calls()] == ["t1"]
    await journal.close("failed")


async def test_a_broken_disk_ends_the_run_with_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with Bench(path) as bench:
        spoil = sqlite3.connect(path)
        spoil.execute(
            "create trigger t before insert on effects begin select raise(abort, 'full'); end"
        )
        spoil.close()
        tasks = [Task(id=f"t{i}") for i in range(20)]
        steps = [step(defined(ask), bench.model(Scripted(lambda c: "x")))]
        with pytest.raises(RunFolderError, match="could not be written: full"):
            await bench.run(steps, tasks)


async def test_a_put_whose_waiter_was_cancelled_is_written_all_the_same(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")

    async def wait() -> None:
        await journal.put([effect(1)])

    waiting = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await journal.put([effect(2)])
    await journal.close("done")
    records = Records(tmp_path / "j.db")
    assert [call.task for call in records.calls()] == ["t1", "t2"]
    records.close()


async def test_any_error_of_the_thread_that_writes_reaches_all_who_wait(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journal = SqliteJournal(path)
    await journal.put([effect(1)])
    puts = [journal.put([effect(i, draw=2**63 if i == 5 else 0)]) for i in range(2, 9)]
    results = await asyncio.gather(*puts, return_exceptions=True)
    # What was taken before the bad one may be written; all after it hear of it.
    assert {type(result) for result in results[3:]} == {RunFolderError}
    assert "OverflowError: Python int too large" in str(results[3])
    late = journal.put([effect(10)])
    assert late.done()
    with pytest.raises(RunFolderError, match="the same command goes on from there"):
        await late
    await journal.close("stopped")
    again = SqliteJournal(path, fresh=False)
    assert [a.status for a in again.records.attempts()] == ["stopped", None]
    assert again.records.calls().__next__().task == "t1"
    await again.close("done")


async def test_a_run_whose_journal_breaks_is_not_left_under_way(tmp_path: Path) -> None:
    async def breaks(task: Task, teacher: Model) -> Example:
        await teacher.ask(task.prompt)
        await bench.journal.put([effect(1, draw=2**63)])
        return task.example("never")

    async with Bench(tmp_path / "j.db") as bench:
        model = bench.model(Scripted(lambda call: "x"))
        with pytest.raises(RunFolderError, match="OverflowError"):
            await bench.run([step(defined(breaks), model)], [Task(id="t")])
    records = Records(tmp_path / "j.db")
    assert records.attempts()[-1].end is not None
    records.close()


def test_the_loop_of_one_who_waits_may_be_gone(tmp_path: Path) -> None:
    async def put_and_leave() -> SqliteJournal:
        own = SqliteJournal(tmp_path / "j.db")
        own.put([effect(1)])
        return own

    async def put_and_wait(own: SqliteJournal) -> None:
        await own.put([effect(2)])
        await own.close("done")

    journal = asyncio.run(put_and_leave())
    asyncio.run(put_and_wait(journal))
    records = Records(tmp_path / "j.db")
    assert [call.task for call in records.calls()] == ["t1", "t2"]
    records.close()


async def test_what_is_queued_is_on_disk_when_the_journal_is_closed(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    puts = [journal.put([effect(i)]) for i in range(MOST_PER_COMMIT + 10)]
    await journal.close("done")
    await asyncio.gather(*puts)
    records = Records(tmp_path / "j.db")
    assert len(list(records.calls())) == MOST_PER_COMMIT + 10
    assert [attempt.status for attempt in records.attempts()] == ["done"]
    records.close()


async def test_effects_of_one_write_are_on_disk_all_or_none(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    with pytest.raises(RunFolderError, match="OverflowError"):
        await journal.put([effect(1), effect(2), effect(3, draw=2**63)])
    assert list(journal.records.calls()) == []
    await journal.close("failed")


async def test_an_attempt_whose_end_cannot_be_written_says_so(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    spoil = sqlite3.connect(tmp_path / "j.db")
    spoil.execute("drop table attempts")
    spoil.close()
    with pytest.raises(RunFolderError, match="no such table: attempts"):
        await journal.close("done")
