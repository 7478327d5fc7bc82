"""Shards of one recipe, put together, are as good as one run."""

import hashlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from harness import Bench, answers, defined, made, step, tasks

from understudy.call.budget import Price
from understudy.call.model import Model
from understudy.errors import Rejected, RunFolderError
from understudy.handles.memo import Memo
from understudy.journal import merge as merging
from understudy.journal.lock import hold
from understudy.journal.merge import merge
from understudy.journal.read import Records
from understudy.journal.rows import Row
from understudy.journal.write import SqliteJournal
from understudy.providers.scripted import Scripted
from understudy.registry import Definition
from understudy.runs.seeds import position
from understudy.types import (
    Audio,
    Call,
    Example,
    Image,
    Message,
    Reply,
    Task,
    Usage,
    assistant,
    user,
)

SEEDS = tasks(10)
HALVES = {"a": SEEDS[:5], "b": SEEDS[5:]}
MEMOS = list[str]()


def answer(call: Call) -> Reply:
    text = f"{call.task} {len(call.request.messages)} {call.draw} " + "so " * 40
    return Reply(text=text, usage=Usage(tokens_in=10, tokens_out=20))


async def discuss(task: Task, teacher: Model, memo: Memo) -> Example:
    """A conversation of three turns, the last of them asked twice, and a memo."""
    turns: list[Message] = [user(task.question)]
    for _ in range(2):
        turns += [assistant(await teacher.ask(turns)), user("Are you sure?")]
    replies = await teacher.sample(turns, 2)

    async def count() -> int:
        MEMOS.append(task.id)
        return len(turns)

    return task.example("".join(reply.text for reply in replies), turns=await memo("turns", count))


async def invent(tasks: Sequence[Task], teacher: Model) -> AsyncIterator[Example]:
    for i in range(len(tasks)):
        question = f"{i + 1} of {len(tasks)}"
        yield Task(prompt=question).example(await teacher.ask(question))


async def no_effect(*_: object) -> Any:
    raise AssertionError("nothing asks for this")


