"""OpenAI's dialect, against a real server on the loopback interface."""

import asyncio
import base64
import json
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from understudy.errors import (
    ConfigError,
    ContextOverflow,
    ProviderError,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from understudy.providers import openai_wire, sse
from understudy.providers.failures import failure, retry_after
from understudy.providers.features import Features
from understudy.providers.openai import OpenAI, sent_headers
from understudy.types import (
    Audio,
    Call,
    Image,
    Message,
    Reply,
    Request,
    Sampling,
    Text,
    Token,
    ToolCall,
    Usage,
    WireCall,
    system,
    user,
)

KEY = "sk-secret/42"
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}

Answer = Callable[[dict[str, Any]], web.StreamResponse | Awaitable[web.StreamResponse]]


class Server:
    """An endpoint that answers as it is told, and remembers what it was sent."""

    def __init__(self) -> None:
        self.answer: Answer = lambda body: ok("hi")
        self.bodies: list[dict[str, Any]] = []
        self.requests: list[web.Request] = []
        self.models: web.Response | None = None
        self.models_after = 0.0
        self.looks = 0
        self.notices: list[str] = []
        self.url = ""

    async def post(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(json.loads(await request.read()))
        answer = self.answer(self.bodies[-1])
        return answer if isinstance(answer, web.StreamResponse) else await answer

    async def list_models(self, request: web.Request) -> web.StreamResponse:
        self.looks += 1
        await asyncio.sleep(self.models_after)
        return self.models or web.Response(status=404)

    def provider(self, **settings: Any) -> OpenAI:
        settings = {"key": KEY, "timeout": 5, "notice": self.notices.append} | settings
        return OpenAI(self.url, **settings)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    state = Server()
    app = web.Application(client_max_size=1 << 26)
    app.router.add_get("/v1/models", state.list_models)
    app.router.add_post("/v1/{tail:.*}", state.post)
    running = TestServer(app)
    await running.start_server()
    state.url = str(running.make_url("/v1"))
    yield state
    await running.close()


def ok(text: str | None = "hi", /, usage: bool = True, **choice: Any) -> web.Response:
    whole: dict[str, Any] = {"index": 0, "finish_reason": "stop", "message": {"content": text}}
    return choices(whole | choice, usage=usage)


def choices(*items: Any, usage: bool = True) -> web.Response:
    body: dict[str, Any] = {"model": "m-1", "choices": list(items)}
    if usage:
        body["usage"] = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return web.json_response(body)


def error(status: int, message: str, headers: Any = None, **fields: Any) -> web.Response:
    return web.json_response(
        {"error": {"message": message, **fields}}, status=status, headers=headers
    )


def call(n: int = 1, draw: int = 0, **fields: Any) -> WireCall:
    if "prompt" not in fields:
        fields.setdefault("messages", (user("Say hi."),))
    return WireCall.of(Call(draw=draw, request=Request(model="m", **fields)), n)


async def ask(server: Server, asked: WireCall, **settings: Any) -> list[Reply]:
    provider = server.provider(**settings)
    try:
        return list(await provider(asked))
    finally:
        await provider.close()


# ---------------------------------------------------------------- encoding


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


async def test_every_field_of_a_request_is_sent(server: Server) -> None:
    sampling = Sampling(
        temperature=0.5, top_p=0.9, top_k=5, min_p=0.1, max_tokens=7, stop=("a", "b"), seed=10,
        presence_penalty=0.1, frequency_penalty=0.2, repetition_penalty=1.3, logit_bias={"5": -100},
    )  # fmt: skip
    tool = {"type": "function", "function": {"name": "f"}}
    await ask(
        server,
        call(
            n=3, draw=4, sampling=sampling, logprobs=2, schema=SCHEMA, tools=(tool,),
            extra={"reasoning_effort": "low", "top_k": 6},
        ),
    )  # fmt: skip

    body = server.bodies[0]
    del body["messages"]
    assert body == {
        "model": "m", "temperature": 0.5, "top_p": 0.9, "top_k": 6, "min_p": 0.1, "max_tokens": 7,
        "stop": ["a", "b"], "seed": 14, "presence_penalty": 0.1, "frequency_penalty": 0.2,
        "repetition_penalty": 1.3, "logit_bias": {"5": -100}, "n": 3, "logprobs": True,
        "top_logprobs": 2, "tools": [tool], "reasoning_effort": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": SCHEMA, "strict": True},
        },
    }  # fmt: skip


