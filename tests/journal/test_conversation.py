"""The turns of a request, read again from what was written of them."""

from pathlib import Path

from harness import Bench
from talks import lengthy, talk

from understudy.journal.keys import canonical
from understudy.journal.read import Records
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
