"""The shipped fake."""

from typing import Any

import pytest

from understudy.errors import ConfigError, Unavailable
from understudy.providers.negotiate import Features
from understudy.providers.scripted import Scripted
from understudy.types import (
    Call,
    Reply,
    Request,
    Sampling,
    Usage,
    WireCall,
    user,
)


def call(n: int = 1, **sampling: Any) -> WireCall:
    messages = (user("one two three"),)
    request = Request(model="m", messages=messages, sampling=Sampling(**sampling))
    return WireCall.of(Call(step="s", task="t", request=request), n)


async def test_a_function_is_asked_once_per_draw() -> None:
    model = Scripted(lambda call: f"draw {call.draw}")
    replies = await model(WireCall.of(Call(draw=4, request=Request(model="m")), 3))
    assert [reply.text for reply in replies] == ["draw 4", "draw 5", "draw 6"]
    assert [c.n for c in model.calls] == [3]


async def test_a_function_may_be_async_and_may_answer_several_draws() -> None:
    async def answers(call: Call) -> list[str]:
        return ["a", "b"] if call.draw == 0 else ["c", "never"]

    model = Scripted(answers)
    assert [reply.text for reply in await model(call(n=3))] == ["a", "b", "c"]
    await model.close()


async def test_a_list_is_used_in_order_and_says_when_it_is_exhausted() -> None:
    model = Scripted(["a", Reply(text="b", stop="length")])
    assert (await model(call()))[0].text == "a"
    assert (await model(call()))[0].stop == "length"
    with pytest.raises(
        ConfigError, match=r"holds 2 answers, and all were used.*step 's', task 't'"
    ):
        await model(call())


async def test_it_fails_on_command() -> None:
    def raises(call: Call) -> str:
        raise Unavailable("raised")

    model = Scripted([Unavailable("returned"), "a"], fail_on={2: Unavailable("second")})
    with pytest.raises(Unavailable, match="returned"):
        await model(call())
    with pytest.raises(Unavailable, match="second"):
        await model(call())
    assert (await model(call()))[0].text == "a"
    assert len(model.calls) == 3
    with pytest.raises(Unavailable, match="raised"):
        await Scripted(raises)(call())


async def test_words_are_counted_as_tokens_on_the_first_reply() -> None:
    model = Scripted(lambda call: Reply(text="a b", reasoning="c"))
    first, second = await model(call(n=2))
    assert first.usage == Usage(tokens_in=3, tokens_out=6, reasoning=2)
    assert second.usage == Usage()


async def test_a_reply_that_comes_counted_is_left_alone() -> None:
    reply = Reply(text="a b", usage=Usage(tokens_in=7))
    assert await Scripted([reply])(call()) == [reply]


async def test_stop_strings_and_max_tokens_are_kept_to() -> None:
    model = Scripted(lambda call: "one two\nthree END four")
    assert (await model(call(stop=("END", "\n"))))[0].text == "one two"
    cut = (await model(call(max_tokens=3)))[0]
    assert (cut.text, cut.stop) == ("one two\nthree", "length")
    assert (await model(call(max_tokens=0)))[0].text == ""
    assert (await model(call(max_tokens=9)))[0].stop == "end"


async def test_an_endpoint_that_ignores_n_is_played_on_request() -> None:
    model = Scripted(lambda call: str(call.draw), features=Features(n=False))
    assert [reply.text for reply in await model(call(n=5))] == ["0"]


@pytest.mark.parametrize("bad", [[[]], [None]])
async def test_a_script_without_an_answer_is_an_error(bad: list[Any]) -> None:
    with pytest.raises(ConfigError):
        await Scripted(bad)(call())
