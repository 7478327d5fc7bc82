"""What endpoints refuse or ignore is learnt, and done without."""

import json
from typing import Any

import pytest

from tests.providers.endpoint import (
    SCHEMA,
    Server,
    ask,
    call,
    error,
    ok,
)
from understudy.errors import (
    Rejected,
)
from understudy.providers.negotiate import Features
from understudy.types import (
    Sampling,
    system,
    user,
)

# ---------------------------------------------------------------- what endpoints lack


async def test_an_endpoint_that_ignores_n_gives_one_reply_and_is_told_n_all_the_same(
    server: Server,
) -> None:
    """It does no harm, and a reply that came alone may have come with broken ones."""
    provider = server.provider()
    for _ in range(2):
        assert len(await provider(call(n=3))) == 1
    await provider.close()
    assert [body["n"] for body in server.bodies] == [3, 3]
    assert provider.features.n


async def test_an_endpoint_that_refuses_n_is_asked_for_one(server: Server) -> None:
    server.answer = lambda body: error(400, "'n' must be 1", param="n") if "n" in body else ok()
    provider = server.provider()
    assert len(await provider(call(n=3))) == 1
    assert len(await provider(call(n=3))) == 1
    await provider.close()
    assert ["n" in body for body in server.bodies] == [True, False, False]


async def test_n_refused_for_greedy_draws_alone_is_not_given_up(server: Server) -> None:
    server.answer = lambda body: (
        error(400, "n must be 1 when using greedy sampling") if "n" in body else ok()
    )
    provider = server.provider()
    await provider(call(n=3, sampling=Sampling(temperature=0)))
    await provider.close()
    assert provider.features.n


async def test_missing_log_probabilities_are_said_once(server: Server) -> None:
    provider = server.provider()
    for _ in range(3):
        assert (await provider(call(logprobs=1)))[0].logprobs is None
    await provider.close()
    assert len(server.notices) == 1
    assert "no log-probabilities" in server.notices[0]
    assert provider.features.logprobs == "ignored"
    assert all("logprobs" in body for body in server.bodies)


async def test_refused_log_probabilities_are_done_without(server: Server) -> None:
    server.answer = lambda body: (
        error(400, "`logprobs` is not supported with this model") if "logprobs" in body else ok()
    )
    provider = server.provider()
    for _ in range(2):
        assert (await provider(call(logprobs=1)))[0].text == "hi"
    await provider.close()
    assert len(server.bodies) == 3
    assert len(server.notices) == 1


@pytest.mark.parametrize("status", [400, 422, 500])
async def test_a_refused_schema_goes_into_the_messages(server: Server, status: int) -> None:
    server.answer = lambda body: (
        error(status, "Input should be 'text' or 'json_object': response_format.type")
        if "response_format" in body
        else ok('{"a": 1}')
    )
    provider = server.provider()
    question = call(schema=SCHEMA, messages=(system("Be brief."), user("One?")))
    for _ in range(2):
        assert (await provider(question))[0].text == '{"a": 1}'
    await provider.close()

    assert ["response_format" in body for body in server.bodies] == [True, False, False]
    said = [message["content"] for message in server.bodies[-1]["messages"]]
    assert said[0] == "Be brief."
    assert said[1].startswith("One?\n\nReply with one JSON value")
    assert json.dumps(SCHEMA, separators=(",", ":")) in said[1]
    assert len(server.notices) == 1


async def test_a_schema_passed_over_in_silence_is_sent_in_words_too(server: Server) -> None:
    server.answer = lambda body: ok("The answer is one.")
    provider = server.provider()
    for _ in range(3):
        await provider(call(schema=SCHEMA))
    await provider.close()
    assert ["JSON Schema" in str(body["messages"]) for body in server.bodies] == [False, True, True]
    assert all("response_format" in body for body in server.bodies)
    assert len(server.notices) == 1


async def test_a_cut_json_reply_says_nothing_about_the_endpoint(server: Server) -> None:
    server.answer = lambda body: ok('{"a": ', finish_reason="length")
    provider = server.provider()
    await provider(call(schema=SCHEMA))
    await provider.close()
    assert provider.features == Features()


async def test_a_request_that_fails_anyway_teaches_nothing(server: Server) -> None:
    server.answer = lambda body: error(400, "bad schema, bad logprobs, bad 'n'")
    provider = server.provider()
    with pytest.raises(Rejected, match="bad schema"):
        await provider(call(n=2, schema=SCHEMA, logprobs=1))
    await provider.close()
    assert provider.features == Features()
    assert server.notices == []
    assert len(server.bodies) == 4


# ---------------------------------------------------------------- stop strings


def spelt(text: str) -> dict[str, Any]:
    """Log-probabilities of a reply whose tokens are its letters."""
    return {"content": [{"token": letter, "logprob": -0.5} for letter in text]}


async def test_a_stop_string_left_in_a_text_is_cut_off_and_that_is_said_once(
    server: Server,
) -> None:
    server.answer = lambda body: ok(
        "4.\nQ: and 3?", logprobs=spelt("4.\nQ: and 3?"), finish_reason="length"
    )
    question = call(sampling=Sampling(stop=("Q:", "\n")), logprobs=0)
    provider = server.provider()
    replies = [(await provider(question))[0] for _ in range(2)]
    await provider.close()

    assert [(reply.text, reply.stop) for reply in replies] == [("4.", "end")] * 2
    assert "".join(token.text for token in replies[0].logprobs or ()) == "4."
    assert provider.features.stop == "ignored"
    assert [notice for notice in server.notices if "stop strings" in notice] == server.notices
    assert len(server.notices) == 1


async def test_a_text_without_a_stop_string_stays_as_it_is(server: Server) -> None:
    server.answer = lambda body: ok("4.", finish_reason="length")
    (reply,) = await ask(server, call(sampling=Sampling(stop=("Q:",))))
    assert (reply.text, reply.stop) == ("4.", "length")
    assert server.notices == []
