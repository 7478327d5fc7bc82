"""Rows to disk, counted, and only then to the next step; no more examples than were asked for."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from understudy.errors import RunFolderError
from understudy.journal.read import Records, Row
from understudy.journal.write import SqliteJournal
from understudy.runs.progress import Progress
from understudy.runs.quota import Quota
from understudy.runs.rows import SURPLUS, Item, Output, failure_output, rows_of
from understudy.runs.writer import Writer
from understudy.types import Example, Rejection, Task, user

STEPS = ("first", "last")


def examples(task: str, n: int = 1, step: str = "last") -> Output:
    item = Item(id=task, position=task.encode(), task=Task(id=task, prompt="?"))
    return rows_of(step, item, [Example(messages=(user(f"{task} {i}"),)) for i in range(n)])


def rejection(task: str) -> Output:
    item = Item(id=task, position=task.encode(), task=Task(id=task, prompt="?"))
    return rows_of("last", item, [Rejection(reason="no")])


def failure(task: str) -> Output:
    return failure_output("last", Item(id=task, position=b""), "Rejected", "400")


async def written(path: Path, quota: Quota, *batches: list[Output]) -> tuple[list[Row], Progress]:
    progress = Progress(quota)
    journal = SqliteJournal(path / "j.db")
    writer = Writer(journal, progress, ["first", "last"])
    for outputs in batches:
        await writer.write(outputs)
    await journal.close("done")
    records = Records(path / "j.db")
    rows = [
        row
        for step in ("first", "last")
        for row in records.rows(step, "example", "rejection", "failure")
    ]
    records.close()
    return rows, progress


async def test_items_are_handed_on_only_after_their_rows_are_on_disk(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    items = await Writer(journal, Progress(), ["first", "last"]).write(
        [examples("a", 2), rejection("b")]
    )
    records = Records(tmp_path / "j.db")
    assert [row.task for row in records.rows("last", "example", "rejection")] == ["a", "a", "b"]
    records.close()
    assert [item.id for item in items] == ["a#1", "a#2"]
    await journal.close("done")


async def test_rows_that_are_not_on_disk_are_not_counted(tmp_path: Path) -> None:
    class Full(SqliteJournal):
        async def finish(self, *rows: object) -> None:  # type: ignore[override]  # a full disk
            raise RunFolderError("the disk is full")

    journal, progress = Full(tmp_path / "j.db"), Progress()
    with pytest.raises(RunFolderError):
        await Writer(journal, progress, ["first", "last"]).write([examples("a")])
    assert progress.counts == {}
    await journal.close("failed")


async def test_rows_of_the_last_step_count_towards_the_quota_and_others_do_not(
    tmp_path: Path,
) -> None:
    outputs = [examples("a"), examples("b", 2, step="first"), rejection("c"), failure("d")]
    _, progress = await written(tmp_path, Quota(9), outputs)
    assert (progress.quota.accepted, progress.quota.rejected) == (1, 2)
    assert progress.of("first", "example") == 2


async def test_a_task_that_makes_more_examples_than_are_missing_keeps_the_others_as_rejections(
    tmp_path: Path,
) -> None:
    rows, progress = await written(tmp_path, Quota(3), [examples("a", 2), examples("b", 3)])
    assert [(row.task, row.ordinal, row.kind) for row in rows] == [
        ("a", 0, "example"), ("a", 1, "example"),
        ("b", 0, "example"), ("b", 1, "rejection"), ("b", 2, "rejection"),
    ]  # fmt: skip
    surplus = msgspec.json.decode(rows[-1].body, type=Rejection)
    assert (rows[-1].reason, surplus.reason) == (SURPLUS, SURPLUS)
    assert surplus.example is not None
    assert surplus.example.id == "b#3"
    assert progress.quota.accepted == 3


async def test_a_task_that_ends_after_n_are_there_leaves_no_row(tmp_path: Path) -> None:
    batches = [examples("a"), examples("b"), rejection("c")], [failure("d"), examples("e")]
    rows, progress = await written(tmp_path, Quota(1), *batches)
    assert [row.task for row in rows] == ["a"]
    assert (progress.quota.accepted, progress.quota.rejected) == (1, 0)


async def test_steps_before_the_last_are_not_limited_by_n(tmp_path: Path) -> None:
    rows, _ = await written(tmp_path, Quota(1), [examples(t, step="first") for t in "abc"])
    assert [row.task for row in rows] == ["a", "b", "c"]


async def test_rows_of_a_changed_task_are_removed_with_those_that_later_steps_made_of_them(
    tmp_path: Path,
) -> None:
    journal, progress = SqliteJournal(tmp_path / "j.db"), Progress(Quota(9))
    writer = Writer(journal, progress, ["first", "last"])
    for task in ("a", "b"):
        for item in await writer.write([examples(task, 2, step="first")]):
            await writer.write([rows_of("last", item, [item.as_example()])])
    assert (progress.of("first", "example"), progress.quota.accepted) == (4, 4)

    await writer.forget("first", ["a"])

    left = {step: [row.task for row in journal.records.rows(step, "example")] for step in STEPS}
    assert left == {"first": ["b", "b"], "last": ["b#1", "b#2"]}
    assert (progress.of("first", "example"), progress.quota.accepted) == (2, 2)
    assert progress.changed == {"first": 1}
    await journal.close("done")


async def test_nothing_is_written_where_nothing_was_made(tmp_path: Path) -> None:
    class Counting(SqliteJournal):
        writes = 0

        def finish(self, *rows: Any) -> Any:
            self.writes += 1
            return super().finish(*rows)

    journal = Counting(tmp_path / "j.db")
    assert (
        await Writer(journal, Progress(), ["first", "last"]).write([Output([], []), Output([], [])])
        == []
    )
    assert journal.writes == 0
    await journal.close("done")
