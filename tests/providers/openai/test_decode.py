"""The replies of a completion, whatever a compatible server sends."""

import math
from typing import Any

import pytest
from aiohttp import web

from tests.providers.endpoint import (
    Server,
    ask,
    call,
    choices,
)
from understudy.errors import (
    Rejected,
)
from understudy.providers.openai.decode import decode, decode_logprobs
from understudy.types import (
    Reply,
    Request,
    Token,
    ToolCall,
    Usage,
)


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


def test_tool_calls_and_refusals_are_decoded() -> None:
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


def completion(text: str, logprobs: Any = None) -> web.Response:
    return choices({"index": 0, "text": text, "finish_reason": "length", "logprobs": logprobs})


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
