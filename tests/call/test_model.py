"""The handle a method holds."""

# ruff: noqa: E501 -- prompts and messages stand here as they are printed

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest
from harness import Bench, asked
from inline_snapshot import snapshot
from pydantic import BaseModel, Field

from understudy.call.model import Model, gather
from understudy.errors import Rejected, Unparsable
from understudy.providers.scripted import Scripted
from understudy.types import Call, Message, Reply, Sampling, Token, assistant, system, user


def model(script: Any, **fields: Any) -> tuple[Model, Scripted]:
    """A model straight over its provider."""
    provider = Scripted(script)
    return Model.over("m", provider, **fields), provider


async def test_ask_sends_one_user_message_and_gives_the_text() -> None:
    m, provider = model(["hello"])
    assert await m.ask("hi") == "hello"
    assert provider.calls[0].request.messages == (user("hi"),)


async def test_a_conversation_is_sent_as_it_is() -> None:
    m, provider = model(["x"])
    turns = [system("be brief"), user("hi"), assistant("hello"), user("bye")]
    await m.chat(turns)
    assert provider.calls[0].request.messages == tuple(turns)


async def test_chat_gives_the_whole_reply_and_passes_logprobs_and_tools_on() -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    m, provider = model([Reply(text="x", reasoning="hm")])
    assert (await m.chat("hi", logprobs=3, tools=[tool])).reasoning == "hm"
    assert (provider.calls[0].request.logprobs, provider.calls[0].request.tools) == (3, (tool,))


async def test_what_a_request_leaves_open_the_model_fills_in() -> None:
    own = Sampling(temperature=0.9, top_p=0.5, stop=("\n",))
    m, provider = model(["x", "x"], sampling=own, extra={"effort": "low"})
    await m.ask("hi", Sampling(temperature=0.0, max_tokens=5))
    await m.ask("hi")
    first, second = (call.request for call in provider.calls)
    assert first.sampling == Sampling(temperature=0.0, top_p=0.5, max_tokens=5, stop=("\n",))
    assert second.sampling == own
    assert first.extra == {"effort": "low"}


async def test_samples_and_repeated_questions_are_numbered_as_one_series() -> None:
    m, provider = model(lambda call: str(call.draw))
    replies = [*await m.sample("x", 3), await m.chat("x"), *await m.sample("y", 2)]
    replies += await m.sample("x", 2)
    assert [reply.text for reply in replies] == ["0", "1", "2", "3", "0", "1", "4", "5"]
    assert await m.sample("x", 0) == []
    assert [(call.draw, call.n) for call in provider.calls] == [(0, 3), (3, 1), (0, 2), (4, 2)]


async def test_what_differs_in_any_setting_is_numbered_apart() -> None:
    m, _ = model(lambda call: str(call.draw))
    cold = Sampling(temperature=0.0)
    assert [await m.ask("x"), await m.ask("x", cold), await m.ask("x")] == ["0", "0", "1"]
    assert (await m.chat("x", logprobs=0)).text == "0"


async def test_another_unit_of_work_counts_from_zero_and_keeps_the_role() -> None:
    m, provider = model(lambda call: str(call.draw), role="critic")
    assert [await m.ask("x"), await m.at("s", "t").ask("x")] == ["0", "0"]
    assert [(c.step, c.task, c.role) for wire in provider.calls for c in wire.calls] == [
        ("", "", "critic"),
        ("s", "t", "critic"),
    ]


# parse


class Person(BaseModel):
    name: str
    age: int = Field(ge=0)


SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name", "age"],
}


async def test_a_pydantic_model_is_asked_for_and_comes() -> None:
    m, provider = model(['Sure:\n```json\n{"name": "Ada", "age": 36}\n```'])
    assert await m.parse("Who?", Person) == Person(name="Ada", age=36)
    assert provider.calls[0].request.schema == Person.model_json_schema()


async def test_a_json_schema_is_asked_for_and_json_comes() -> None:
    m, provider = model(['{"name": "Ada", "age": 36}'])
    assert await m.parse("Who?", SCHEMA) == {"name": "Ada", "age": 36}
    assert provider.calls[0].request.schema == SCHEMA


@pytest.mark.parametrize("schema", [Person, SCHEMA], ids=["pydantic", "schema"])
async def test_a_reply_that_fails_is_shown_to_the_model_with_the_complaint(schema: Any) -> None:
    m, provider = model(
        ['{"name": "Ada", "age": -1}', "no JSON at all", '{"name": "Ada", "age": 36}']
    )
    found = await m.parse("Who?", schema)
    assert getattr(found, "age", None) == 36 or found["age"] == 36
    turns = provider.calls[2].request.messages
    assert [turn.role for turn in turns] == ["user", "assistant", "user", "assistant", "user"]
    assert turns[1].text == '{"name": "Ada", "age": -1}'
    assert "age" in turns[2].text
    assert turns[3].text == "no JSON at all"
    assert len({call.request.schema is None for call in provider.calls}) == 1


async def test_the_correction_turn_reads_so() -> None:
    m, provider = model(['{"name": "Ada", "age": "old"}', '{"name": "Ada", "age": 36}'])
    await m.parse("Who?", Person)
    assert provider.calls[1].request.messages[-1].text == snapshot("""\
That cannot be used: age: Input should be a valid integer, unable to parse string as an integer.
Reply again with the corrected JSON only.\
""")