def prepare(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder / "journal.db"


async def attempt(
    folder: Path,
    seeds: Sequence[Task],
    script: Callable[[Call], Reply] = answer,
    method: Definition | None = None,
) -> int:
    """One attempt over some seeds; how many calls it sent."""
    provider = Scripted(script)
    async with Bench(prepare(folder), price=Price(input=1, output=2)) as bench:
        bound = step(method or defined(discuss), bench.model(provider))
        await bench.run([bench.attach(bound, no_effect, no_effect)], seeds)
    return sum(wire.n for wire in provider.calls)


def journals(path: Path, *names: str) -> list[Path]:
    return [path / name / "journal.db" for name in names]


async def shards(path: Path, method: Definition | None = None) -> list[Path]:
    for name, seeds in HALVES.items():
        await attempt(path / name, seeds, method=method)
    return journals(path, *HALVES)


def content(journal: Path) -> list[str]:
    with sqlite3.connect(journal) as db:
        lines = list(db.iterdump())
    db.close()
    return lines


def cost(journal: Path) -> float:
    records = Records(journal)
    dollars = records.sum_cost()
    records.close()
    return dollars


def conversations(journal: Path) -> dict[tuple[str, int, int], tuple[tuple[Message, ...], str]]:
    records = Records(journal)
    turns = [(call, records.messages(call)) for call in records.calls()]
    records.close()
    return {(c.task, len(messages), c.draw): (messages, c.text) for c, messages in turns}


@pytest.mark.parametrize("rows", [True, False])
async def test_a_run_over_merged_shards_asks_nothing_and_ends_as_one_run(
    rows: bool, tmp_path: Path
) -> None:
    whole, merged = journals(tmp_path, "whole", "merged")
    assert await attempt(whole.parent, SEEDS) == 40

    merge(merged, await shards(tmp_path), fresh=True, rows=rows)
    MEMOS.clear()

    assert len(made(merged, "discuss").examples) == (len(SEEDS) if rows else 0)
    assert await attempt(merged.parent, SEEDS) == 0
    assert MEMOS == []
    expected = {e.id: e for e in made(whole, "discuss").examples}
    assert {e.id: e for e in made(merged, "discuss").examples} == expected
    assert conversations(merged) == conversations(whole)
    if not rows:
        assert answers(merged, "discuss") == answers(whole, "discuss")  # in the order of the seeds


async def test_merging_again_changes_nothing(tmp_path: Path) -> None:
    a, b = await shards(tmp_path)
    merge(a, [b])
    before = content(a)
    merge(a, [b, b, a])
    assert content(a) == before


async def test_what_a_shard_has_added_since_is_merged_and_counted_once(tmp_path: Path) -> None:
    a, b = await shards(tmp_path)
    c, copy = journals(tmp_path, "c", "copy")
    shutil.copytree(b.parent, copy.parent)
    dollars = cost(a)
    merge(a, [b])
    await attempt(b.parent, [*HALVES["b"], Task(id="late", prompt="x")])
    dollars += cost(b)
    merge(a, [b, copy])  # the copy is older, and must not take anything back
    merge(c, [a, b, copy], fresh=True)

    for journal in (a, c):
        records = Records(journal)
        assert sum(total.sent for total in records.totals()) == 3 * 11
        assert records.sum_cost() == pytest.approx(dollars)
        assert [end.status for end in records.attempts()] == ["done"] * 3
        assert {row.task for row in records.rows("discuss", "example")} == {
            *(seed.id for seed in SEEDS), "late",
        }  # fmt: skip
        records.close()


async def test_of_an_attempt_that_went_on_the_later_sums_stay(tmp_path: Path) -> None:
    merged, shard, old = journals(tmp_path, "merged", "shard", "old")
    async with Bench(prepare(shard.parent), price=Price(input=1, output=2)) as bench:
        model = bench.model(Scripted(answer)).at("s", "t")
        await model.ask("question 1")
        with sqlite3.connect(shard) as there, sqlite3.connect(prepare(old.parent)) as copy:
            there.backup(copy)
        await model.ask("question 2")
    copy.close()
    there.close()
    for others, sent, status in (([old], 1, None), ([shard], 2, "done"), ([old], 2, "done")):
        merge(merged, others, fresh=True)
        records = Records(merged)
        assert [total.sent for total in records.totals()] == [sent]
        assert [attempt.status for attempt in records.attempts()] == [status]
        assert len(list(records.calls())) == sent
        records.close()


async def test_a_conversation_is_as_small_as_before(tmp_path: Path) -> None:
    def lengthy(call: Call) -> str:
        seed = f"{call.role} {len(call.request.messages)}".encode()
        return "".join(hashlib.sha256(seed + bytes([i])).hexdigest() for i in range(10))

    shard, merged = journals(tmp_path, "shard", "merged")
    async with Bench(prepare(shard.parent)) as bench:
        model = bench.model(Scripted(lengthy))
        sides = [model.at("s", "t", role) for role in ("a", "b")]
        histories: list[list[Message]] = [[user("Begin.")], []]
        for turn in range(80):
            line = await sides[turn % 2].ask(histories[turn % 2])
            histories[turn % 2].append(assistant(line))
            histories[1 - turn % 2].append(user(line))
    merge(merged, [shard], fresh=True)
    sizes = list[int]()
    for journal in (shard, merged):
        with sqlite3.connect(journal) as db:
            sizes += db.execute(
                "select sum(length(request) + length(text)) from effects"
            ).fetchone()
        db.close()
    assert sizes[1] == sizes[0]
    assert conversations(merged) == conversations(shard)


async def test_pictures_and_sound_come_along(tmp_path: Path) -> None:
    cat = Image(media_type="image/png", data=bytes(range(256)) * 40)
    sound = Audio(media_type="audio/wav", data=b"RIFF" + bytes(5_000))

    async def look(task: Task, teacher: Model) -> Example:
        return task.example(await teacher.ask(task.conversation))

    shard, merged = journals(tmp_path, "shard", "merged")
    seeds = [Task(id="t", prompt="What is it?", parts=(cat,))]
    await attempt(shard.parent, seeds, lambda call: Reply("a cat", media=(sound,)), defined(look))
    merge(merged, [shard], fresh=True)
    shutil.rmtree(shard.parent)
    records = Records(merged)
    assert [records.blob(part.sha256) for part in (cat, sound)] == [cat.data, sound.data]
    assert dict(records.media_types()) == {cat.sha256: "image/png", sound.sha256: "audio/wav"}
    (call,) = records.calls()
    assert records.messages(call)[0].media[0].sha256 == cat.sha256
    records.close()


async def test_a_task_has_the_rows_of_one_journal(tmp_path: Path) -> None:
    def row(task: str, ordinal: int, body: bytes, **fields: Any) -> Row:
        return Row("s", task, ordinal, fields.pop("kind", "example"), "", position(0), body)

    into, other = journals(tmp_path, "into", "other")
    there = [row("t", 0, b'"here"'), row("u", 0, b'"broken"', kind="failure")]
    theirs = [
        row("t", 0, b'"there"'), row("t", 1, b'"there"'), row("u", 1, b'"there"'),
        row("v", 0, b'"broken"', kind="failure"), row("", 0, b'"pool"'),
        row("", -1, b"{}", kind="end"),
    ]  # fmt: skip
    for path, rows in ((into, there), (other, theirs)):
        journal = SqliteJournal(prepare(path.parent))
        await journal.finish(rows)
        await journal.close("done")
    merge(into, [other])
    records = Records(into)
    rows = [(r.task, r.ordinal, r.body) for r in records.finished_rows()]
    assert rows == [
        ("", -1, b"{}"), ("", 0, b'"pool"'), ("t", 0, b'"here"'), ("u", 1, b'"there"'),
    ]  # fmt: skip
    assert not list(records.rows("s", "failure"))
    records.close()


async def test_a_failed_task_of_a_shard_is_tried_again(tmp_path: Path) -> None:
    def stumble(call: Call) -> Reply:
        if call.task == "t7":
            raise Rejected("400")
        return answer(call)

    await attempt(tmp_path / "a", HALVES["a"])
    await attempt(tmp_path / "b", HALVES["b"], stumble)
    (merged,) = journals(tmp_path, "merged")
    merge(merged, journals(tmp_path, "a", "b"), fresh=True)
    assert made(merged, "discuss").failures == []
    assert await attempt(merged.parent, SEEDS) == 4
    assert len(made(merged, "discuss").examples) == len(SEEDS)


async def test_a_step_over_the_pool_is_made_again_over_all_seeds(tmp_path: Path) -> None:
    method = defined(invent)
    (merged,) = journals(tmp_path, "merged")
    merge(merged, await shards(tmp_path, method), fresh=True)
    await attempt(merged.parent, SEEDS, method=method)
    questions = [e.messages[0].text for e in made(merged, "invent").examples]
    assert questions == [f"{i + 1} of 10" for i in range(10)]


@pytest.mark.parametrize("size", [1, 3_000])
async def test_neither_batches_nor_a_merge_that_was_cut_short_change_the_result(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = await shards(tmp_path)
    whole, cut = journals(tmp_path, "whole", "cut")
    merge(whole, others, fresh=True)

    monkeypatch.setattr(merging, "BATCH", size)
    merge(cut, [], fresh=True)
    for table, number in (("effects", 7), ("effects", 31), ("rows", 7)):
        with sqlite3.connect(cut) as db:
            db.execute(
                f"create trigger full before insert on {table} when "
                f"(select count(*) from {table}) = {number} begin select raise(abort, 'cut'); end"
            )
        db.close()
        with pytest.raises(RunFolderError, match=r"cut/journal.db"):
            merge(cut, others)
        with sqlite3.connect(cut) as db:
            db.execute("drop trigger full")
        db.close()
    merge(cut, others)

    assert conversations(cut) == conversations(whole)
    records = [Records(journal) for journal in (cut, whole)]
    assert list(records[0].finished_rows()) == list(records[1].finished_rows())
    assert records[0].totals() == records[1].totals()
    assert records[0].attempts() == records[1].attempts()
    for opened in records:
        opened.close()


SPOIL = {
    "a reply of step 'discuss', task 't0' was changed": "update effects set text = 'no' where id = 1",
    "a request of step 'discuss', task 't0' was changed": (
        "update effects set request = x'5b5d' where id = 1"
    ),
    "the row of step 'discuss', task 't1' was changed": (
        "update rows set body = x'7b7d' where task = 't1'"
    ),
    "attempt 9 is missing": "update origins set attempt = 9",
    "expected a journal of format": "pragma user_version = 77",
    "found another SQLite database": "pragma application_id = 0",
}


@pytest.mark.parametrize("complaint", SPOIL)
async def test_a_shard_that_is_damaged_or_foreign_is_named(complaint: str, tmp_path: Path) -> None:
    await attempt(tmp_path / "a", SEEDS[:2])
    a, merged, lost = journals(tmp_path, "a", "merged", "lost")
    with sqlite3.connect(a) as db:
        db.execute("drop table attempts") if "another" in complaint else None
        db.execute(SPOIL[complaint])
    db.close()
    with pytest.raises(RunFolderError, match=f"a/journal.db: .*{complaint}"):
        merge(merged, [a], fresh=True)
    with pytest.raises(RunFolderError, match=r"lost/journal.db: .*found no file"):
        merge(merged, [lost], fresh=True)
    with pytest.raises(RunFolderError, match=r"lost/journal.db: .*found no file"):
        merge(lost, [a])
    assert not lost.parent.exists()


async def test_a_folder_in_use_is_neither_read_nor_written(tmp_path: Path) -> None:
    a, b = await shards(tmp_path)
    before = content(a)
    for busy in (a, b):
        with hold(busy.parent), pytest.raises(RunFolderError, match="is in use by process"):
            merge(a, [b])
    assert content(a) == before
    merge(a, [b])


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunFolderError, match="expected a folder that can be written"):
        merge(tmp_path / "file" / "all" / "journal.db", [], fresh=True)
