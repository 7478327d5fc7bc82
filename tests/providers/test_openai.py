"""OpenAI's dialect: what is sent, and what is made of the answers of many servers."""

import asyncio
import base64
import math
from typing import Any

import pytest
from aiohttp import web

from tests.providers.endpoint import (
    KEY,
    SCHEMA,
    Server,
    ask,
    call,
    choices,
    error,
    ok,
)
from understudy.errors import (
    Rejected,
)
from understudy.providers import dialect
from understudy.providers.negotiate import Features
from understudy.providers.openai import guess_features
from understudy.providers.openai.decode import decode, decode_logprobs
from understudy.providers.openai.encode import encode
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
    user,
)

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
    body = encode(call(sampling=sampling, logprobs=0), Features())
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
    body = encode(call(schema=schema), Features())
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
    sent = encode(WireCall.of(Call(request=request)), Features())["messages"]

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
    question = call(messages=(user("x", Image(media_type="image/png", sha256="00")),))
    with pytest.raises(ValueError, match="expected image/png with its bytes"):
        encode(question, Features())


async def test_a_large_body_is_sent_whole(server: Server) -> None:
    image = Image(media_type="image/png", data=bytes(3_000_000))
    await ask(server, call(messages=(user("x", image),)))
    assert len(server.bodies[0]["messages"][0]["content"][0]["image_url"]["url"]) > 4_000_000


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


PLAIN = Request(model="m")


def decode_message(message: Any = None, finish: Any = "stop", **fields: Any) -> Reply:
    choice = {"message": message, "finish_reason": finish}
    return decode({"choices": [choice], **fields}, PLAIN)[0]


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
    reply = decode_message(message)
    assert (reply.text, reply.reasoning) == ("4", "2+2")


@pytest.mark.parametrize(
    ("finish", "stop"),
    [
        ("stop", "end"), ("eos", "end"), ("length", "length"), ("content_filter", "filtered"),
        ("tool_calls", "tool"), ("", "unknown"), (None, "unknown"), ("STOP", "end"), (5, "unknown"),
    ],
)  # fmt: skip
def test_stop_reasons_are_told_apart(finish: Any, stop: str) -> None:
    assert decode_message({"content": "x"}, finish).stop == stop


def test_tool_calls_and_refusals_are_decode_message() -> None:
    made = {"id": "c1", "function": {"name": "f", "arguments": '{"a":1}'}}
    reply = decode_message({"content": None, "tool_calls": [made]})
    assert reply.tool_calls == (ToolCall("c1", "f", '{"a":1}'),)
    assert reply.stop == "tool"
    parsed = decode_message(
        {"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}, ""
    )
    assert parsed.tool_calls == (ToolCall("", "f", '{"a":1}'),)
    old = decode_message({"content": None, "function_call": {"name": "f", "arguments": "{}"}})
    assert old.tool_calls == (ToolCall("", "f", "{}"),)
    assert decode_message({"content": None, "refusal": "No."}).refusal == "No."


def test_an_empty_text_is_a_reply_and_a_missing_one_is_none() -> None:
    assert decode_message({"content": ""}) == Reply()
    assert decode_message({"content": None}, "length").stop == "length"
    assert decode_message(None, "content_filter").stop == "filtered"
    for message in ({"content": None}, {}, None, "x"):
        with pytest.raises(ValueError, match="expected a message with content"):
            decode_message(message)


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
    assert decode_logprobs(CHAT) == (
        Token("h", -0.5, (("h", -0.5), ("j", -1.0))),
        Token("i", 0.0),
    )
    assert decode_logprobs(LEGACY) == (
        Token("h", 0.0),
        Token("i", -1.5, (("i", -1.5), ("j", -2.0))),
    )


@pytest.mark.parametrize(
    "bad",
    [
        None, [], {"content": None}, {"content": [{"token": "x"}]}, {"content": ["x"]}, {"x": 1},
        {"tokens": ["a", "b"], "token_logprobs": [-1, None]},
        {"tokens": ["a", "b"], "token_logprobs": [-1]},
        {"content": [{"token": 5, "logprob": -1}]},
        {"content": [{"token": "x", "logprob": "-1"}]},
        {"content": [{"token": "x", "logprob": True}]},
        {"content": [{"token": "x", "logprob": 2}]},
        {"content": [{"token": "x", "logprob": math.nan}]},
        {"content": [{"token": "x", "logprob": -1, "top_logprobs": [{"token": 5, "logprob": -1}]}]},
        {"tokens": [5], "token_logprobs": [-1]},
    ],
)  # fmt: skip
def test_log_probabilities_that_make_no_sense_are_none(bad: Any) -> None:
    assert decode_logprobs(bad) is None


@pytest.mark.parametrize(
    ("sent", "kept"), [(1e-7, 0.0), (0, 0.0), (-(10**40), -9_999.0), (-math.inf, -9_999.0)]
)
def test_a_log_probability_is_kept_in_its_bounds(sent: float, kept: float) -> None:
    """JSON knows no infinity: the journal could not read it again."""
    chat = {"content": [{"token": "x", "logprob": sent, "top_logprobs": []}]}
    legacy = {"tokens": ["x"], "token_logprobs": [sent], "top_logprobs": [{"x": sent}]}
    assert decode_logprobs(chat) == (Token("x", kept),)
    assert decode_logprobs(legacy) == (Token("x", kept, (("x", kept),)),)


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
        ({"prompt_tokens": "x", "completion_tokens": -5}, None),
        ({"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": -1},
          "completion_tokens_details": {"reasoning_tokens": "x"}},
         Usage(tokens_in=9, tokens_out=5)),
        ({"input_tokens": 3.0, "output_tokens": 2}, Usage(tokens_in=3, tokens_out=2)),
    ],
)  # fmt: skip
def test_usage_is_read_whatever_its_fields_are_called(usage: Any, counted: Usage | None) -> None:
    assert decode_message({"content": "x"}, usage=usage).usage == counted


def test_a_broken_choice_does_not_spoil_the_others() -> None:
    whole = {"choices": [{"index": 0}, {"index": 1, "message": {"content": "b"}}], "usage": None}
    assert [reply.text for reply in decode(whole, PLAIN)] == ["b"]


# ---------------------------------------------------------------- legacy completions


def completion(text: str, logprobs: Any = None) -> web.Response:
    return choices({"index": 0, "text": text, "finish_reason": "length", "logprobs": logprobs})


async def test_a_prompt_goes_to_the_legacy_endpoint(server: Server) -> None:
    scored = {"tokens": ["ab", "c"], "token_logprobs": [None, -1.0]}
    server.answer = lambda _: completion("abc", scored)
    question = call(prompt="abc", echo=True, logprobs=1, sampling=Sampling(max_tokens=0))

    reply = (await ask(server, question))[0]

    assert server.requests[0].path == "/v1/completions"
    assert server.bodies == [
        {"model": "m", "prompt": "abc", "echo": True, "logprobs": 1, "max_tokens": 0}
    ]
    assert (reply.text, reply.stop, reply.logprob) == ("abc", "length", -1.0)


@pytest.mark.parametrize(
    ("text", "logprobs", "found"),
    [
        (" of the rest", None, "a text that does not begin with it"),
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


def test_llama_cpp_gets_the_schema_in_the_form_that_both_its_servers_keep_to() -> None:
    body = encode(call(schema=SCHEMA), Features(family="llama.cpp"))
    assert body["response_format"] == {"type": "json_object", "schema": SCHEMA}
