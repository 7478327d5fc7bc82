"""What every provider owes, over the table of all, each against a real server of its dialect.

A provider of an installed package is among them: `visitor`, put on the path with the metadata that
an installer writes.
"""

import asyncio
import gzip
import json
import traceback
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.providers.contract import KEY, Host, find_wire, host_of
from understudy.errors import (
    ProviderError,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from understudy.providers import http
from understudy.providers.connect import connect, parse
from understudy.providers.table import PROVIDERS, Entry, find_provider
from understudy.types import Call, Reply, Request, Usage, WireCall, user

VISITOR = """
from understudy.providers.table import Entry

ENTRY = Entry(
    name="visitor",
    connect="understudy.providers.openai:connect",
    about="a provider of an installed package",
    example="visitor:m",
    url="https://visitor.invalid/v1",
    key="VISITOR_API_KEY",
)
"""


@pytest.fixture
def visitor(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.mktemp("installed")
    info = folder / "visitor-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: visitor\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[understudy.providers]\nvisitor = visitor_provider:ENTRY\n"
        "misnamed = visitor_provider:ENTRY\nbroken = visitor_provider:NOTHING\n"
    )
    (folder / "visitor_provider.py").write_text(VISITOR)
    monkeypatch.syspath_prepend(folder)


def dialects() -> list[str]:
    """One provider per dialect, and one of an installed package."""
    first = {entry.connect: entry.name for entry in reversed(PROVIDERS) if find_wire(entry)}
    return [*sorted(first.values()), "visitor"]


@pytest.fixture(params=dialects())
async def host(request: pytest.FixtureRequest, visitor: None) -> AsyncIterator[Host]:
    entry = find_provider(request.param)
    assert entry is not None
    wire = find_wire(entry)
    assert wire is not None
    async with host_of(entry, wire) as running:
        running.answer(wire.reply(["hi"], "end", wire.usage(3, 2)))
        yield running


def hidden_in(error: BaseException) -> Iterator[str]:
    """Everything that an error could show."""
    yield "".join(traceback.format_exception(error))
    node: BaseException | None = error
    while node is not None:
        yield repr(node) + repr(vars(node)) + repr(node.args)
        node = node.__cause__ or node.__context__


def assert_key_hidden(host: Host, error: BaseException) -> None:
    shown = "".join(hidden_in(error)) + "".join(host.notices)
    assert "sk-secret" not in shown


@pytest.mark.parametrize("entry", PROVIDERS, ids=lambda entry: entry.name)
def test_every_provider_is_under_this_contract(entry: Entry) -> None:
    if entry.url:
        assert find_wire(entry), f"add tests/providers/wire_NAME.py for {entry.connect}"
    else:
        assert entry.name in LOCAL, "add how to make one to LOCAL"


async def test_a_reply_is_read_and_the_key_is_sent(host: Host) -> None:
    (reply,) = await host.ask()

    assert (reply.text, reply.stop) == ("hi", "end")
    assert reply.usage == Usage(tokens_in=3, tokens_out=2)
    assert json.loads(host.bodies[0])
    assert any(KEY in value for value in host.requests[0].headers.values())
    assert "Cookie" not in host.requests[0].headers


@pytest.mark.parametrize("stop", ["end", "length", "filtered"])
async def test_why_a_reply_ended_is_told(host: Host, stop: str) -> None:
    if stop not in host.wire.stops:
        pytest.skip("the dialect does not tell")
    host.answer(host.wire.reply(["hi"], stop, None))
    assert (await host.ask())[0].stop == stop


async def test_an_empty_reply_is_a_reply(host: Host) -> None:
    host.answer(host.wire.reply([""], "end", host.wire.usage(3, 1)))
    assert (await host.ask())[0].text == ""


# ---------------------------------------------------------------- n


@pytest.mark.parametrize(("n", "sent"), [(3, 3), (3, 1), (3, 2), (2, 5), (1, 4)])
async def test_there_are_at_most_as_many_replies_as_were_asked_for(
    host: Host, n: int, sent: int
) -> None:
    if not host.wire.several:
        sent = 1
    texts = [f"text {i}" for i in range(sent)]
    host.answer(host.wire.reply(texts, "end", host.wire.usage(3, 2)))

    replies = await host.ask(n)

    assert [reply.text for reply in replies] == texts[:n]
    assert replies[0].usage == Usage(tokens_in=3, tokens_out=2)
    assert all(reply.usage == Usage() for reply in replies[1:])


# ---------------------------------------------------------------- usage

NO_COUNTS = [10**25, 2**62, 1e30, 10**10, -1, -0.5, "12", "x", True, [], {}, [1], {"a": 1}]


@pytest.mark.parametrize("count", NO_COUNTS, ids=str)
@pytest.mark.parametrize("place", ["in", "out"])
async def test_a_count_that_cannot_be_is_unknown(host: Host, count: Any, place: str) -> None:
    counts = (count, 2) if place == "in" else (3, count)
    host.answer(host.wire.reply(["hi"], "end", host.wire.usage(*counts)))
    assert (await host.ask())[0].usage is None


@pytest.mark.parametrize("usage", [None, "none", "zero", 5, [], "x", {}], ids=str)
async def test_counts_that_are_absent_or_all_zero_are_unknown(host: Host, usage: Any) -> None:
    absent = {"none": (None, None), "zero": (0, 0)}
    counts = host.wire.usage(*absent[usage]) if usage in ("none", "zero") else usage
    host.answer(host.wire.reply(["hi"], "end", counts))
    assert (await host.ask())[0].usage is None


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "bad value", Rejected),
        (401, "no such key", Unauthorized),
        (402, "pay first", Unauthorized),
        (403, "not for you", Unauthorized),
        (404, "no such model", Rejected),
        (413, "too large", Rejected),
        (422, "bad value", Rejected),
        (429, "slow down", RateLimited),
        (429, "insufficient_quota", Unauthorized),
        (500, "oops", Unavailable),
        (503, "overloaded", Unavailable),
        (529, "overloaded", Unavailable),
    ],
)
async def test_every_refusal_has_its_error(
    host: Host, status: int, message: str, kind: type[ProviderError]
) -> None:
    host.answer(host.wire.error(f"{message} {KEY}"), status, X_Echo=KEY)

    with pytest.raises(ProviderError) as caught:
        await host.ask()

    assert type(caught.value) is kind
    assert message in str(caught.value)
    assert host.url in str(caught.value)
    assert_key_hidden(host, caught.value)


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (503, Unavailable)])
@pytest.mark.parametrize(
    ("advice", "seconds"),
    [("7", 7), (None, None), ("1e400", None), ("9" * 400, None), ("-3", None)],
)
async def test_the_advised_wait_reaches_the_error(
    host: Host,
    status: int,
    kind: type[RateLimited | Unavailable],
    advice: str | None,
    seconds: float | None,
) -> None:
    host.answer(host.wire.error("slow"), status, **({"Retry_After": advice} if advice else {}))
    with pytest.raises(kind) as caught:
        await host.ask()
    assert caught.value.retry_after == seconds


