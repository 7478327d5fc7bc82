"""What a reply is found by, and when it is safe."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from harness import Bench, defined, step
from hypothesis import given
from hypothesis import strategies as st

from understudy.call.model import Model, gather
from understudy.errors import Rejected, Unavailable
from understudy.journal.rows import Row
from understudy.journal.write import SqliteJournal
from understudy.providers.scripted import Scripted
from understudy.types import (
    Call,
    Example,
    Task,
)

# The journal as a method sees it


async def ask(task: Task, teacher: Model) -> Example:
    return task.example(await teacher.ask(task.question))


async def numbered(task: Task, teacher: Model) -> Example:
    said = await gather(teacher.ask(text) for text in task.question.split())
    return task.example(" ".join(said))


@given(
    rows=st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), min_size=1, max_size=5),
    order=st.randoms(use_true_random=False),
)
def test_neither_the_order_of_rows_nor_of_calls_matters(
    rows: list[list[str]], order: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("order") / "j.db"
    again = path.with_name("again.db")
    count = 0

    async def reply(call: Call) -> str:
        nonlocal count
        count += 1
        return f"{call.task}/{call.request.messages[0].text}/{call.draw}"

    async def once(journal: Path, tasks: Sequence[Task], reuse: Sequence[Path]) -> dict[str, str]:
        async with Bench(journal, reuse) as bench:
            await bench.run([step(defined(numbered), bench.model(Scripted(reply)))], tasks)
            rows = bench.journal.records.rows("numbered", "example")
            examples = [msgspec.json.decode(row.body, type=Example) for row in rows]
            return {e.id: " ".join(sorted(e.answer.split())) for e in examples}

    tasks = [Task(prompt=" ".join(row)) for row in rows]
    first = asyncio.run(once(path, tasks, ()))
    sent = count
    order.shuffle(tasks)
    shuffled = [Task(prompt=" ".join(order.sample(row, len(row)))) for row in rows]
    assert asyncio.run(once(again, tasks, [path])) == first
    assert count == sent
    # The words of one task in another order are other content: that task has another id.
    assert len(asyncio.run(once(path.with_name("third.db"), shuffled, ()))) == len(first)


async def test_a_reply_reaches_its_method_only_after_it_is_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "j.db"

    async def looks(task: Task, teacher: Model) -> Example:
        for turn in range(3):
            await teacher.ask(f"{task.id} {turn}")
            with sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True) as other:
                (there,) = other.execute(
                    "select count(*) from effects where task = ?", (task.id,)
                ).fetchone()
            other.close()
            assert there == turn + 1
        return task.example("seen")

    async with Bench(path) as bench:
        steps = [step(defined(looks), bench.model(Scripted(lambda call: "x")))]
        await bench.run(steps, [Task(id=f"t{i}") for i in range(8)])
        assert bench.tally.sent == 24


async def test_rows_and_the_mark_that_a_task_is_done_are_on_disk_together(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    rows = [Row("s", "t", i, "example", "", b"", b"{}") for i in range(3)]
    await journal.finish(rows)
    assert journal.records.find_finished_tasks("s", ["t", "u"]) == {"t"}
    assert [row.ordinal for row in journal.records.rows("s", "example")] == [0, 1, 2]
    await journal.close("done")


async def test_what_another_run_has_is_taken_from_there_once_and_costs_nothing(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    tasks = [Task(id=f"t{i}", prompt=f"question {i}") for i in range(4)]
    async with Bench(first) as bench:
        await bench.run([step(defined(ask), bench.model(Scripted(lambda c: c.task)))], tasks[:3])

    provider = Scripted(lambda call: call.task)
    async with Bench(second, [first]) as bench:
        await bench.run([step(defined(ask), bench.model(provider))], tasks)
        assert [call.task for wire in provider.calls for call in wire.calls] == ["t3"]
        assert (bench.tally.sent, bench.tally.replayed) == (1, 3)
        (total,) = bench.journal.records.totals()
        assert (total.sent, total.reused) == (1, 3)
        sources = {call.task: call.source for call in bench.journal.records.calls()}
        assert sources == {"t0": str(first), "t1": str(first), "t2": str(first), "t3": ""}

    first.unlink()  # and now it is this run's own
    async with Bench(second) as bench:
        model = bench.model(provider).at("ask", "t1", "teacher")
        assert await model.ask("question 1") == "t1"
    assert len(provider.calls) == 1


@pytest.mark.parametrize("error", [Rejected("400"), Unavailable("no usable reply", answered=True)])
async def test_failures_are_never_journaled(error: Exception, tmp_path: Path) -> None:
    async with Bench(tmp_path / "j.db", attempts=1) as bench:
        model = bench.model(Scripted([error, "good"]))
        with pytest.raises(type(error)):
            await model.at("s", "t").ask("x")
        assert not list(bench.journal.records.calls())
        assert await model.at("s", "t").ask("x") == "good"
        assert len(list(bench.journal.records.calls())) == 1