def test_settings_at_zero_are_sent_and_settings_unset_are_not() -> None:
    sampling = Sampling(temperature=0, max_tokens=0, seed=0, presence_penalty=0)
    body = openai_wire.encode(call(sampling=sampling, logprobs=0), Features())
    assert {key: body[key] for key in body if key not in ("model", "messages")} == {
        "temperature": 0, "max_tokens": 0, "seed": 0, "presence_penalty": 0, "logprobs": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (SCHEMA, True),
        ({"type": "array", "items": SCHEMA}, True),
        ({**SCHEMA, "additionalProperties": True}, False),
        ({**SCHEMA, "required": []}, False),
        ({"type": "array", "items": {"type": "object", "properties": {}}}, False),
        ({"anyOf": [SCHEMA, {"type": "object"}]}, False),
    ],
)
def test_strict_is_asked_only_of_schemas_that_may_be_strict(
    schema: dict[str, Any], strict: bool
) -> None:
    body = openai_wire.encode(call(schema=schema), Features())
    assert body["response_format"]["json_schema"]["strict"] is strict


def test_parts_tool_calls_and_tool_results_are_encoded() -> None:
    png, wav = b"\x89PNG", b"RIFF"
    request = Request(
        model="m",
        messages=(
            user("what?", Image(media_type="image/png", data=png), Image(url="https://x/y.jpg")),
            Message("user", (Audio(media_type="audio/x-wav", data=wav), Text("and this?"))),
            Message("assistant", "", tool_calls=(ToolCall("c1", "f", '{"a":1}'),)),
            Message("assistant", (Text("hm"),), tool_calls=(ToolCall("c1", "f"),)),
            Message("tool", "2", tool_call_id="c1"),
        ),
    )
    sent = openai_wire.encode(WireCall.of(Call(request=request)), Features())["messages"]

    data = base64.b64encode(png).decode()
    assert sent[0]["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
        {"type": "image_url", "image_url": {"url": "https://x/y.jpg"}},
        {"type": "text", "text": "what?"},
    ]
    sound = {"data": base64.b64encode(wav).decode(), "format": "wav"}
    assert sent[1]["content"][0] == {"type": "input_audio", "input_audio": sound}
    assert sent[2] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
        ],
    }
    assert sent[3]["content"] == [{"type": "text", "text": "hm"}]
    assert sent[4] == {"role": "tool", "content": "2", "tool_call_id": "c1"}


def test_media_without_bytes_is_refused_before_anything_is_sent() -> None:
    asked = call(messages=(user("x", Image(media_type="image/png", sha256="00")),))
    with pytest.raises(ValueError, match="expected image/png with its bytes"):
        openai_wire.encode(asked, Features())


async def test_a_large_body_is_sent_whole(server: Server) -> None:
    image = Image(media_type="image/png", data=bytes(3_000_000))
    await ask(server, call(messages=(user("x", image),)))
    assert len(server.bodies[0]["messages"][0]["content"][0]["image_url"]["url"]) > 4_000_000


def test_the_bound_on_tokens_goes_by_the_name_that_the_host_knows() -> None:
    assert OpenAI("https://api.openai.com/v1").features.max_completion_tokens
    assert not OpenAI("http://localhost:8000/v1").features.max_completion_tokens
    newer = openai_wire.encode(
        call(sampling=Sampling(max_tokens=5)), Features(max_completion_tokens=True)
    )
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


async def test_the_query_of_the_base_url_is_kept(server: Server) -> None:
    server.url += "/?api-version=2"
    await ask(server, call())
    assert server.requests[0].path_qs == "/v1/chat/completions?api-version=2"


