"""The border, fuzzed: whatever bytes, JSON, headers and streams an endpoint sends, what comes of them
is a value of ours in its bounds or an error of ours."""

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from understudy.errors import ProviderError, Rejected
from understudy.providers.failures import (
    LONGEST_WAIT,
    classify,
    classify_field,
    quote,
    read_message,
    retry_after,
)
from understudy.providers.openai import recognize
from understudy.providers.openai.decode import decode, decode_logprobs, decode_usage
from understudy.providers.openai.stream import assemble
from understudy.types import Reply, Request

NAMES = [
    "choices", "message", "content", "text", "finish_reason", "index", "logprobs", "token",
    "logprob", "top_logprobs", "tokens", "token_logprobs", "usage", "prompt_tokens", "total_tokens",
    "completion_tokens", "completion_tokens_details", "reasoning_tokens", "cached_tokens", "model",
    "tool_calls", "function", "name", "arguments", "function_call", "refusal", "reasoning",
    "reasoning_content", "reasoning_details", "thinking", "type", "delta", "error", "code", "id",
]  # fmt: skip
"""The fields that the decoder looks at."""

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from([2**62, 10**25, -1, 1e30, "stop", "thinking", "429", 429, "<think>"])
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
    ),
    max_leaves=40,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=8)
NUMBERS = st.floats() | st.integers() | st.sampled_from([True, None, "-1"])
TEXTS = st.text(max_size=3) | st.sampled_from([5, None, ["a"]])
TOKENS = st.fixed_dictionaries(
    {"token": TEXTS, "logprob": NUMBERS},
    optional={
        "top_logprobs": st.lists(st.fixed_dictionaries({"token": TEXTS, "logprob": NUMBERS}))
    },
)
LOGPROBS = (
    st.fixed_dictionaries({"content": st.lists(TOKENS, max_size=3)})
    | st.lists(st.tuples(TEXTS, NUMBERS), max_size=3).map(
        lambda rows: {"tokens": [t for t, _ in rows], "token_logprobs": [v for _, v in rows]}
    )
    | JSON
)
FIELDS = ["content", "reasoning", "reasoning_details", "tool_calls", "refusal", "function_call"]
MESSAGES = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON))
CHOICES = st.lists(
    OBJECTS
    | st.fixed_dictionaries(
        {"message": MESSAGES | JSON},
        optional={"index": JSON, "finish_reason": JSON, "logprobs": LOGPROBS},
    ),
    max_size=4,
)
BODIES = OBJECTS | st.fixed_dictionaries(
    {"choices": CHOICES}, optional={"usage": OBJECTS, "model": JSON}
)
MANY = settings(max_examples=60)

PLAIN = Request(model="m")
ECHO = Request(model="m", prompt="The sky", echo=True, logprobs=1)


def assert_sound(reply: Reply) -> None:
    """Of the right types and in its bounds: the journal reads what it wrote."""
    assert msgspec.json.decode(msgspec.json.encode(reply), type=Reply) == reply
    if reply.usage is not None:
        counts = msgspec.structs.astuple(reply.usage)
        assert all(type(count) is int and 0 <= count < 4e9 for count in counts)
    for token in reply.logprobs or ():
        for logprob in (token.logprob, *(logprob for _, logprob in token.top)):
            assert math.isfinite(logprob)
            assert -9_999 <= logprob <= 0


@MANY
@given(BODIES, st.sampled_from([PLAIN, ECHO]))
def test_any_answer_gives_replies_or_a_reason(body: Any, request: Request) -> None:
    try:
        replies = decode(body, request)
    except ValueError:  # `Rejected` is one
        return
    assert replies
    for reply in replies:
        assert_sound(reply)


@MANY
@given(LOGPROBS, st.dictionaries(st.sampled_from(NAMES), SCALARS))
def test_any_log_probabilities_and_counts_are_sound_or_absent(logprobs: Any, usage: Any) -> None:
    assert_sound(Reply(logprobs=decode_logprobs(logprobs), usage=decode_usage(usage)))


