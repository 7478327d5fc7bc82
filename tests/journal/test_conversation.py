"""The turns of a request, read again from what was written of them."""

import sqlite3
from pathlib import Path

import pytest
from effects import effect
from harness import Bench
from talks import lengthy, talk

from understudy.errors import RunFolderError
from understudy.journal.connect import connect_reader
from understudy.journal.conversation import read_messages
from understudy.journal.keys import canonical
from understudy.journal.read import Records
from understudy.journal.write import SqliteJournal
from understudy.providers.scripted import Scripted
from understudy.types import Call, Message, Request, ToolCall, user


async def test_every_request_is_read_back_as_it_was_asked(tmp_path: Path) -> None:
    asked: dict[tuple[str, str, int], tuple[Message, ...]] = {}

    def remember(call: Call) -> str:
        asked[call.task, call.role, len(call.request.messages)] = call.request.messages
        return lengthy(call)

    for attempt in range(2):  # the second goes on from what the first one wrote
        async with Bench(tmp_path / "j.db") as bench:
            model = bench.model(Scripted(remember))
            await talk(model.at("s", "t", "a"), model.at("s", "t", "b"), 3 + 3 * attempt)
    records = Records(tmp_path / "j.db")
    calls = {(c.task, c.role, len(records.messages(c))): c for c in records.calls()}
    assert {key: records.messages(call) for key, call in calls.items()} == asked
    assert {key: records.request_hash(call) for key, call in calls.items()} == {
        key: canonical(Request(model="", messages=turns)).hash for key, turns in asked.items()
    }
    records.close()


async def test_a_message_that_repeats_a_reply_keeps_its_other_fields(tmp_path: Path) -> None:
    async with Bench(tmp_path / "j.db") as bench:
        model = bench.model(Scripted(lengthy)).at("s", "t")
        text = await model.ask("x")
        turns = [
            user("x"),
            Message("assistant", text, tool_calls=(ToolCall("1", "look", "{}"),)),
            Message("tool", text, tool_call_id="1"),
        ]
        await model.ask(turns)
        last = list(bench.journal.records.calls())[-1]
        assert bench.journal.records.messages(last) == tuple(turns)


async def write_talk(path: Path) -> None:
    """A conversation of three effects, each of which goes on from the one before."""
    async with Bench(path) as bench:
        model = bench.model(Scripted(lengthy)).at("s", "t")
        turns: list[Message] = []
        for question in ("a", "b", "c"):
            turns.append(user(question))
            turns.append(Message("assistant", await model.ask(turns)))


async def test_an_effect_of_another_kind_has_no_turns(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    await journal.put([effect(1)])
    await journal.close("done")
    db = connect_reader(tmp_path / "j.db")
    assert read_messages(db, 1) == ((), b"")
    assert read_messages(db, 99) == ((), b"")
    db.close()


async def test_a_later_request_names_the_earlier_one_and_its_replies(tmp_path: Path) -> None:
    await write_talk(tmp_path / "j.db")
    db = connect_reader(tmp_path / "j.db")
    rows = db.execute("select parent, shared, request from effects order by id").fetchall()
    assert [(parent, shared) for parent, shared, _ in rows] == [(None, 0), (1, 1), (2, 3)]
    assert all(b'"reply":' in request for _, _, request in rows[1:])
    messages, digest = read_messages(db, 3)
    assert [turn.text[:1] for turn in messages if turn.role == "user"] == ["a", "b", "c"]
    assert digest == canonical(Request(model="", messages=messages)).turns[-1].hash
    db.close()


@pytest.mark.parametrize(
    "damage",
    [
        "update effects set parent = 3 where id = 3",
        "update effects set parent = 3 where id = 2",
        "update effects set parent = 99 where id = 3",
        "update effects set parent = 1 where id = 3",
        "update effects set shared = 1 where id = 3",
        "update effects set chain = x'00' where id = 3",
        "update effects set request = replace(request, '\"reply\":2', '\"reply\":1') where id = 3",
    ],
)
async def test_a_damaged_reference_ends_and_is_told_by_the_digest(
    damage: str, tmp_path: Path
) -> None:
    await write_talk(tmp_path / "j.db")
    db = sqlite3.connect(tmp_path / "j.db")
    db.execute(damage)
    assert db.total_changes == 1
    db.commit()
    db.close()
    records = Records(tmp_path / "j.db")
    last = list(records.calls())[-1]
    with pytest.raises(RunFolderError, match="a request of step 's', task 't' was changed"):
        records.messages(last)
    records.close()
