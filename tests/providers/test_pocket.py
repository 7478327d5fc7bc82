"""The built-in model as a provider."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tiny_pocket import CONTEXT, folder

from understudy.call.budget import Prices
from understudy.errors import ConfigError, ContextOverflow, Rejected, Unavailable
from understudy.providers.connect import connect, parse
from understudy.providers.pocket import Pocket
from understudy.types import (
    Call,
    Image,
    Message,
    Request,
    Sampling,
    Token,
    ToolCall,
    Usage,
    WireCall,
    assistant,
    system,
    user,
)


def call(text: str = "hello", n: int = 1, draw: int = 0, **fields: Any) -> WireCall:
    sampling = Sampling(**{"max_tokens": 12} | fields.pop("sampling", {}))
    messages = () if "prompt" in fields else fields.pop("messages", (user(text),))
    request = Request(model="pocket", messages=messages, sampling=sampling, **fields)
    return WireCall.of(Call(draw=draw, request=request), n)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return folder(tmp_path / "weights")


async def texts(pocket: Pocket, wanted: WireCall) -> list[str]:
    return [reply.text for reply in await pocket(wanted)]


async def test_replies_come_with_counts_on_the_first(weights: Path) -> None:
    pocket = Pocket(folder=weights)
    first, second = await pocket(call("hello", n=2))
    assert first.model == second.model == "pocket"
    assert first.usage is not None
    assert first.usage.tokens_in == 4  # role, one merged word, end of turn, role
    assert 2 <= first.usage.tokens_out <= 24
    assert second.usage == Usage()
    assert first.logprobs is None
    await pocket.close()


async def test_a_draw_is_the_same_in_every_run_and_however_it_is_asked_for(weights: Path) -> None:
    one, other = Pocket(folder=weights), Pocket(folder=weights)
    together = await texts(one, call(n=5))
    apart = [(await texts(other, call(draw=i)))[0] for i in range(5)]
    assert together == apart
    assert len(set(together)) > 1
    assert await texts(one, call(sampling={"seed": 0})) == together[:1]
    assert await texts(one, call(sampling={"seed": 1})) != together[:1]
    await one.close()
    await other.close()


async def test_the_student_is_another_model(weights: Path) -> None:
    teacher, student = Pocket(folder=weights), Pocket("pocket:student", folder=weights)
    assert await texts(teacher, call(n=3)) != await texts(student, call(n=3))
    await teacher.close()
    await student.close()


async def test_logprobs_and_alternatives_come_when_asked_for(weights: Path) -> None:
    pocket = Pocket(folder=weights)
    (reply,) = await pocket(call(logprobs=2))
    assert reply.logprobs
    assert all(len(token.top) == 2 for token in reply.logprobs)
    (without,) = await pocket(call(logprobs=0))
    assert [token.logprob for token in without.logprobs or ()] == pytest.approx(
        [token.logprob for token in reply.logprobs], abs=1e-5
    )
    assert without.text == reply.text
    await pocket.close()


async def test_a_given_text_is_scored(weights: Path) -> None:
    pocket = Pocket(folder=weights)
    asked = call(prompt="hello \u00fc", echo=True, logprobs=1, sampling={"max_tokens": 0})
    (reply,) = await pocket(asked)
    assert reply.text == "hello \u00fc"
    assert reply.logprobs is not None
    assert reply.logprobs[0] == Token("hello", 0.0)
    assert [token.text for token in reply.logprobs] == ["hello", " ", "", "\u00fc"]
    assert reply.usage == Usage(tokens_in=4)
    (longer,) = await pocket(call(prompt="hello \u00fc", echo=True, logprobs=1))
    assert longer.text.startswith("hello \u00fc")
    assert (longer.logprobs or ())[:4] == reply.logprobs
    (unscored,) = await pocket(call(prompt="hello", echo=True))
    assert unscored.text.startswith("hello")
    assert unscored.logprobs is None
    await pocket.close()


async def test_a_prompt_is_continued_without_a_chat_around_it(weights: Path) -> None:
    pocket = Pocket(folder=weights)
    (reply,) = await pocket(call(prompt="hello"))
    assert reply.usage is not None
    assert reply.usage.tokens_in == 1
    await pocket.close()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tools": ({"type": "function"},)}, "knows no tools"),
        ({"messages": (Message("tool", "x"),)}, "knows no tools"),
        ({"messages": (Message("assistant", "", (ToolCall("1", "f"),)),)}, "knows no tools"),
        ({"messages": (user("x", Image(url="http://x")),)}, "knows no images or sound"),
        ({"sampling": {"temperature": -1.0}}, "temperature: expected"),
        ({"sampling": {"logit_bias": {"the": 1.0}}}, "logit_bias: expected token ids"),
    ],
)
async def test_what_it_cannot_do_is_refused(
    fields: dict[str, Any], message: str, weights: Path
) -> None:
    pocket = Pocket(folder=weights)
    with pytest.raises(Rejected, match=message):
        await pocket(call(**fields))
    await pocket.close()


async def test_a_prompt_beyond_the_context_overflows(weights: Path) -> None:
    pocket = Pocket(folder=weights)
    with pytest.raises(ContextOverflow, match=f"maximum context length is {CONTEXT} tokens"):
        await pocket(call("x" * 200))
    await pocket.close()


async def test_schema_and_extra_are_passed_over_and_said_once(weights: Path) -> None:
    said = list[str]()
    pocket = Pocket(folder=weights, notice=said.append)
    for _ in range(2):
        await pocket(call(schema={"type": "object"}))
        await pocket(call(extra={"effort": "low"}))
    assert said == [
        "pocket ignores the JSON Schema of a request.",
        "pocket has no settings of its own and ignores `extra`: effort.",
    ]
    assert pocket.features.schema == "ignored"
    await pocket.close()


async def test_a_conversation_may_have_all_roles(weights: Path) -> None:
    pocket = Pocket(folder=weights)
    messages = (system("a"), user("b"), assistant("c"), user("d"))
    (reply,) = await pocket(call(messages=messages))
    assert reply.usage is not None
    assert reply.usage.tokens_in == 13
    await pocket.close()


@pytest.mark.parametrize(("threshold", "warned"), [(0.01, True), (1000.0, False), (None, False)])
async def test_prompts_far_outside_its_training_are_warned_of_once(
    threshold: float | None, warned: bool, tmp_path: Path
) -> None:
    said = list[str]()
    card = {} if threshold is None else {"prompt_nll_threshold": threshold}
    pocket = Pocket(folder=folder(tmp_path / "w", card), notice=said.append)
    for i in range(3):
        await pocket(call(f"hello {i}"))
    assert said == []  # three odd prompts are no odd run yet
    for i in range(9):
        await pocket(call(f"there {i}"))
    await pocket.close()
    assert len(said) == warned
    assert all("tiny demonstration model" in text and "expect nonsense" in text for text in said)


async def test_a_short_run_is_judged_at_its_end(tmp_path: Path) -> None:
    said = list[str]()
    weights = folder(tmp_path / "w", {"prompt_nll_threshold": 0.01})
    pocket = Pocket(folder=weights, notice=said.append)
    await pocket(call())
    assert not said
    await pocket.close()
    assert len(said) == 1


async def test_only_the_first_prompts_are_judged(tmp_path: Path) -> None:
    pocket = Pocket(folder=folder(tmp_path / "w", {"prompt_nll_threshold": 1000}))
    await asyncio.gather(*(pocket(call(f"{i}", sampling={"max_tokens": 1})) for i in range(80)))
    assert len(pocket._prompt_nlls) == 64  # type: ignore[reportPrivateUsage]  # nothing shows it
    await pocket.close()


async def test_a_closed_provider_answers_nothing(weights: Path) -> None:
    pocket = Pocket(folder=weights)
    await pocket.close()
    await pocket.close()
    with pytest.raises(Unavailable, match="closed"):
        await pocket(call())


async def test_whoever_stops_waiting_drops_the_call(weights: Path) -> None:
    pocket = Pocket(folder=weights)
    before = await texts(pocket, call())
    task = asyncio.create_task(pocket(call("there", n=50, sampling={"max_tokens": None})))
    await asyncio.sleep(0)  # it is submitted; no reply can come before the next turn of the loop
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await texts(pocket, call()) == before
    await pocket.close()


async def test_missing_weights_say_so_at_the_first_call(tmp_path: Path) -> None:
    pocket = Pocket(folder=tmp_path)
    with pytest.raises(ConfigError, match="Install understudy again"):
        await pocket(call())
    await pocket.close()


@pytest.mark.parametrize("spec", ["pocket", "pocket:student"])
async def test_model_strings_name_it_and_it_is_free(spec: str) -> None:
    address = parse(spec)
    assert (address.model, address.endpoint, address.label) == (spec, "pocket", spec)
    provider = connect(address, notice=lambda text: None)
    assert isinstance(provider, Pocket)
    await provider.close()
    price = Prices().price(address.model, address.endpoint)
    assert price is not None
    assert price.of(Usage(tokens_in=1000, tokens_out=1000)) == 0


def test_other_pockets_are_no_models() -> None:
    with pytest.raises(ConfigError, match="expected pocket or pocket:student"):
        parse("pocket:giant")
