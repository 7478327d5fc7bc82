"""Reading a journal, also while it is written."""

from collections import Counter
from pathlib import Path

import pytest

from understudy.journal.read import Records
from understudy.journal.rows import Kind, Row
from understudy.journal.write import SqliteJournal
from understudy.runs.seeds import position


def row(task: str, kind: Kind = "example", place: int = 0, **fields: object) -> Row:
    values = {"step": "s", "ordinal": 0, "reason": "", "body": b"{}"}
    return Row(task=task, kind=kind, position=position(place), **{**values, **fields})  # type: ignore[arg-type]  # a test's own rows


async def written(path: Path, *rows: Row, status: str = "done") -> None:
    journal = SqliteJournal(path)
    await journal.finish(rows)
    await journal.close(status)


async def test_rows_come_in_the_order_of_the_seeds_not_of_writing(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    places = [300, 2, 70_000, 1, 256]
    await written(path, *(row(f"t{p}", place=p) for p in places))
    await written(path, row("late", place=3), row("u", step="other"))
    records = Records(path)
    names = [r.task for r in records.rows("s", "example")]
    assert names == ["t1", "t2", "late", "t256", "t300", "t70000"]
    assert [r.task for r in records.rows("s", "example", before=2)] == [
        n for n in names if n != "late"
    ]
    records.close()


async def test_rows_can_be_read_while_others_are_written(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    await journal.finish([row(f"t{i}", place=i) for i in range(5)])
    reading = journal.records.rows("s", "example")
    assert next(reading).task == "t0"
    await journal.finish([row("t9", place=9)])
    assert [r.task for r in reading] == ["t1", "t2", "t3", "t4"]
    await journal.close("done")


async def test_a_failure_does_not_finish_a_task_and_is_forgotten_by_the_next_attempt(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.db"
    await written(path, row("a"), row("b", "failure", reason="Rejected"), row("c", "rejection"))
    records = Records(path)
    assert records.find_finished_tasks("s", ["a", "b", "c", "d"]) == {"a", "c"}
    assert records.counts() == {
        "s": Counter({("example", ""): 1, ("failure", "Rejected"): 1, ("rejection", ""): 1})
    }
    before = records.newest()
    await written(path)
    assert [r.task for r in records.rows_of("s", "b")] == []
    assert records.newest() != before
    records.close()


async def test_tasks_are_found_by_how_they_begin(tmp_path: Path) -> None:
    await written(tmp_path / "j.db", row("t1"), row("t1#1"), row("t10"), row("u"), row("Ähre"))
    records = Records(tmp_path / "j.db")
    assert set(records.tasks_like("t1")) == {"t1", "t1#1", "t10"}
    assert records.tasks_like("Ä") == ["Ähre"]
    assert len(records.tasks_like("", 2)) == 2
    records.close()


async def test_attempts_say_how_they_ended(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    await written(path, status="stopped")
    journal = SqliteJournal(path)
    records = Records(path)
    assert [(s.id, s.status, s.end is None) for s in records.attempts()] == [
        (1, "stopped", False),
        (2, None, True),
    ]
    await journal.close("done")
    assert records.attempts()[1].status == "done"
    records.close()


async def test_a_reader_cannot_write(tmp_path: Path) -> None:
    from understudy.journal.connect import connect_reader

    await written(tmp_path / "j.db", row("a"))
    reader = connect_reader(tmp_path / "j.db")
    with pytest.raises(Exception, match="readonly"):
        reader.execute("delete from rows")
    reader.close()


async def test_of_many_rows_the_first_written_are_given_in_the_order_of_the_seeds(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.db"
    rows = [row(f"t{9 - i}", "rejection" if i % 2 else "example", 9 - i) for i in range(10)]
    await written(path, row("u", step="other"), *rows)
    records = Records(path)
    first = records.rows("s", "example", "rejection", most=4)
    assert [r.task for r in first] == ["t6", "t7", "t8", "t9"]
    assert [r.task for r in records.rows("s", "example", most=99)] == ["t1", "t3", "t5", "t7", "t9"]
    records.close()


async def test_a_sample_is_spread_over_all_rows_of_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    await written(path, *(row(f"t{i}", "rejection" if i % 2 else "example", i) for i in range(40)))
    records = Records(path)
    assert [r.task for r in records.sample("s", "example", 5)] == ["t0", "t8", "t16", "t24", "t32"]
    assert len(records.sample("s", "example", 99)) == 20
    assert [r.task for r in records.sample("s", "example", 1)] == ["t0"]
    assert records.sample("s", "failure", 5) == []
    assert records.sample("s", "example", 0) == []
    records.close()