# ---------------------------------------------------------------- decoding


async def test_n_choices_make_n_replies_and_the_first_carries_the_usage(server: Server) -> None:
    server.answer = lambda body: choices(
        {"index": 1, "finish_reason": "length", "message": {"content": "b"}},
        {"index": 0, "finish_reason": "stop", "message": {"content": "a"}},
    )
    first, second = await ask(server, call(n=2))
    assert (first.text, first.stop, first.usage) == ("a", "end", Usage(tokens_in=3, tokens_out=2))
    assert (second.text, second.stop, second.usage) == ("b", "length", Usage())


def decoded(message: Any = None, finish: Any = "stop", **fields: Any) -> Reply:
    choice = {"message": message, "finish_reason": finish}
    return openai_wire.decode({"choices": [choice], **fields})[0]


@pytest.mark.parametrize(
    "message",
    [
        {"content": "4", "reasoning_content": "2+2"},
        {"content": "4", "reasoning": "2+2"},
        {"content": "<think>2+2</think>\n4"},
        {"content": "2+2</think>4"},
        {"content": "4", "reasoning": None, "reasoning_details": [{"text": "2+2"}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "2+2"}]},
                     {"type": "text", "text": "4"}]},
        {"content": [{"type": "thinking", "thinking": "2+2"}, {"type": "text", "text": "4"}]},
    ],
)  # fmt: skip
def test_reasoning_is_kept_apart_from_the_text(message: dict[str, Any]) -> None:
    reply = decoded(message)
    assert (reply.text, reply.reasoning) == ("4", "2+2")


@pytest.mark.parametrize(
    ("finish", "stop"),
    [
        ("stop", "end"), ("eos", "end"), ("length", "length"), ("content_filter", "filtered"),
        ("tool_calls", "tool"), ("", "unknown"), (None, "unknown"), ("STOP", "end"), (5, "unknown"),
    ],
)  # fmt: skip
def test_stop_reasons_are_told_apart(finish: Any, stop: str) -> None:
    assert decoded({"content": "x"}, finish).stop == stop


def test_tool_calls_and_refusals_are_decoded() -> None:
    made = {"id": "c1", "function": {"name": "f", "arguments": '{"a":1}'}}
    reply = decoded({"content": None, "tool_calls": [made]})
    assert reply.tool_calls == (ToolCall("c1", "f", '{"a":1}'),)
    assert reply.stop == "tool"
    parsed = decoded({"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}, "")
    assert parsed.tool_calls == (ToolCall("", "f", '{"a":1}'),)
    old = decoded({"content": None, "function_call": {"name": "f", "arguments": "{}"}})
    assert old.tool_calls == (ToolCall("", "f", "{}"),)
    assert decoded({"content": None, "refusal": "No."}).refusal == "No."


def test_an_empty_text_is_a_reply_and_a_missing_one_is_none() -> None:
    assert decoded({"content": ""}) == Reply()
    assert decoded({"content": None}, "length").stop == "length"
    assert decoded(None, "content_filter").stop == "filtered"
    for message in ({"content": None}, {}, None, "x"):
        with pytest.raises(ValueError, match="expected a message with content"):
            decoded(message)


CHAT = {
    "content": [
        {"token": "h", "logprob": -0.5, "bytes": None,
         "top_logprobs": [{"token": "h", "logprob": -0.5}, {"token": "j", "logprob": -1}]},
        {"token": "i", "logprob": 0, "top_logprobs": []},
    ]
}  # fmt: skip
LEGACY = {
    "tokens": ["h", "i"],
    "token_logprobs": [None, -1.5],
    "top_logprobs": [None, {"j": -2.0, "i": -1.5}],
    "text_offset": [0, 1],
}


def test_log_probabilities_are_read_in_both_shapes() -> None:
    assert openai_wire.tokens(CHAT) == (
        Token("h", -0.5, (("h", -0.5), ("j", -1.0))),
        Token("i", 0.0),
    )
    assert openai_wire.tokens(LEGACY) == (
        Token("h", 0.0),
        Token("i", -1.5, (("i", -1.5), ("j", -2.0))),
    )


@pytest.mark.parametrize(
    "bad",
    [
        None, [], {"content": None}, {"content": [{"token": "x"}]}, {"content": ["x"]}, {"x": 1},
        {"tokens": ["a", "b"], "token_logprobs": [-1, None]},
        {"tokens": ["a", "b"], "token_logprobs": [-1]},
    ],
)  # fmt: skip
def test_log_probabilities_that_make_no_sense_are_none(bad: Any) -> None:
    assert openai_wire.tokens(bad) is None


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        (None, None),
        ({}, None),
        ("x", None),
        (
            {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14,
             "prompt_tokens_details": {"cached_tokens": 4},
             "completion_tokens_details": {"reasoning_tokens": 3}},
            Usage(tokens_in=9, tokens_out=5, cached=4, reasoning=3),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 5, "prompt_cache_hit_tokens": 4,
             "prompt_tokens_details": None, "completion_tokens_details": None},
            Usage(tokens_in=9, tokens_out=5, cached=4),
        ),
        # Reasoning that is billed but left out of the completion's count, named and not.
        (
            {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 24,
             "completion_tokens_details": {"reasoning_tokens": 10}},
            Usage(tokens_in=9, tokens_out=15, reasoning=10),
        ),
        (
            {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109},
            Usage(tokens_in=35, tokens_out=74, reasoning=62),
        ),
        ({"prompt_tokens": "x", "completion_tokens": -5}, Usage()),
        ({"input_tokens": 3.0, "output_tokens": 2}, Usage(tokens_in=3, tokens_out=2)),
    ],
)  # fmt: skip
def test_usage_is_read_whatever_its_fields_are_called(usage: Any, counted: Usage | None) -> None:
    assert decoded({"content": "x"}, usage=usage).usage == counted