@MANY
@given(st.lists(BODIES | st.just("[DONE]"), max_size=5), st.sampled_from(["\n\n", "\n", "\r\r"]))
def test_any_stream_gives_an_answer_or_a_reason(chunks: list[Any], end: str) -> None:
    lines = [chunk if isinstance(chunk, str) else json.dumps(chunk) for chunk in chunks]
    body = "".join(f"data: {line}{end}" for line in lines).encode("utf-8", "surrogatepass")
    try:
        replies = decode(assemble(body), PLAIN)
    except ValueError:
        return
    for reply in replies:
        assert_sound(reply)


@MANY
@given(st.binary(max_size=200))
def test_any_bytes_of_a_stream_give_an_answer_or_a_reason(body: bytes) -> None:
    for start in (b"", b"data: ", b'data: {"choices": [{"delta": {"content": '):
        try:
            assemble(start + body)
        except ValueError:
            continue


@MANY
@given(
    st.integers(100, 999),
    st.dictionaries(
        st.sampled_from(["Retry-After", "retry-after-ms", "x-ratelimit-reset", "Location"]),
        st.text(max_size=30) | st.floats().map(str) | st.integers().map(str)
        | st.datetimes().map(str),
    ),
    st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()),
)  # fmt: skip
def test_any_refusal_has_its_error(status: int, headers: dict[str, str], body: bytes) -> None:
    error = classify(status, CIMultiDict(headers), body, url="u", model="m", now=1.7e9)
    assert isinstance(error, ProviderError)
    wait = getattr(error, "retry_after", None)
    assert wait is None or 0 <= wait <= LONGEST_WAIT
    assert len(str(error)) < 2_000


@MANY
@given(JSON)
def test_any_error_field_has_its_error(value: Any) -> None:
    assert isinstance(classify_field(value, {}, url="u", model="m"), ProviderError)


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("9999999d", ""),
        ("9" * 60 + "d", ""),
        ("9" * 12, ""),
        ("9999-12-31T23:59:59Z", ""),
        ("", "try again in " + "9" * 10_000 + "h"),
        ("", '"retry_after": ' + "9" * 10_000),
    ],
)
def test_no_advice_holds_a_run_up_for_more_than_a_day(header: str, body: str) -> None:
    assert retry_after({"Retry-After": header}, body, 0.0) == LONGEST_WAIT


@pytest.mark.parametrize("value", ["9" * 8_000, "9" * 8_000 + "d", "1s" * 4_000, " " * 8_000])
def test_a_long_header_is_no_time(value: str) -> None:
    """To read one for a duration takes its length squared."""
    headers = {"Retry-After": value, "x-ratelimit-reset": value}
    assert retry_after(headers, "", 0.0) is None


@MANY
@given(st.binary(max_size=200))
def test_any_page_tells_which_software_answers_or_nothing(body: bytes) -> None:
    assert recognize({}, body) == ""


DEEP = 995
"""As deep as JSON is decoded, and too deep for what decodes it to be encoded again."""


@pytest.mark.parametrize("field", ["content", "logprobs", "tool_calls", "reasoning_details"])
def test_deep_json_is_no_stack_overflow(field: str) -> None:
    for depth in range(100, DEEP, 50):
        value = msgspec.json.decode(b"[" * depth + b"]" * depth)
        call = [{"function": {"name": "f", "arguments": value}}]
        message = {"content": "x", field: call if field == "tool_calls" else value}
        try:
            decode({"choices": [{"message": message, "logprobs": value}]}, PLAIN)
        except (ValueError, RecursionError):  # the provider takes both for an unusable body
            continue
        classify_field({"message": value}, {}, url="u", model="m")


# ---------------------------------------------------------------- the key


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40))
def test_a_key_is_hidden_however_it_is_written(key: str) -> None:
    forms = [key, json.dumps(key), json.dumps({"error": key}), json.dumps({"m": {"k": key}})]
    for form in forms:
        shown = quote(read_message(form.encode()), [key])
        assert key not in shown


def test_a_key_cut_off_by_the_limit_of_a_quotation_is_hidden() -> None:
    for start in range(470, 520):
        assert "sk-sec" not in quote("x" * start + "sk-secret" * 3, ["sk-secret"])


def test_an_endpoint_that_ignores_echo_is_refused_without_its_words() -> None:
    body = {"choices": [{"text": "sk-secret", "finish_reason": "stop"}]}
    with pytest.raises(Rejected) as caught:
        decode(body, ECHO)
    assert "sk-secret" not in str(caught.value)
