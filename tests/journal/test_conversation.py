"""A conversation is written as it grows, and digested as it grows."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import Bench

from understudy.call.model import Model
from understudy.journal import keys
from understudy.journal.keys import canonical
from understudy.journal.read import Records
from understudy.providers.scripted import Scripted
from understudy.types import Call, Message, Request, ToolCall, assistant, system, user

TURNS, LENGTH = 40, 650


def lengthy(call: Call) -> str:
    """A reply of 650 characters that comes once."""
    seed = f"{call.task} {call.role} {len(call.request.messages)}".encode()
    text = "".join(hashlib.sha256(seed + bytes([i])).hexdigest() for i in range(11))
    return text[:LENGTH]


async def talk(a: Model, b: Model, turns: int = TURNS) -> None:
    """Two agents: what one says is the user's turn of the other."""
    heard: list[Message] = [user("Begin.")]
    told: list[Message] = []
    for _ in range(turns):
        line = await a.ask(heard)
        heard.append(assistant(line))
        told.append(user(line))
        answer = await b.ask(told)
        told.append(assistant(answer))
        heard.append(user(answer))


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


async def test_a_shared_beginning_is_written_once(tmp_path: Path) -> None:
    exemplars = [system("Be brief."), user("q" * 2000), assistant("a" * 2000)]
    async with Bench(tmp_path / "j.db") as bench:
        model = bench.model(Scripted(lambda call: "yes"))
        for i in range(100):
            await model.at("s", f"t{i}").ask([*exemplars, user(f"question {i}")])
        calls = list(bench.journal.records.calls())
        assert bench.journal.records.messages(calls[-1])[-1] == user("question 99")
    assert (tmp_path / "j.db").stat().st_size < 300_000  # 400,000 for the exemplars alone


@pytest.fixture
def digests(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many digests were made since the last time."""
    count = 0

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        return hashlib.blake2b(*args, **options)

    monkeypatch.setattr(keys, "blake2b", counted)

    def since() -> int:
        nonlocal count
        n, count = count, 0
        return n

    return since


def test_the_digests_per_call_do_not_grow_with_the_conversation(
    digests: Callable[[], int],
) -> None:
    turns: list[Message] = []
    counts = list[int]()
    for i in range(80):
        turns += [user(f"question {i}"), assistant(f"answer {i}"), user(f"why {i}?")]
        canonical(Request(model="m", messages=tuple(turns)))
        counts.append(digests())
    assert set(counts[1:]) == {5}  # three new turns, the last one before, the whole
    rebuilt = tuple(Message(turn.role, str(turn.content)) for turn in turns)
    canonical(Request(model="m", messages=rebuilt))
    assert digests() == 2  # equal messages are known, not only the same objects


def test_a_turn_is_another_after_other_turns() -> None:
    one = canonical(Request(model="m", messages=(user("a"), user("c"))))
    other = canonical(Request(model="m", messages=(user("b"), user("c"))))
    assert one.turns[1].hash != other.turns[1].hash
    assert one.hash != other.hash