def test_a_broken_choice_does_not_spoil_the_others() -> None:
    whole = {"choices": [{"index": 0}, {"index": 1, "message": {"content": "b"}}], "usage": None}
    assert [reply.text for reply in openai_wire.decode(whole)] == ["b"]


# ---------------------------------------------------------------- bad bodies

JSON = "application/json"


@pytest.mark.parametrize(
    ("body", "kind", "found"),
    [
        ('{"choices": []}', JSON, "expected choices"),
        ('{"choices": null}', JSON, "expected choices, found null"),
        ("{}", JSON, "expected choices"),
        ('{"choices": [5]}', JSON, "expected a choice, found int '5'"),
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


# ---------------------------------------------------------------- streams


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **fields: Any) -> str:
    piece = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return "data: " + json.dumps({"model": "m-1", "choices": [piece], **fields}) + "\n\n"


def stream(*pieces: str) -> Answer:
    body = "".join(pieces).encode()
    return lambda _: web.Response(body=body, headers={"Content-Type": "text/event-stream"})


USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
DONE = "data: [DONE]\n\n"


async def test_a_stream_that_nobody_asked_for_is_put_together(server: Server) -> None:
    server.answer = stream(
        ": waiting\n\n",
        chunk({"role": "assistant", "reasoning_content": "2"}),
        chunk({"reasoning_content": "+2"}),
        chunk({"content": "fo"}),
        chunk({"content": "ur\u2028"}),
        chunk({}, "length"),
        USAGE,
        DONE,
    )
    assert await ask(server, call()) == [
        Reply(
            text="four\u2028", reasoning="2+2", stop="length", model="m-1",
            usage=Usage(tokens_in=3, tokens_out=2),
        )
    ]  # fmt: skip


async def test_a_stream_that_was_asked_for_is_put_together(server: Server) -> None:
    server.answer = stream(chunk({"content": "hi"}, "stop"), USAGE)
    replies = await ask(server, call(extra={"stream": True}))
    assert server.bodies[0]["stream"] is True
    assert (replies[0].text, replies[0].usage) == ("hi", Usage(tokens_in=3, tokens_out=2))


async def test_tool_calls_come_in_pieces(server: Server) -> None:
    def piece(index: int | None, name: str = "", arguments: str = "", id: str = "") -> str:
        made: dict[str, Any] = {"function": {"name": name or None, "arguments": arguments}}
        made |= {"id": id} if id else {}
        return chunk({"tool_calls": [made | ({} if index is None else {"index": index})]})

    whole = (ToolCall("c1", "f", '{"a":1}'), ToolCall("c2", "g", "{}"))
    server.answer = stream(
        piece(0, "f", id="c1"), piece(0, arguments='{"a"'), piece(0, arguments=":1}"),
        piece(1, "g", "{}", id="c2"), chunk({}, "tool_calls"), DONE,
    )  # fmt: skip
    assert (await ask(server, call()))[0].tool_calls == whole
    server.answer = stream(
        piece(None, "f", '{"a"', id="c1"), piece(None, arguments=":1}"),
        piece(None, "g", "{}", id="c2"), chunk({}, "tool_calls"), DONE,
    )  # fmt: skip
    assert (await ask(server, call()))[0].tool_calls == whole


async def test_several_choices_logprobs_and_line_breaks_are_kept_apart(server: Server) -> None:
    def piece(index: int, text: str, finish: str | None = None) -> str:
        token = {"token": text, "logprob": -1.0}
        choice = {"index": index, "delta": {"content": text}, "finish_reason": finish,
                  "logprobs": {"content": [token]}}  # fmt: skip
        return "data:" + json.dumps({"choices": [choice]}) + "\r\n\r\n"

    server.answer = stream(
        piece(1, "x"), piece(0, "a"), piece(1, "y", "stop"), piece(0, "b", "stop")
    )
    first, second = await ask(server, call(n=2))
    assert (first.text, second.text) == ("ab", "xy")
    assert first.logprobs == (Token("a", -1.0), Token("b", -1.0))


async def test_content_and_reasoning_may_come_in_parts(server: Server) -> None:
    server.answer = stream(
        chunk({"content": [{"type": "thinking", "thinking": [{"text": "2+2"}]}]}),
        chunk({"content": "4"}, "stop"),
    )
    reply = (await ask(server, call()))[0]
    assert (reply.text, reply.reasoning) == ("4", "2+2")
    server.answer = stream(
        chunk({"reasoning_details": [{"text": "2"}, {"summary": "+2"}, {"data": "x"}]}),
        chunk({"content": "4"}, "stop"),
    )
    reply = (await ask(server, call()))[0]
    assert (reply.text, reply.reasoning) == ("4", "2+2")


def test_events_have_names_and_data_of_several_lines() -> None:
    body = b"event: a\ndata: 1\ndata: 2\n\n: note\n\ndata:3\r\rdata"
    assert list(sse.events(body)) == [("a", "1\n2"), ("", "3")]


async def test_a_stream_without_blank_lines_is_read(server: Server) -> None:
    server.answer = stream(
        chunk({"content": "a"}).rstrip() + "\n",
        chunk({"content": "b"}, "stop").rstrip() + "\n",
        DONE,
    )
    assert (await ask(server, call()))[0].text == "ab"


async def test_an_error_in_a_stream_is_raised_unless_all_was_said(server: Server) -> None:
    broken = chunk(error={"message": "engine died"})
    server.answer = stream(chunk({"content": "a"}), broken, DONE)
    with pytest.raises(Unavailable, match="engine died"):
        await ask(server, call())
    server.answer = stream(chunk({"content": "a"}, "length"), broken, DONE)
    assert (await ask(server, call()))[0].stop == "length"


async def test_a_legacy_stream_is_put_together(server: Server) -> None:
    pieces = [
        "data: " + json.dumps({"choices": [{"index": 0, "text": text, "finish_reason": finish}]})
        for text, finish in (("a", None), ("b", "stop"))
    ]
    server.answer = stream("\n\n".join(pieces), "\n\n", DONE)
    assert (await ask(server, call(prompt="x")))[0].text == "ab"


# ---------------------------------------------------------------- legacy completions


def completion(text: str, logprobs: Any = None) -> web.Response:
    return choices({"index": 0, "text": text, "finish_reason": "length", "logprobs": logprobs})


async def test_a_prompt_goes_to_the_legacy_endpoint(server: Server) -> None:
    scored = {"tokens": ["ab", "c"], "token_logprobs": [None, -1.0]}
    server.answer = lambda _: completion("abc", scored)
    asked = call(prompt="abc", echo=True, logprobs=1, sampling=Sampling(max_tokens=0))

    reply = (await ask(server, asked))[0]

    assert server.requests[0].path == "/v1/completions"
    assert server.bodies == [
        {"model": "m", "prompt": "abc", "echo": True, "logprobs": 1, "max_tokens": 0}
    ]
    assert (reply.text, reply.stop, reply.logprob) == ("abc", "length", -1.0)


@pytest.mark.parametrize(
    ("text", "logprobs", "found"),
    [
        (" of the rest", None, "a text that begins ' of the rest'"),
        ("Once upon a time", None, "log-probabilities for 0 characters"),
        ("Once upon a time", {"content": [{"token": "!", "logprob": -1}]}, "for 1 characters"),
    ],
)
async def test_an_endpoint_that_ignores_echo_is_rejected(
    server: Server, text: str, logprobs: Any, found: str
) -> None:
    server.answer = lambda _: completion(text, logprobs)
    with pytest.raises(Rejected, match="ignores `echo`") as caught:
        await ask(server, call(prompt="Once upon a time", echo=True, logprobs=1))
    assert found in str(caught.value)


async def test_echo_without_log_probabilities_needs_the_text_alone(server: Server) -> None:
    server.answer = lambda _: completion(" Once upon a time")
    assert await ask(server, call(prompt="Once upon a time", echo=True))


async def test_an_echoed_prompt_keeps_its_tags(server: Server) -> None:
    server.answer = lambda body: completion("<think>2+2</think>4")
    echoed = await ask(server, call(prompt="<think>2+2</think>", echo=True))
    assert echoed[0].text == "<think>2+2</think>4"
    plain = await ask(server, call(prompt="2+2?"))
    assert (plain[0].text, plain[0].reasoning) == ("4", "2+2")


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "bad value", Rejected),
        (400, "This model's maximum context length is 4096 tokens.", ContextOverflow),
        (400, "the request exceeds the available context size", ContextOverflow),
        (400, "prompt is too long: 250000 tokens > 200000 maximum", ContextOverflow),
        (400, "The input token count (5) exceeds the maximum number of tokens", ContextOverflow),
        (400, "Please reduce the length of the messages or completion.", ContextOverflow),
        (413, "Requested tokens (9) exceed context window of 8", ContextOverflow),
        (413, "Payload too large", Rejected),
        (422, "`inputs` tokens + `max_new_tokens` must be <= 2048.", ContextOverflow),
        (400, "max_tokens must be at least 1", Rejected),
        (400, "The response was filtered due to the content policy", Rejected),
        (400, "API key not valid. Please pass a valid API key.", Unauthorized),
        (401, "no", Unauthorized),
        (402, "Insufficient Balance", Unauthorized),
        (403, "no", Unauthorized),
        (403, "Your input was flagged by moderation", Rejected),
        (404, "no such model", Rejected),
        (405, "no", Rejected),
        (408, "late", Unavailable),
        (409, "busy", Unavailable),
        (422, "bad", Rejected),
        (425, "early", Unavailable),
        (429, "slow down", RateLimited),
        (429, "You exceeded your current quota. Please retry in 3s.", RateLimited),
        (429, "insufficient_quota", Unauthorized),
        (429, "Request too large for m: Limit 9, Requested 10. It must be reduced.", Rejected),
        (500, "oops", Unavailable),
        (501, "not implemented", Rejected),
        (502, "gateway", Unavailable),
        (529, "overloaded", Unavailable),
    ],
)
async def test_every_status_has_its_error(
    server: Server, status: int, message: str, kind: type[ProviderError]
) -> None:
    server.answer = lambda _: error(status, message)
    with pytest.raises(ProviderError) as caught:
        await ask(server, call())
    assert type(caught.value) is kind
    assert message.rstrip(".") in str(caught.value)
    assert f"{server.url}/chat/completions" in str(caught.value)
    assert "'m'" in str(caught.value)
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("status", "answered"), [(500, True), (409, True), (502, False), (503, False), (504, False)]
)
async def test_only_an_endpoint_that_is_alive_has_answered(
    server: Server, status: int, answered: bool
) -> None:
    server.answer = lambda _: error(status, "x")
    with pytest.raises(Unavailable) as caught:
        await ask(server, call())
    assert caught.value.answered is answered


NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("headers", "body", "wait"),
    [
        ({}, "", None),
        ({"Retry-After": "7"}, "", 7),
        ({"Retry-After": "1.5"}, "", 1.5),
        ({"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT"}, "", 30),
        ({"Retry-After": "Tue, 14 Nov 2023 22:13:10 GMT"}, "", 0),
        ({"Retry-After": "soon"}, "", None),
        ({"Retry-After": "nan"}, "", None),
        ({"Retry-After": "9", "retry-after-ms": "250"}, "", 0.25),
        ({"x-ratelimit-reset-requests": "6m0s"}, "", 360),
        ({"x-ratelimit-reset-tokens": "20ms", "x-ratelimit-reset-requests": "1s"}, "", 0.02),
        (
            {"x-ratelimit-reset-tokens": "20ms", "x-ratelimit-reset-requests": "1m2.5s",
             "x-ratelimit-remaining-tokens": "5", "x-ratelimit-remaining-requests": "0"},
            "", 62.5,
        ),
        ({"X-RateLimit-Reset": "1700000012"}, "", 12),
        ({"X-RateLimit-Reset": "1700000012500"}, "", 12.5),
        ({"x-ratelimit-reset": "2023-11-14T22:13:40Z"}, "", 20),
        ({}, '{"error": {"details": [{"retryDelay": "34.5s"}]}}', 34.5),
        ({}, '{"retry_after": 3}', 3),
        ({}, "Rate limit reached. Please try again in 1m2.5s. Visit", 62.5),
        ({}, "Please try again in 20ms.", 0.02),
        ({"Retry-After": "2"}, "Please try again in 20ms.", 2),
    ],
)  # fmt: skip
def test_the_wait_that_the_server_advises(
    headers: dict[str, str], body: str, wait: float | None
) -> None:
    from multidict import CIMultiDict

    found = retry_after(CIMultiDict(headers), body, NOW)
    assert found == (None if wait is None else pytest.approx(wait))


