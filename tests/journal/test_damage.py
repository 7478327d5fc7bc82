"""A journal that is lost, empty, damaged or of another format says so in one sentence."""

import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Bench, defined, step

from understudy.call.model import Model
from understudy.errors import RunFolderError
from understudy.journal.read import Records
from understudy.journal.write import SqliteJournal
from understudy.providers.scripted import Scripted
from understudy.types import Example, Task


async def ask(task: Task, teacher: Model) -> Example:
    first = await teacher.ask(task.prompt)
    return task.example(await teacher.ask(f"{first} Are you sure?"))


@pytest.fixture
async def journal(tmp_path: Path) -> Path:
    """A journal with calls, rows and sums."""
    path = tmp_path / "journal.db"
    async with Bench(path) as bench:
        model = bench.model(Scripted(lambda call: f"{call.task} says " + "so " * 60))
        tasks = [Task(id=f"t{i}", prompt=f"question {i} " * 20) for i in range(60)]
        await bench.run([step(defined(ask), model)], tasks)
    return path


READERS: dict[str, Callable[[Records], object]] = {
    "rows": lambda r: list(r.rows("ask", "example")),
    "most rows": lambda r: list(r.rows("ask", "example", most=5)),
    "sample": lambda r: r.sample("ask", "example", 5),
    "rows of a task": lambda r: r.rows_of("ask", "t7"),
    "finished": lambda r: r.find_finished_tasks("ask", ["t1", "t2"]),
    "changed": lambda r: r.find_changed_tasks("ask", {"t1": b"?"}),
    "ordinals": lambda r: r.ordinals("ask"),
    "tried": lambda r: r.count_tasks("ask"),
    "tasks": lambda r: r.tasks_like("t"),
    "counts": lambda r: r.counts(),
    "totals": lambda r: r.totals(),
    "attempts": lambda r: r.attempts(),
    "spent": lambda r: r.sum_cost(),
    "newest": lambda r: r.newest(),
    "answered by": lambda r: r.answered_by("call"),
    "calls": lambda r: list(r.calls()),
    "requests": lambda r: [r.request_hash(call) for call in r.calls()],
    "blob": lambda r: r.blob("00"),
}


def read_all(path: Path) -> Iterator[str]:
    """Every reading function gives a value or says what is wrong; what it says."""
    for read in READERS.values():
        try:
            records = Records(path)
        except RunFolderError as error:
            yield str(error)
            continue
        try:
            read(records)
        except RunFolderError as error:
            yield str(error)
        finally:
            records.close()


def test_a_file_cut_anywhere_is_read_or_said_to_be_damaged(journal: Path) -> None:
    whole = journal.read_bytes()
    for size in range(0, len(whole), 16_384):
        journal.write_bytes(whole[:size])
        complaints = list(read_all(journal))
        assert complaints, f"cut at {size}"
        assert all("journal" in c and "\n" not in c for c in complaints)


def test_flipped_bits_are_read_or_said_to_be_damaged(journal: Path) -> None:
    whole, rng = journal.read_bytes(), random.Random(0)
    for _ in range(60):
        spoilt = bytearray(whole)
        for _ in range(rng.choice((1, 8, 64))):
            spoilt[rng.randrange(100, len(spoilt))] ^= 1 << rng.randrange(8)
        journal.write_bytes(spoilt)
        list(read_all(journal))  # raises nothing but RunFolderError


@pytest.mark.parametrize(
    ("text", "reads", "says"),
    [
        (b"t7 says so", lambda r: list(r.calls()), "a reply of step 'ask', task 't7' was changed"),
        (b'"id":"t7"', lambda r: r.rows_of("ask", "t7"), "step 'ask', task 't7' was changed"),
    ],
)
def test_a_changed_byte_is_named_with_step_and_task(
    text: bytes, reads: Callable[[Records], object], says: str, journal: Path
) -> None:
    whole = journal.read_bytes()
    assert text in whole
    journal.write_bytes(whole.replace(text, bytes([text[0] ^ 1]) + text[1:]))
    records = Records(journal)
    with pytest.raises(RunFolderError, match=says):
        reads(records)
    records.close()


@pytest.fixture
def falsified(journal: Path) -> Path:
    """A journal in which one reply was changed."""
    journal.write_bytes(journal.read_bytes().replace(b"t7 says so", b"t7 says no"))
    return journal


async def test_a_changed_reply_is_not_replayed(falsified: Path) -> None:
    async with Bench(falsified) as bench:
        teacher = bench.model(Scripted([])).at("ask", "t7", "teacher")
        with pytest.raises(RunFolderError, match="a reply of step 'ask', task 't7' was changed"):
            await teacher.ask("question 7 " * 20)


@pytest.mark.parametrize("opening", [Records, lambda p: SqliteJournal(p, fresh=False)])
def test_a_lost_or_emptied_journal_is_never_begun_anew(
    opening: Callable[[Path], Any], tmp_path: Path
) -> None:
    path = tmp_path / "journal.db"
    with pytest.raises(RunFolderError, match=r"expected the run's journal, found no file\."):
        opening(path)
    assert not path.exists()
    path.touch()
    with pytest.raises(RunFolderError, match=r"expected the run's journal, found an empty file\."):
        opening(path)


@pytest.mark.parametrize("opening", [Records, SqliteJournal])
def test_another_format_is_named(opening: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    db = sqlite3.connect(path)
    db.executescript("create table calls (id); create table rows (id); create table sessions (id);")
    db.close()
    with pytest.raises(
        RunFolderError, match="expected a journal of format 2, found format 1, which"
    ):
        opening(path)
    db = sqlite3.connect(path)
    db.executescript("drop table calls; pragma application_id = 7;")
    db.close()
    with pytest.raises(RunFolderError, match="found another SQLite database"):
        opening(path)


@pytest.mark.parametrize("opening", [Records, SqliteJournal])
async def test_a_newer_format_is_named(opening: Callable[[Path], Any], journal: Path) -> None:
    db = sqlite3.connect(journal)
    db.execute("pragma user_version = 3")
    db.close()
    with pytest.raises(RunFolderError, match="found format 3, which another version"):
        opening(journal)


def deny(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a read-only disk, which the tests' own user, root, is otherwise not kept from."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)


def test_a_journal_on_a_read_only_disk_can_be_read(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny(monkeypatch)
    before = sorted(journal.parent.iterdir())
    records = Records(journal)
    assert len(list(records.calls())) == 120
    records.close()
    assert sorted(journal.parent.iterdir()) == before


async def test_rows_in_a_log_that_cannot_be_read_are_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("journal.db", "journal.db-wal"):
        (copy / name).write_bytes((tmp_path / name).read_bytes())
    await journal.close("done")
    deny(monkeypatch)
    with pytest.raises(RunFolderError, match="Copy the folder to another disk"):
        Records(copy / "journal.db")