BODIES = {
    "empty": b"",
    "garbage": b"\x00\xff\xfe oops",
    "a web page": b"<html><h1>Sign in</h1></html>",
    "cut off": b'{"choices": [{"mess',
    "an array": b"[1, 2]",
    "null": b"null",
    "a text": b'"hello"',
    "an empty object": b"{}",
    "not a number": b'{"usage": NaN}',
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 900 + b"1" + b"}" * 900,
    "objects too deep": b'{"a":' * 100_000,
    "a huge number": b'{"a": ' + b"9" * 5_000 + b"}",
    "the key": json.dumps({"key": KEY}).encode(),
    "the key, escaped": json.dumps({"key": KEY}).replace("/", "\\/").encode(),
    "the key, often": b"x" * 190 + KEY.encode() * 1_000,
    "half a stream": b"data: {oops\n\n",
    "a stream of nothing": b"data: [DONE]\n\n",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("kind", ["application/json", "text/html", "text/event-stream"])
async def test_a_body_that_is_no_reply_may_pass_and_is_quoted_in_short(
    host: Host, body: bytes, kind: str
) -> None:
    host.answer(body, Content_Type=kind)

    with pytest.raises(Unavailable) as caught:
        await host.ask()

    assert caught.value.answered
    assert len(str(caught.value)) < 2_000
    assert_key_hidden(host, caught.value)


async def test_an_error_that_comes_as_200_is_an_error(host: Host) -> None:
    host.answer(host.wire.error(f"overloaded {KEY}"))
    with pytest.raises(ProviderError, match="overloaded") as caught:
        await host.ask()
    assert_key_hidden(host, caught.value)


async def test_a_redirect_is_not_followed(host: Host) -> None:
    host.answer(b"", 307, Location=f"https://elsewhere/?k={KEY}")
    with pytest.raises(Rejected, match="moved to") as caught:
        await host.ask()
    assert_key_hidden(host, caught.value)


@pytest.mark.parametrize("at", ["before", "in"])
async def test_a_connection_that_is_cut_may_pass(host: Host, at: str) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        if at == "in":
            await response.prepare(request)
            await response.write(b'{"choices"')
        assert request.transport is not None
        request.transport.close()
        return response

    host.answer_by(cut)
    with pytest.raises(Unavailable) as caught:
        await host.ask()
    assert not caught.value.answered
    assert_key_hidden(host, caught.value)


async def test_silence_is_a_timeout(host: Host) -> None:
    async def wait(request: web.Request) -> web.StreamResponse:
        await host.closing.wait()
        return web.Response()

    host.answer_by(wait)
    with pytest.raises(Unavailable, match=r"no reply within 0\.05 s") as caught:
        await host.ask(seconds=0.05)
    assert not caught.value.answered
    assert_key_hidden(host, caught.value)


# ---------------------------------------------------------------- sizes


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("length", [-1, +1])
async def test_no_more_of_an_answer_is_read_than_the_limit(
    host: Host, chunked: bool, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LARGEST_REPLY", 300_000)
    body = json.dumps(host.wire.reply(["x" * 290_000], "end", None)).encode()
    body += b" " * (300_000 + length - len(body))

    async def reply(request: web.Request) -> web.StreamResponse:
        if not chunked:
            return web.Response(body=body, content_type="application/json")
        response = web.StreamResponse()
        await response.prepare(request)
        for at in range(0, len(body), 50_000):
            await response.write(body[at : at + 50_000])
        return response

    host.answer_by(reply)
    if length < 0:
        assert len((await host.ask())[0].text) == 290_000
        return
    with pytest.raises(Rejected, match="sent more than 300,000 bytes") as caught:
        await host.ask()
    assert_key_hidden(host, caught.value)


async def test_a_reply_that_never_ends_is_cut_off(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LARGEST_REPLY", 300_000)

    async def pour(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while not host.closing.is_set():
            try:
                await response.write(b"x" * 65_536)
            except ConnectionError:  # the other side had enough
                break
        return response

    host.answer_by(pour)
    with pytest.raises(Rejected, match="sent more than"):
        await host.ask()


async def test_a_long_refusal_is_quoted_in_short(host: Host) -> None:
    host.answer(host.wire.error("x" * 3_000_000 + KEY), 400)
    with pytest.raises(Rejected) as caught:
        await host.ask()
    assert len(str(caught.value)) < 1_000


async def test_a_message_steers_no_terminal(host: Host) -> None:
    host.answer(host.wire.error("\x1b[2Jgone\x07"), 400)
    with pytest.raises(Rejected) as caught:
        await host.ask()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "x-gzip, gzip"])
async def test_an_answer_that_is_compressed_unasked_is_refused(host: Host, encoding: str) -> None:
    """A bomb of a few bytes would take any memory."""
    body = gzip.compress(json.dumps(host.wire.reply(["x" * 1_000_000], "end", None)).encode())
    host.answer(body, Content_Encoding=encoding)
    with pytest.raises(Rejected, match="compressed its answer"):
        await host.ask()
    host.answer(gzip.compress(b"no"), 503, Content_Encoding=encoding)
    with pytest.raises(Unavailable):
        await host.ask()
    assert all(r.headers["Accept-Encoding"] == "identity" for r in host.requests)


# ---------------------------------------------------------------- anything at all

SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
    | st.text(max_size=8) | st.sampled_from(["", "text", "stop", "error", "\ud800", "data:"])
)  # fmt: skip
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner)
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something could stand in a JSON value."""
    yield path
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            yield from places(value[key], (*path, key))


def put(value: Any, path: tuple[Any, ...], item: Any) -> Any:
    """The value with something else in one place."""
    if not path:
        return item
    if not isinstance(value, dict | list):
        return value
    copy: Any = value.copy()
    try:
        copy[path[0]] = put(copy[path[0]], path[1:], item)
    except (LookupError, TypeError):
        return value
    return copy


@pytest.mark.parametrize("name", [name for name in dialects() if name != "visitor"])
def test_any_json_of_the_dialects_shape_gives_a_reply_or_an_error_of_ours(
    name: str,
) -> None:
    entry = find_provider(name)
    assert entry is not None
    wire = find_wire(entry)
    assert wire is not None
    whole = wire.reply(["hi", "ho"], "end", wire.usage(3, 2))
    spots = st.sampled_from(list(places(whole)))
    loop = asyncio.new_event_loop()

    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.tuples(spots, JSON), max_size=4), st.integers(1, 3))
    def check(changes: list[tuple[Any, Any]], n: int) -> None:
        body = whole
        for path, item in changes:
            body = put(body, path, item)
        host.answer(json.dumps(body).encode())
        try:
            replies = loop.run_until_complete(host.ask(n))
        except ProviderError:
            return
        assert 1 <= len(replies) <= n
        for reply in replies:
            # What the journal writes it can read again.
            assert msgspec.json.decode(msgspec.json.encode(reply), type=Reply) == reply
            assert reply.usage is None or 0 <= reply.usage.tokens_in + reply.usage.tokens_out < 2e9

    context = host_of(entry, wire)
    host = loop.run_until_complete(context.__aenter__())
    try:
        check()
    finally:
        loop.run_until_complete(context.__aexit__(None, None, None))
        loop.close()


# ---------------------------------------------------------------- providers without an endpoint


def make_recorded(folder: Path) -> str:
    lines = [json.dumps({"task": "t", "reply": f"reply {i}"}) for i in range(3)]
    (folder / "tape.jsonl").write_text("\n".join(lines))
    return f"recorded:{folder / 'tape.jsonl'}"


def make_scripted(folder: Path) -> str:
    (folder / "script.py").write_text("def answer(call):\n    return f'reply {call.draw}'\n")
    return f"scripted:{folder / 'script.py'}:answer"


LOCAL = {"pocket": lambda folder: "pocket", "recorded": make_recorded, "scripted": make_scripted}
"""How to make a model string of each provider that has no endpoint."""


@pytest.mark.parametrize("name", LOCAL)
async def test_a_local_provider_gives_one_to_n_replies_in_the_order_of_the_draws(
    name: str, tmp_path: Path
) -> None:
    provider = connect(parse(LOCAL[name](tmp_path)), notice=lambda text: None)
    request = Request(model=name, messages=(user("What is 2 + 2?"),))
    call = Call(task="t", request=request)
    try:
        replies = list(await provider(WireCall.of(call, 3)))
        second = await provider(WireCall.of(msgspec.structs.replace(call, draw=1)))
    finally:
        await provider.close()

    assert 1 <= len(replies) <= 3
    assert all(isinstance(reply, Reply) for reply in replies)
    assert second[0].text == replies[1].text
    for reply in replies:
        assert msgspec.json.decode(msgspec.json.encode(reply), type=Reply) == reply


@pytest.mark.parametrize("name", LOCAL)
async def test_a_local_provider_takes_no_base_url_and_no_key(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = parse(LOCAL[name](tmp_path))
    assert address.base_url == ""
    await connect(address, key_env="NO_SUCH_KEY", notice=print).close()