async def test_no_reply_that_passes_is_unparsable_after_the_corrections() -> None:
    m, provider = model(["nope"] * 9, role="judge")
    with pytest.raises(Unparsable) as raised:
        await m.parse("Who?", Person, corrections=1)
    assert len(provider.calls) == 2
    assert str(raised.value) == snapshot(
        "judge: expected JSON of the given schema, found after 2 replies: expected JSON, found 'nope' Allow more `corrections` or tokens, or ask for less at once."
    )


async def test_a_reply_that_was_cut_off_is_said_to_be() -> None:
    m, provider = model([Reply(text='{"name": "A', stop="length"), '{"name": "Ada", "age": 36}'])
    await m.parse("Who?", Person)
    assert (
        "The reply was cut off after 11 characters." in provider.calls[1].request.messages[-1].text
    )


async def test_correction_turns_are_kept_like_any_call(tmp_path: Path) -> None:
    for script in (["nope", "{}", '{"name": "Ada", "age": 36}'], []):
        async with Bench(tmp_path / "j.db") as bench:
            bound = bench.model(Scripted(script)).at("s", "t")
            assert await bound.parse("Who?", Person) == Person(name="Ada", age=36)
            assert len(list(bench.journal.records.calls())) == 3


# choose and score


def first_token(*top: tuple[str, float]) -> Reply:
    alternatives = tuple((text, math.log(p)) for text, p in top)
    return Reply(text=top[0][0], logprobs=(Token(top[0][0], alternatives[0][1], alternatives),))


async def test_choose_gives_the_probabilities_of_the_first_token() -> None:
    m, provider = model([first_token(("A", 0.5), (" A", 0.1), ("B", 0.2), ("C", 0.2))])
    found = await m.choose("A or B?", ["A", "B"])
    assert found == pytest.approx({"A": 0.75, "B": 0.25})
    request = provider.calls[0].request
    assert (request.sampling.max_tokens, request.logprobs) == (1, 20)


async def test_choose_counts_an_option_that_is_not_listed_as_zero() -> None:
    m, _ = model([first_token(("A", 0.5))])
    assert await m.choose("?", ["A", "B"]) == {"A": 1.0, "B": 0.0}


async def test_choose_uses_the_drawn_token_where_no_alternatives_came() -> None:
    m, _ = model([Reply(text="B", logprobs=(Token("B", -0.1),))])
    assert await m.choose("?", ["A", "B"]) == {"A": 0.0, "B": 1.0}


@pytest.mark.parametrize(
    "reply", [Reply(text="A"), Reply(text="A", logprobs=()), first_token(("Z", 1.0))]
)
async def test_choose_refuses_where_there_is_nothing_to_go_by(reply: Reply) -> None:
    m, _ = model([reply])
    with pytest.raises(Rejected):
        await m.choose("?", ["A", "B"])


async def test_score_gives_the_tokens_of_the_continuation_alone() -> None:
    tokens = (Token("The", -1.0), Token(" sky", -2.0), Token(" is b", -3.0), Token("lue", -4.0))
    m, provider = model([Reply(logprobs=tokens)] * 3)
    assert await m.score("The sky is", " blue") == tokens[2:]  # one token straddles the border
    assert await m.score("The sky", " is blue") == tokens[2:]  # and here none does
    assert await m.score("The sky is blue") == tokens
    request = provider.calls[0].request
    assert (request.prompt, request.messages, request.echo) == ("The sky is blue", (), True)
    assert request.sampling == Sampling(max_tokens=0, temperature=0.0)


async def test_score_refuses_where_the_endpoint_cannot() -> None:
    m, _ = model([Reply(text="x")])
    with pytest.raises(Rejected, match="gave no log-probabilities for a given text"):
        await m.score("x")


# gather


async def test_gather_gives_results_in_the_order_given() -> None:
    async def late(call: Call) -> str:
        for _ in range(10 - int(asked(call))):
            await asyncio.sleep(0)
        return asked(call)

    m, _ = model(late)
    assert await gather(m.ask(str(i)) for i in range(10)) == [str(i) for i in range(10)]
    assert await gather([]) == []


async def test_gather_raises_the_first_failure_only_when_all_have_ended(tmp_path: Path) -> None:
    async def mixed(call: Call) -> str:
        if asked(call) in "12":
            raise Rejected(asked(call))
        for _ in range(20):
            await asyncio.sleep(0)
        return asked(call)

    async with Bench(tmp_path / "j.db") as bench:
        bound = bench.model(Scripted(mixed)).at("s", "t")
        with pytest.raises(Rejected, match=r"^1$"):
            await gather(bound.ask(str(i)) for i in range(5))
        assert len(list(bench.journal.records.calls())) == 3  # paid for, and kept


async def test_gather_passes_a_cancellation_on() -> None:
    ended = list[int]()

    async def wait(number: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(number)

    going = asyncio.ensure_future(gather(wait(i) for i in range(3)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert ended == [0, 1, 2]


def test_a_model_shows_no_more_than_its_name() -> None:
    m, _ = model(["x"])
    assert "generate" not in repr(m)
    assert Message("user", "x").text == "x"
