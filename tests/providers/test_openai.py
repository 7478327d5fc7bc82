"""OpenAI's dialect as a whole: a model of any endpoint that speaks it."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from tests.providers.endpoint import (
    KEY,
    Server,
    ask,
    call,
    choices,
    error,
    ok,
)
from understudy.providers.negotiate import Features
from understudy.providers.openai import guess_features
from understudy.providers.openai.encode import encode
from understudy.types import (
    Reply,
    Sampling,
    Usage,
)


async def test_a_plain_request_sends_the_model_and_the_messages_alone(server: Server) -> None:
    replies = await ask(server, call())

    assert server.bodies == [{"model": "m", "messages": [{"role": "user", "content": "Say hi."}]}]
    assert replies == [
        Reply(text="hi", usage=Usage(tokens_in=3, tokens_out=2), model="m-1"),
    ]
    request = server.requests[0]
    assert request.path == "/v1/chat/completions"
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Content-Type"] == "application/json"
    assert "Cookie" not in request.headers


def test_the_bound_on_tokens_goes_by_the_name_that_the_host_knows() -> None:
    assert guess_features("api.openai.com").max_completion_tokens
    assert not guess_features("localhost").max_completion_tokens
    newer = encode(call(sampling=Sampling(max_tokens=5)), Features(max_completion_tokens=True))
    assert newer["max_completion_tokens"] == 5
    assert "max_tokens" not in newer


async def test_the_newer_name_is_used_where_an_endpoint_insists(server: Server) -> None:
    def answer(body: dict[str, Any]) -> web.Response:
        if "max_tokens" in body:
            return error(400, "'max_tokens' is not supported. Use 'max_completion_tokens' instead.")
        return ok()

    server.answer = answer
    provider = server.provider()
    for _ in range(2):
        await provider(call(sampling=Sampling(max_tokens=5)))
    await provider.close()
    assert ["max_tokens" in body for body in server.bodies] == [True, False, False]


async def test_a_prompt_goes_to_the_legacy_endpoint(server: Server) -> None:
    scored = {"tokens": ["ab", "c"], "token_logprobs": [None, -1.0]}
    server.answer = lambda _: choices(
        {"index": 0, "text": "abc", "finish_reason": "length", "logprobs": scored}
    )
    question = call(prompt="abc", echo=True, logprobs=1, sampling=Sampling(max_tokens=0))

    reply = (await ask(server, question))[0]

    assert server.requests[0].path == "/v1/completions"
    assert server.bodies == [
        {"model": "m", "prompt": "abc", "echo": True, "logprobs": 1, "max_tokens": 0}
    ]
    assert (reply.text, reply.stop, reply.logprob) == ("abc", "length", -1.0)


NEUTRAL = {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.0}


def samplers(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in NEUTRAL if name in body}


@pytest.mark.parametrize("owner", ["llamacpp", "me"])
async def test_llama_cpp_is_told_to_sample_as_asked(server: Server, owner: str) -> None:
    server.models = web.json_response({"data": [{"id": "m", "owned_by": owner}]})
    provider = server.provider()
    warm, narrow = Sampling(temperature=1), Sampling(temperature=1, top_k=5, repetition_penalty=1.2)
    await asyncio.gather(*(provider(call(sampling=warm)) for _ in range(5)))
    await provider(call(sampling=narrow))
    await provider(call())
    await provider.close()

    assert [samplers(body) for body in server.bodies[:5]] == [NEUTRAL] * 5
    assert samplers(server.bodies[5]) == NEUTRAL | {"top_k": 5, "repeat_penalty": 1.2}
    assert samplers(server.bodies[6]) == {}
    assert server.looks == 1
    assert len(server.notices) == 1
    assert "llama.cpp" in server.notices[0]


async def test_llama_cpp_is_known_by_its_header_too(server: Server) -> None:
    def answer(body: dict[str, Any]) -> web.Response:
        response = ok()
        response.headers["Server"] = "llama.cpp"
        return response

    server.answer = answer
    provider = server.provider()
    for _ in range(2):
        await provider(call(sampling=Sampling(temperature=1)))
    await provider.close()
    assert [samplers(body) for body in server.bodies] == [{}, NEUTRAL]


@pytest.mark.parametrize(("question", "sent"), [(0, 1), (1, 1), (5, 5)])
async def test_llama_cpp_is_told_how_many_alternatives_a_token_needs(
    server: Server, question: int, sent: int
) -> None:
    # It sends 20 for each token where nobody says how many, and no log-probabilities at 0.
    server.models = web.json_response({"data": [{"id": "m", "owned_by": "llamacpp"}]})
    await ask(server, call(sampling=Sampling(temperature=1), logprobs=question))
    assert server.bodies[0]["logprobs"] is True
    assert server.bodies[0]["top_logprobs"] == sent


@pytest.mark.parametrize(
    "models",
    [
        None,
        web.Response(status=500),
        {"data": [{"owned_by": "vllm"}]},
        {"data": []},
        [1],
        "x",
    ],
)
async def test_no_other_server_is_sent_neutral_samplers(server: Server, models: Any) -> None:
    server.models = None if not isinstance(models, dict | list | str) else web.json_response(models)
    provider = server.provider()
    for _ in range(2):
        await provider(call(sampling=Sampling(temperature=1)))
    await provider.close()
    assert [samplers(body) for body in server.bodies] == [{}, {}]
    assert server.looks == 1
    assert server.notices == []
