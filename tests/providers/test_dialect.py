"""What is alike for every dialect: sending, looking up what answers, reading."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from tests.providers.endpoint import KEY, Server, ask, call, ok, serve
from understudy.errors import Rejected, Unavailable
from understudy.providers import dialect
from understudy.providers.dialect import Dialect, HttpProvider, is_stream
from understudy.providers.http import Answer
from understudy.providers.negotiate import Features
from understudy.providers.openai import connect
from understudy.providers.table import Target
from understudy.types import Image, Json, Reply, Request, Sampling, Usage, WireCall, user


def read(body: Json, request: Request) -> list[Reply]:
    """An answer that is a list of texts, with a count of tokens."""
    return [Reply(text, usage=Usage(tokens_in=body["tokens"])) for text in body["texts"]]


def write(call: WireCall, features: Features) -> Json:
    return {"ask": call.request.messages[0].text, "n": call.n}


def open_plain(server: Server, **parts: Any) -> HttpProvider:
    """A model behind a dialect of three functions."""
    least: dict[str, Any] = {"path": lambda request: "ask", "encode": write, "decode": read}
    target = Target(model="m", url=server.url, key=KEY, timeout=5)
    return HttpProvider(Dialect(**{**least, **parts}), target)


async def once(provider: HttpProvider, n: int = 1) -> Sequence[Reply]:
    try:
        return await provider(call(n))
    finally:
        await provider.close()


async def test_three_functions_make_a_dialect(server: Server) -> None:
    server.answer = lambda body: web.json_response({"texts": ["a"], "tokens": 3})
    assert await once(open_plain(server)) == [Reply("a", usage=Usage(tokens_in=3))]
    assert server.requests[0].path == "/v1/ask"
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"
    assert server.bodies == [{"ask": "Say hi.", "n": 1}]


async def test_no_more_replies_are_given_than_were_asked_for(server: Server) -> None:
    server.answer = lambda body: web.json_response({"texts": ["a", "b", "c"], "tokens": 3})
    assert [reply.text for reply in await once(open_plain(server), 2)] == ["a", "b"]


@pytest.mark.parametrize("tokens", [0, 10**12])
async def test_a_count_that_cannot_be_is_none_whatever_the_dialect_makes_of_it(
    server: Server, tokens: int
) -> None:
    server.answer = lambda body: web.json_response({"texts": ["a"], "tokens": tokens})
    assert (await once(open_plain(server)))[0].usage is None


async def test_an_answer_in_which_a_dialect_finds_no_reply_is_not_usable(server: Server) -> None:
    server.answer = lambda body: web.json_response({"texts": []})
    with pytest.raises(Unavailable, match="expected a reply, found none") as caught:
        await once(open_plain(server))
    assert caught.value.answered


async def test_what_a_dialect_rejects_is_said_with_the_address_and_without_the_key(
    server: Server,
) -> None:
    def reject(body: Json, request: Request) -> list[Reply]:
        raise Rejected(f"cannot echo {KEY}")

    server.answer = lambda body: web.json_response({})
    with pytest.raises(Rejected, match="/v1/ask cannot echo") as caught:
        await once(open_plain(server, decode=reject))
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_dialect_without_embeddings_says_so_before_anything_is_sent(
    server: Server,
) -> None:
    provider = open_plain(server)
    with pytest.raises(Rejected, match="expected a dialect with embeddings, this has none"):
        await provider.embed("m", ["x"])
    await provider.close()
    assert server.requests == []


@pytest.mark.parametrize(
    ("kind", "body", "stream"),
    [
        ("text/event-stream; charset=utf-8", b"", True),
        ("application/json", b"data: {}", True),
        ("application/json", b'{"data": 1}', False),
        ("", b"", False),
    ],
)
def test_a_stream_is_known_by_its_type_or_its_beginning(
    kind: str, body: bytes, stream: bool
) -> None:
    assert is_stream(Answer(200, {"Content-Type": kind} if kind else {}, body)) is stream


async def test_a_stream_is_an_error_where_the_dialect_has_none(server: Server) -> None:
    server.answer = lambda body: web.Response(body=b'data: {"texts": ["a"]}')
    with pytest.raises(Unavailable, match="no usable reply"):
        await once(open_plain(server))


async def test_a_large_body_is_sent_whole(server: Server) -> None:
    image = Image(media_type="image/png", data=bytes(3_000_000))
    await ask(server, call(messages=(user("x", image),)))
    assert len(server.bodies[0]["messages"][0]["content"][0]["image_url"]["url"]) > 4_000_000


async def test_the_query_of_the_base_url_is_kept(server: Server) -> None:
    server.url += "/?api-version=2"
    await ask(server, call())
    assert server.requests[0].path_qs == "/v1/chat/completions?api-version=2"


async def test_a_look_that_takes_too_long_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "LOOK_UP_SECONDS", 0.01)
    server.models_wait = asyncio.Event()
    provider = server.provider()
    await provider(call(sampling=Sampling(temperature=1)))
    looks = server.looks
    await provider(call(sampling=Sampling(temperature=1)))
    server.models_wait.set()
    await provider.close()
    assert server.looks == looks


async def test_nobody_is_looked_at_who_is_not_asked_for_a_temperature(server: Server) -> None:
    await ask(server, call(sampling=Sampling(max_tokens=5)))
    assert server.looks == 0


async def test_an_endpoint_that_was_away_is_looked_at_again() -> None:
    port = unused_port()
    provider = connect(Target(model="m", url=f"http://127.0.0.1:{port}/v1", timeout=5))
    warm = call(sampling=Sampling(temperature=1))
    with pytest.raises(Unavailable):
        await provider(warm)
    async with serve(port) as server:
        server.models = web.json_response({"data": [{"owned_by": "llamacpp"}]})
        await provider(warm)
        assert server.looks == 1
        assert server.bodies[0]["top_k"] == 0
    await provider.close()


async def test_what_answers_is_learnt_from_the_headers_of_any_reply(server: Server) -> None:
    def answer(body: dict[str, Any]) -> web.Response:
        response = ok()
        response.headers["Server"] = "llama.cpp"
        return response

    server.answer = answer
    provider = server.provider()
    assert provider.features.family == ""
    await provider(call())
    await provider.close()
    assert provider.features.family == "llama.cpp"
    assert server.looks == 0
