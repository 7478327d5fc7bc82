"""A user's own layers, and a request that is written down once."""

import re
from pathlib import Path

import msgspec
import pytest
from harness import Bench, asked

import understudy
from understudy.providers.scripted import Scripted
from understudy.types import Call, Generate, Layer, Reply

SCRIPT = "def answer(call):\n    return f'mail to {call.task}@example.com'\n"


def logging(log: list[str]) -> Layer:
    def layer(generate: Generate) -> Generate:
        async def log_call(call: Call) -> Reply:
            reply = await generate(call)
            log.append(f"{call.role}/{call.draw}: {reply.text}")
            return reply

        return log_call

    return layer


def redacting(generate: Generate) -> Generate:
    async def redact(call: Call) -> Reply:
        turns = tuple(
            msgspec.structs.replace(turn, content=re.sub(r"\d+", "#", turn.text))
            for turn in call.request.messages
        )
        request = msgspec.structs.replace(call.request, messages=turns)
        return await generate(msgspec.structs.replace(call, request=request))

    return redact


def mocking(generate: Generate) -> Generate:
    async def mock(call: Call) -> Reply:
        return Reply(text="mocked") if "weather" in asked(call) else await generate(call)

    return mock


@pytest.fixture
def script(own_folder: None) -> None:
    Path("script.py").write_text(SCRIPT)


async def test_a_logging_layer_sees_every_call_of_a_run_also_those_of_the_journal(
    script: None,
) -> None:
    logs = list[list[str]]()
    for out in ("a", "b"):
        log = list[str]()
        reuse = {"reuse": ["a"]} if out == "b" else {}
        await understudy.run_async(
            seeds=[{"id": "t", "prompt": "who?"}], models={"teacher": "scripted:script.py:answer"},
            steps=[{"self_consistency": {"samples": 2, "shots": 0}}], out=out, layers=[logging(log)],
            **reuse,
        )  # fmt: skip
        logs.append(log)
    assert logs[0] == ["teacher/0: mail to t@example.com", "teacher/1: mail to t@example.com"]
    assert logs[1] == logs[0]


async def test_what_a_redacting_layer_takes_out_is_neither_sent_nor_kept(tmp_path: Path) -> None:
    provider = Scripted(lambda call: f"{call.draw}")
    async with Bench(tmp_path / "j.db") as bench:
        model = bench.model(provider).through(redacting).at("s", "t")
        await model.ask("my number is 12345")
    assert asked(provider.calls[0]) == "my number is #"
    assert b"12345" not in (tmp_path / "j.db").read_bytes()


async def test_two_requests_that_a_layer_makes_equal_keep_their_own_replies(tmp_path: Path) -> None:
    replies = iter("abcd")
    sessions = list[list[str]]()
    for order in ("12", "21"):
        async with Bench(tmp_path / "j.db") as bench:
            provider = Scripted(lambda call: next(replies))
            model = bench.model(provider).through(redacting).at("s", "t")
            texts = {number: await model.ask(f"call {number}") for number in order}
            sessions.append([texts["1"], texts["2"]])
    assert sessions == [["a", "b"], ["a", "b"]]


async def test_a_mocking_layer_answers_in_the_models_place(tmp_path: Path) -> None:
    provider = Scripted(["real"])
    async with Bench(tmp_path / "j.db") as bench:
        model = bench.model(provider).through(mocking).at("s", "t")
        assert [await model.ask("the weather?"), await model.ask("the time?")] == ["mocked", "real"]
        assert len(list(bench.journal.records.calls())) == 1


async def test_the_first_layer_is_outermost() -> None:
    outer, inner = list[str](), list[str]()
    model = understudy.Model.over("m", Scripted(["x"])).through(logging(outer), mocking)
    await model.ask("weather")
    await model.through(mocking, logging(inner)).ask("weather")
    assert (len(outer), len(inner)) == (1, 0)
