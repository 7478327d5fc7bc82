"""Streamed replies, put together."""

import json
from typing import Any

import pytest

from tests.providers.endpoint import (
    DONE,
    USAGE,
    Server,
    ask,
    call,
    chunk,
    stream,
)
from understudy.errors import (
    Unavailable,
)
from understudy.providers.openai import stream as openai_stream
from understudy.providers.openai.stream import assemble, events
from understudy.types import (
    Reply,
    Token,
    ToolCall,
    Usage,
)


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
    assert list(events(body)) == [("a", "1\n2"), ("", "3")]


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


def test_a_stream_has_only_so_many_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_stream, "MOST_CHOICES", 2)
    body = "".join(
        "data: " + json.dumps({"choices": [{"index": i, "text": "x", "finish_reason": "stop"}]})
        + "\n\n"
        for i in (0, 1, 2, 3, 1)
    )  # fmt: skip
    assert [choice["text"] for choice in assemble(body.encode())["choices"]] == ["x", "xx"]
