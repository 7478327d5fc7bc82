"""HTTP: broken, slow and odd answers, and the key, which is shown nowhere."""

import asyncio
import json
import traceback
from collections.abc import Iterator
from socket import gaierror
from ssl import SSLError
from typing import Any

import aiohttp
import pytest
from aiohttp import RequestInfo, http_exceptions, web
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict
from yarl import URL

from tests.providers.endpoint import (
    KEY,
    Answer,
    Server,
    ask,
    call,
    chunk,
    error,
    ok,
    stream,
)
from understudy.errors import (
    ConfigError,
    ProviderError,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from understudy.providers.openai import authorize, connect
from understudy.providers.table import Target
from understudy.types import (
    Reply,
    Sampling,
)


# ---------------------------------------------------------------- http
async def test_a_redirect_is_not_followed(server: Server) -> None:
    server.answer = lambda _: web.Response(status=301, headers={"Location": "https://new/v1"})
    with pytest.raises(Rejected, match="moved to 'https://new/v1'"):
        await ask(server, call())


async def test_a_slow_endpoint_is_unavailable(server: Server) -> None:
    async def late(body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(5)
        return ok()

    server.answer = late
    with pytest.raises(Unavailable, match=r"no reply within 0\.1 s") as caught:
        await ask(server, call(), timeout=0.1)
    assert not caught.value.answered


async def test_an_endpoint_that_is_away_is_unavailable() -> None:
    provider = connect(Target(model="m", url="http://127.0.0.1:9/v1"))
    for _ in range(2):
        with pytest.raises(Unavailable, match="ClientConnectorError") as caught:
            await provider(call(sampling=Sampling(temperature=1)))
        assert not caught.value.answered
    await provider.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"oops\r\n\r\n",
    ],
)
async def test_a_cut_or_garbled_reply_is_unavailable_and_shows_no_key(sent: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)
        await writer.drain()
        writer.close()

    raw = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = raw.sockets[0].getsockname()[1]
    provider = connect(Target(model="m", url=f"http://127.0.0.1:{port}/v1", key=KEY))
    with pytest.raises(Unavailable) as caught:
        await provider(call())
    await provider.close()
    raw.close()
    assert not caught.value.answered
    assert_hidden("".join(traceback.format_exception(caught.value)))
    assert_hidden(repr(vars(caught.value)) + repr(caught.value.__cause__))
    assert_hidden(repr(getattr(caught.value.__cause__, "args", "")))


# ---------------------------------------------------------------- bad bodies

JSON = "application/json"


@pytest.mark.parametrize(
    ("body", "kind", "found"),
    [
        ('{"choices": []}', JSON, "expected choices"),
        ('{"choices": null}', JSON, "expected choices, found null"),
        ("{}", JSON, "expected choices"),
        ('{"choices": [5]}', JSON, "expected a choice, found number"),
        ('{"choices": [{"message": {"content": 5}}]}', JSON, "expected content as text"),
        ('{"choices": [{"message": {"content": null}}]}', JSON, "expected a message with content"),
        ('{"choices": [{"error": {"message": "no"}}]}', JSON, "found an error"),
        ('{"choices": [{"message": {"con', JSON, "Input data was truncated"),
        ("[1]", JSON, "Expected `object`"),
        ("null", JSON, "Expected `object`"),
        ("", JSON, "truncated"),
        ("\ufeffoops", JSON, "malformed"),
        ("<html>Bad gateway</html>", "text/html", "(text/html): '<html>Bad gateway</html>'"),
        ('{"error": {"message": "overloaded", "code": "x"}}', JSON, "with an error: overloaded"),
        ('{"error": "overloaded"}', JSON, "with an error: overloaded"),
        ("data: [DONE]\n\n", "text/event-stream", "without any"),
        ('data: {"choices": [{"delta": {"content": "a"}}]}\n\n', "text/event-stream", "breaks off"),
        ("data: {oops\n\n", "text/event-stream", "expected a chunk of JSON"),
    ],
)
async def test_a_body_that_is_no_reply_is_unavailable_and_shown(
    server: Server, body: str, kind: str, found: str
) -> None:
    server.answer = lambda _: web.Response(body=body.encode(), content_type=kind)
    with pytest.raises(Unavailable) as caught:
        await ask(server, call())
    assert caught.value.answered
    assert found in str(caught.value)
    assert f"{server.url}/chat/completions" in str(caught.value)


async def test_a_usable_body_of_another_content_type_is_used(server: Server) -> None:
    body = b'{"choices": [{"message": {"content": "hi"}}]}'
    server.answer = lambda _: web.Response(body=body, content_type="application/octet-stream")
    assert (await ask(server, call()))[0] == Reply(text="hi", stop="unknown")


@pytest.mark.parametrize(
    ("code", "kind"),
    [(429, RateLimited), ("402", Unauthorized), (400, Rejected), (503, Unavailable)],
)
async def test_an_error_that_came_as_200_counts_by_its_own_status(
    server: Server, code: int | str, kind: type[ProviderError]
) -> None:
    server.answer = lambda _: web.json_response({"error": {"message": "no", "code": code}})
    with pytest.raises(kind, match="no"):
        await ask(server, call())


# ---------------------------------------------------------------- the key


