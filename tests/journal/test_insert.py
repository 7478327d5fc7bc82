"""Each text, turn and picture is written once."""

import asyncio
from pathlib import Path

import pytest
from effects import effect
from harness import Bench
from talks import LENGTH, TURNS, lengthy, talk

from understudy.journal.connect import connect_reader
from understudy.journal.effect import Effect
from understudy.journal.insert import SHORT
from understudy.journal.keys import canonical
from understudy.journal.read import Records
from understudy.journal.rows import Row
from understudy.journal.write import SqliteJournal
from understudy.providers.scripted import Scripted
from understudy.types import Image, Message, Request, assistant, system, user


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


async def put(path: Path, *effects: Effect) -> None:
    journal = SqliteJournal(path)
    await journal.put(effects)
    await journal.close("done")


def select(path: Path, query: str) -> list[tuple[object, ...]]:
    db = connect_reader(path)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


def say(number: int, reply: str, *turns: Message) -> Effect:
    return effect(number, text=reply, request=canonical(Request(model="m", messages=turns)))


LONG = "a reply that is long enough to be worth a reference, and then a little longer"


@pytest.mark.parametrize(("text", "named"), [(LONG, True), (LONG[:SHORT], False)])
async def test_a_turn_that_repeats_a_reply_names_it_where_the_text_is_long(
    text: str, named: bool, tmp_path: Path
) -> None:
    path = tmp_path / "j.db"
    await put(path, say(1, text, user("x")), say(2, "no", user("x"), assistant(text), user("y")))
    ((request,),) = select(path, "select request from effects where id = 2")
    assert isinstance(request, bytes)
    assert (b'"reply":1' in request) is named
    assert (text.encode() in request) is not named


async def test_what_an_earlier_attempt_wrote_is_known(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    await put(path, say(1, LONG, user("x")))
    await put(path, say(2, "no", user("x"), assistant(LONG), user("y")))
    ((parent, shared, request),) = select(
        path, "select parent, shared, request from effects where id = 2"
    )
    assert (parent, shared) == (1, 1)
    assert isinstance(request, bytes)
    assert b'"reply":1' in request
    assert select(path, "select count(*) from heads") == [(1,)]


async def test_an_effect_that_is_there_already_does_not_shift_the_references_of_others(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.db"
    turns = user("x"), assistant(LONG), user("y")
    journal = SqliteJournal(path)
    await journal.put([say(1, "first", user("a"))])
    await journal.put([say(1, "again", user("a")), say(2, LONG, user("x")), say(3, "no", *turns)])
    calls = {call.task: call for call in journal.records.calls()}
    assert journal.records.messages(calls["t3"]) == turns
    await journal.close("done")


async def test_who_and_settings_are_written_once_for_many_effects(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    await put(path, *(say(i, "x", user(f"q{i}")) for i in range(20)), effect(20, role="other"))
    assert select(path, "select count(*) from origins") == [(2,)]
    assert select(path, "select count(*) from heads") == [(1,)]


async def test_a_picture_is_written_once_and_only_with_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    cat = Image(media_type="image/png", data=b"\x89PNG")
    journal = SqliteJournal(path)
    await journal.put([effect(i, media=(cat, Image(sha256="00"))) for i in range(3)])
    await journal.finish([Row("s", "t", 0, "example", "", b"", b"{}", media=(cat,))])
    await journal.close("done")
    assert select(path, "select sha256, media_type, bytes from blobs") == [
        (cat.sha256, "image/png", cat.data)
    ]


async def test_a_row_takes_the_place_of_the_earlier_of_its_step_task_and_ordinal(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.db"
    journal = SqliteJournal(path)
    for body in (b'"first"', b'"second"'):
        await journal.finish([Row("s", "t", i, "example", "", b"", body) for i in range(2)])
    assert [row.body for row in journal.records.rows("s", "example")] == [b'"second"'] * 2
    await journal.close("done")


async def test_what_nobody_bills_is_not_in_the_sums(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    await journal.put([effect(1, kind="memo", usage=None, cost=None)])
    assert list(journal.records.totals()) == []
    await journal.close("done")
