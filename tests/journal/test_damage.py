"""A journal that is cut or has flipped bits says so in one sentence, whatever is read of it."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import Bench, defined, step

from understudy.call.model import Model
from understudy.errors import RunFolderError
from understudy.journal.read import Records
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