def assert_hidden(text: str) -> None:
    assert KEY not in text
    assert "sk-secret" not in text


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: error(401, f"Incorrect API key provided: {KEY}."),
        lambda _: error(500, "x" * 490 + KEY),
        lambda _: web.Response(status=403, text=f"who is {KEY}?"),
        lambda _: web.Response(status=400, body=json.dumps({"k": KEY}).replace("/", "\\/")),
        lambda _: web.Response(status=302, headers={"Location": "/?k=sk-secret%2F42"}),
        lambda _: web.Response(text=f"oops {KEY}"),
        lambda _: web.Response(text=json.dumps({"k": KEY}).replace("/", "\\/")),
        lambda _: web.json_response({"choices": [{"message": {"content": {"k": KEY}}}]}),
        lambda _: web.json_response({"error": {"message": KEY}}),
        lambda _: web.json_response({"choices": [{"error": KEY}]}),
        stream(chunk({"content": "a"}), chunk(error={"message": KEY})),
        stream("data: " + KEY),
    ],
)
async def test_the_key_is_shown_nowhere(server: Server, answer: Answer) -> None:
    server.answer = answer
    with pytest.raises(ProviderError) as caught:
        await ask(server, call())
    assert_hidden("".join(traceback.format_exception(caught.value)))
    assert_hidden(str(server.notices))


def test_azure_is_given_the_key_in_its_own_header() -> None:
    azure = authorize("x.openai.azure.com", KEY)
    assert (azure["api-key"], "Authorization" in azure) == (KEY, False)
    assert "Authorization" not in authorize("localhost", "")


def test_the_key_is_not_in_the_representation() -> None:
    target = Target(model="m", url="https://x.openai.azure.com/v1?key=1", key=KEY)
    assert repr(connect(target)) == "HttpProvider('https://x.openai.azure.com/v1')"
    assert_hidden(repr(target))


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("localhost:8000", ""),
        ("ftp://x/v1", ""),
        ("http://", ""),
        ("http://user:sk-secret@x/v1", ""),
        ("http://user:sk-secret@x:port/v1", ""),
        ("http://x/v1", "sk-secret\nX: 1"),
        ("http://x/v1", "sk-secretä"),
    ],
)
def test_an_address_or_key_that_cannot_be_used_is_refused(url: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        connect(Target(model="m", url=url, key=key))
    assert_hidden(str(caught.value))


def test_a_full_address_is_taken_for_its_base() -> None:
    target = Target(model="m", url="http://x/v1/chat/completions/")
    assert repr(connect(target)) == "HttpProvider('http://x/v1')"


# ---------------------------------------------------------------- what aiohttp raises


def every_kind(root: type[BaseException]) -> Iterator[type[BaseException]]:
    yield root
    for kind in root.__subclasses__():
        yield from every_kind(kind)


def make(kind: type[BaseException]) -> BaseException:
    """An error of a kind that has whatever it may show, the key in all of it."""
    key = ConnectionKey("localhost", 80, False, True, None, None, None)
    info = RequestInfo(URL(f"http://x/?k={KEY}"), "POST", CIMultiDict(k=KEY), URL("http://x/"))  # type: ignore[arg-type]
    cause = OSError(5, f"broken {KEY}")
    for arguments in (
        (info, ()), (key, cause, "path"), (key, cause), (key, SSLError(1, KEY)), (KEY,), (),
        (b"want", b"got", "host", 80), ("path", key, cause), (KEY, KEY),
    ):  # fmt: skip
        try:
            error = kind(*arguments)
            str(error)
        except (TypeError, AttributeError):
            continue
        return error
    raise AssertionError(f"no way to make {kind}: add its arguments")


KINDS = sorted(
    {
        *every_kind(aiohttp.ClientError), *every_kind(http_exceptions.HttpProcessingError),
        OSError, TimeoutError, ConnectionResetError, BrokenPipeError, SSLError, gaierror,
        asyncio.IncompleteReadError, EOFError, UnicodeError, ValueError,
    },
    key=lambda kind: kind.__name__,
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_nothing_foreign_passes_and_none_shows_the_key(
    kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = make(kind)

    async def fail(*arguments: object, **settings: object) -> None:
        raise error

    provider = connect(Target(model="m", url="http://127.0.0.1:9/v1", key=KEY))
    connector = aiohttp.TCPConnector()
    monkeypatch.setattr(connector, "connect", fail)
    session = aiohttp.ClientSession(connector=connector)
    monkeypatch.setattr(aiohttp, "ClientSession", lambda **settings: session)
    try:
        with pytest.raises(ProviderError) as caught:
            await provider(call())
    finally:
        await provider.close()
    assert type(caught.value) in (Unavailable, Rejected)
    for node in (caught.value, caught.value.__cause__, caught.value.__context__):
        assert_hidden("".join(traceback.format_exception(node)) + repr(vars(node or caught.value)))


async def test_a_bug_is_no_providers_error(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = connect(Target(model="m", url="http://127.0.0.1:9/v1"))
    session = aiohttp.ClientSession()
    await session.close()
    monkeypatch.setattr(aiohttp, "ClientSession", lambda **settings: session)
    with pytest.raises(RuntimeError, match="Session is closed"):
        await provider(call())


@pytest.mark.parametrize("url", ["http://a..b/v1", "http://x.invalid:1/v1", "http://-/v1"])
async def test_an_address_that_no_one_has_gives_an_error_of_ours(url: str) -> None:
    try:
        provider = connect(Target(model="m", url=url))
    except ConfigError:
        return
    try:
        with pytest.raises((ProviderError, RuntimeError)) as caught:
            await provider(call())
    finally:
        await provider.close()
    if isinstance(caught.value, RuntimeError):
        assert "must not reach the network" in str(caught.value)  # so far it came


async def test_a_key_in_the_query_is_not_shown(server: Server) -> None:
    server.url += "/?api-version=2024-10-21&api-key=hush-hush"
    server.answer = lambda _: error(400, "2024-10-21 is too old for hush-hush")
    with pytest.raises(Rejected, match=r"2024-10-21 is too old for \[key\]"):
        await ask(server, call())