async def test_the_advised_wait_reaches_the_error(server: Server) -> None:
    server.answer = lambda _: error(429, "slow", headers={"Retry-After": "7"})
    with pytest.raises(RateLimited) as limited:
        await ask(server, call())
    assert limited.value.retry_after == 7
    server.answer = lambda _: error(503, "slow", headers={"Retry-After": "8"})
    with pytest.raises(Unavailable) as unavailable:
        await ask(server, call())
    assert unavailable.value.retry_after == 8


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
    provider = OpenAI("http://127.0.0.1:9/v1")
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
    provider = OpenAI(f"http://127.0.0.1:{port}/v1", key=KEY)
    with pytest.raises(Unavailable) as caught:
        await provider(call())
    await provider.close()
    raw.close()
    assert not caught.value.answered
    assert_hidden("".join(traceback.format_exception(caught.value)))
    assert_hidden(repr(vars(caught.value)) + repr(caught.value.__cause__))
    assert_hidden(repr(getattr(caught.value.__cause__, "args", "")))


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
    azure = sent_headers("x.openai.azure.com", KEY)
    assert (azure["api-key"], "Authorization" in azure) == (KEY, False)
    assert "Authorization" not in sent_headers("localhost", None)


def test_the_key_is_not_in_the_representation() -> None:
    provider = OpenAI("https://x.openai.azure.com/v1?key=1", key=KEY)
    assert repr(provider) == "OpenAI('https://x.openai.azure.com/v1')"


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("localhost:8000", None),
        ("ftp://x/v1", None),
        ("http://", None),
        ("http://user:sk-secret@x/v1", None),
        ("http://user:sk-secret@x:port/v1", None),
        ("http://x/v1", "sk-secret\nX: 1"),
        ("http://x/v1", "sk-secretä"),
    ],
)
def test_an_address_or_key_that_cannot_be_used_is_refused(url: str, key: str | None) -> None:
    with pytest.raises(ConfigError) as caught:
        OpenAI(url, key=key)
    assert_hidden(str(caught.value))


