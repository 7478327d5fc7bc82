"""A request as the body of a completion."""

import base64
from typing import Any

import pytest

from tests.providers.endpoint import (
    SCHEMA,
    Server,
    ask,
    call,
)
from understudy.providers.negotiate import Features
from understudy.providers.openai.encode import NEUTRAL, encode, messages, path
from understudy.types import (
    Audio,
    Call,
    Image,
    Message,
    Request,
    Sampling,
    Text,
    ToolCall,
    WireCall,
    system,
    user,
)


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


def test_llama_cpp_gets_the_schema_in_the_form_that_both_its_servers_keep_to() -> None:
    body = encode(call(schema=SCHEMA), Features(family="llama.cpp"))
    assert body["response_format"] == {"type": "json_object", "schema": SCHEMA}


def test_a_schema_in_words_is_added_to_the_last_turn_of_the_user() -> None:
    lowered = Features(schema="refused")
    parts = Request(model="m", schema=SCHEMA, messages=(user("x", Image(url="https://y")),))
    content = messages(parts, lowered)[0]["content"]
    assert [part["type"] for part in content] == ["image_url", "text", "text"]
    alone = Request(model="m", schema=SCHEMA, messages=(system("x"),))
    assert [turn["role"] for turn in messages(alone, lowered)] == ["system", "user"]


def test_a_prompt_goes_to_the_legacy_path_and_messages_to_the_chat() -> None:
    assert path(Request(model="m", prompt="x")) == "completions"
    assert path(Request(model="m", messages=(user("x"),))) == "chat/completions"


def test_what_an_endpoint_refuses_is_left_out() -> None:
    question = call(n=3, schema=SCHEMA, logprobs=2)
    lowered = Features(n=False, logprobs="refused", schema="refused")
    assert encode(question, lowered).keys() == {"model", "messages"}
    ignored = Features(logprobs="ignored", schema="ignored")
    assert encode(question, ignored).keys() >= {"n", "logprobs", "response_format"}


def test_a_legacy_prompt_keeps_the_old_name_of_the_bound_on_tokens() -> None:
    newer = Features(max_completion_tokens=True)
    body = encode(call(prompt="x", sampling=Sampling(max_tokens=5)), newer)
    assert body == {"model": "m", "prompt": "x", "max_tokens": 5}


@pytest.mark.parametrize(
    ("media_type", "name"), [("audio/mpeg", "mp3"), ("audio/wave", "wav"), ("audio/flac", "flac")]
)
def test_sound_is_sent_by_the_name_that_the_dialect_has_for_its_format(
    media_type: str, name: str
) -> None:
    sound = Audio(media_type=media_type, data=b"x")
    body = encode(call(messages=(Message("user", (sound,)),)), Features())
    assert body["messages"][0]["content"][0]["input_audio"]["format"] == name


def test_llama_cpp_gets_neutral_samplers_only_with_a_temperature_and_only_where_unset() -> None:
    llama = Features(family="llama.cpp")
    warm = encode(call(sampling=Sampling(temperature=1, top_p=0.5)), llama)
    assert {name: warm[name] for name in NEUTRAL} == NEUTRAL | {"top_p": 0.5}
    assert not encode(call(sampling=Sampling(max_tokens=1)), llama).keys() & NEUTRAL.keys()
    assert not encode(call(sampling=Sampling(temperature=1)), Features()).keys() & NEUTRAL.keys()
