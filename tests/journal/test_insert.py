"""Each text, turn and picture is written once."""

import asyncio
from pathlib import Path

from effects import effect
from harness import Bench
from talks import LENGTH, TURNS, lengthy, talk

from understudy.journal.read import Records
from understudy.journal.rows import Row
from understudy.journal.write import SqliteJournal
from understudy.providers.scripted import Scripted
from understudy.types import assistant, system, user


async def test_sums_are_kept_by_attempt_step_role_and_model(tmp_path: Path) -> None:
    for _ in range(2):
        journal = SqliteJournal(tmp_path / "j.db")
        number = 10 * journal.attempt
        await journal.put([effect(number + i) for i in range(3)])
        await journal.put(
            [effect(number + 3, cost=None), effect(number + 4, sent=False, cost=None)]
        )
        await journal.put([effect(number + 5, model="n"), effect(number + 6, source="other.db")])
        await journal.close("done")
    records = Records(tmp_path / "j.db")
    totals = [t for t in records.totals() if t.model == "m"]
    assert [(t.attempt, t.sent, t.reused, t.tokens_in, t.tokens_out) for t in totals] == [
        (1, 4, 1, 10, 15),
        (2, 4, 1, 10, 15),
    ]
    assert [(t.cost, t.unpriced) for t in totals] == [(1.5, 1), (1.5, 1)]
    assert records.sum_cost() == 4.0
    records.close()


async def test_the_first_reply_to_a_key_stays(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    await journal.put([effect(1, text="first")])
    await journal.put([effect(1, text="second"), effect(2, text="other")])
    await journal.put([effect(3, text="x"), effect(3, text="y")])
    assert {call.task: call.text for call in journal.records.calls()} == {
        "t1": "first", "t2": "other", "t3": "x",
    }  # fmt: skip
    await journal.close("done")


async def test_forgotten_rows_go_with_the_write_that_replaces_them(tmp_path: Path) -> None:
    def row(label: str, task: str, ordinal: int = 0, content: bytes = b"old") -> Row:
        return Row(label, task, ordinal, "example", "", b"", b"{}", content)

    journal = SqliteJournal(tmp_path / "j.db")
    await journal.finish([row("a", "t1"), row("a", "t1", 1), row("a", "t2"), row("b", "t1#1")])
    assert journal.records.find_changed_tasks("a", {"t1": b"new", "t2": b"old"}) == {"t1"}
    await journal.finish([row("a", "t1", content=b"new")], [("a", "t1"), ("b", "t1#1")])
    left = [(r.step, r.task, r.ordinal) for s in "ab" for r in journal.records.rows(s, "example")]
    assert sorted(left) == [("a", "t1", 0), ("a", "t2", 0)]
    assert journal.records.find_changed_tasks("a", {"t1": b"new", "t2": b"old"}) == set()
    await journal.close("done")


async def test_a_conversation_takes_at_most_three_bytes_per_byte_of_text(tmp_path: Path) -> None:
    conversations = 10
    async with Bench(tmp_path / "j.db") as bench:
        model = bench.model(Scripted(lengthy))
        await asyncio.gather(
            *(
                talk(model.at("s", f"t{i}", "a"), model.at("s", f"t{i}", "b"))
                for i in range(conversations)
            )
        )
    text = conversations * 2 * TURNS * LENGTH
    assert (tmp_path / "j.db").stat().st_size <= 3 * text


async def test_a_shared_beginning_is_written_once(tmp_path: Path) -> None:
    exemplars = [system("Be brief."), user("q" * 2000), assistant("a" * 2000)]
    async with Bench(tmp_path / "j.db") as bench:
        model = bench.model(Scripted(lambda call: "yes"))
        for i in range(100):
            await model.at("s", f"t{i}").ask([*exemplars, user(f"question {i}")])
        calls = list(bench.journal.records.calls())
        assert bench.journal.records.messages(calls[-1])[-1] == user("question 99")
    assert (tmp_path / "j.db").stat().st_size < 300_000  # 400,000 for the exemplars alone