def test_a_full_address_is_taken_for_its_base() -> None:
    assert repr(OpenAI("http://x/v1/chat/completions/")) == "OpenAI('http://x/v1')"


# ---------------------------------------------------------------- what endpoints lack


async def test_an_endpoint_that_ignores_n_is_asked_for_one(server: Server) -> None:
    provider = server.provider()
    for _ in range(2):
        assert len(await provider(call(n=3))) == 1
    await provider.close()
    assert ["n" in body for body in server.bodies] == [True, False]
    assert not provider.features.n


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
    asked = call(schema=SCHEMA, messages=(system("Be brief."), user("One?")))
    for _ in range(2):
        assert (await provider(asked))[0].text == '{"a": 1}'
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


def test_a_schema_in_words_is_added_to_the_last_turn_of_the_user() -> None:
    lowered = Features(schema="refused")
    parts = Request(model="m", schema=SCHEMA, messages=(user("x", Image(url="https://y")),))
    content = openai_wire.messages(parts, lowered)[0]["content"]
    assert [part["type"] for part in content] == ["image_url", "text", "text"]
    alone = Request(model="m", schema=SCHEMA, messages=(system("x"),))
    assert [turn["role"] for turn in openai_wire.messages(alone, lowered)] == ["system", "user"]


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
    asked = call(sampling=Sampling(stop=("Q:", "\n")), logprobs=0)
    provider = server.provider()
    replies = [(await provider(asked))[0] for _ in range(2)]
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


# ---------------------------------------------------------------- hidden samplers

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


@pytest.mark.parametrize(("asked", "sent"), [(0, 1), (1, 1), (5, 5)])
async def test_llama_cpp_is_told_how_many_alternatives_a_token_needs(
    server: Server, asked: int, sent: int
) -> None:
    # It sends 20 for each token where nobody says how many, and no log-probabilities at 0.
    server.models = web.json_response({"data": [{"id": "m", "owned_by": "llamacpp"}]})
    await ask(server, call(sampling=Sampling(temperature=1), logprobs=asked))
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


async def test_a_look_that_takes_too_long_is_given_up(server: Server) -> None:
    server.models_after = 1.0
    provider = server.provider(timeout=0.1)
    for _ in range(2):
        await provider(call(sampling=Sampling(temperature=1)))
    await provider.close()
    assert server.looks == 1


async def test_nobody_is_looked_at_who_is_not_asked_for_a_temperature(server: Server) -> None:
    await ask(server, call(sampling=Sampling(max_tokens=5)))
    assert server.looks == 0


def test_llama_cpp_gets_the_schema_in_the_form_that_both_its_servers_keep_to() -> None:
    body = openai_wire.encode(call(schema=SCHEMA), Features(family="llama.cpp"))
    assert body["response_format"] == {"type": "json_object", "schema": SCHEMA}


# ---------------------------------------------------------------- hostile words


@pytest.mark.parametrize(
    "pattern", ["prompt ", "api key ", "1m", '{"a":', "input tokens ", "messages "]
)
def test_a_hostile_error_takes_linear_time(pattern: str) -> None:
    body = (pattern * 200_000).encode()
    start = time.process_time()
    for status in (400, 403, 429):
        raised = failure(status, {}, body, url="http://x", model="m", secret=KEY)
        assert len(str(raised)) < 700
    assert time.process_time() - start < 2
