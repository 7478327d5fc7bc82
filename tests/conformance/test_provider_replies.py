"""Every recorded reply and error of the chat completions dialect, served again and decoded.

The recording holds 435 interactions with 27 hosts in several dialects. By the path: what ends in
`/chat/completions` is of this dialect, what ends in `/completions` else is of its legacy form, all
the rest (messages, responses, generateContent, embeddings, ...) is of another.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from understudy.errors import ProviderError, Unavailable
from understudy.providers.failures import classify
from understudy.providers.openai import connect
from understudy.providers.table import Target
from understudy.types import (
    Call,
    Reply,
    Request,
    WireCall,
)


def dialect(row: dict[str, Any]) -> str:
    path = row["path"].partition("?")[0]
    if path.endswith("/chat/completions"):
        return "chat"
    return "legacy" if path.endswith("/completions") else "other"


def raw(row: dict[str, Any]) -> bytes:
    response = row["response"]
    return (response if isinstance(response, str) else json.dumps(response)).encode()


@pytest.fixture(scope="module")
def rows(data: Path) -> list[dict[str, Any]]:
    lines = (data / "providers" / "provider_interactions.jsonl").read_text().split("\n")
    return [json.loads(line) for line in lines if line]


class Outcome(NamedTuple):
    row: dict[str, Any]
    replies: list[Reply]
    error: ProviderError | None

    @property
    def streamed(self) -> bool:
        return isinstance(self.row["response"], str)


async def replayed(rows: list[dict[str, Any]]) -> list[Outcome]:
    """What the provider makes of each row, served by a server as it was recorded."""

    async def serve(request: web.Request) -> web.Response:
        row = rows[int(request.match_info["row"])]
        headers = {name: values[0] for name, values in row["response_headers"].items()}
        return web.Response(status=row["status"], body=raw(row), headers=headers)

    app = web.Application()
    app.router.add_post("/{row}/{tail:.*}", serve)
    async with TestServer(app) as server:
        return [await outcome(row, str(server.make_url(f"/{i}"))) for i, row in enumerate(rows)]


async def outcome(row: dict[str, Any], url: str) -> Outcome:
    request = Request(model="m", prompt="x" if dialect(row) == "legacy" else "")
    provider = connect(Target(model="m", url=url))
    try:
        return Outcome(row, list(await provider(WireCall.of(Call(request=request)))), None)
    except ProviderError as error:
        return Outcome(row, [], error)
    finally:
        await provider.close()


def test_the_recording_is_the_one_that_the_counts_are_of(rows: list[dict[str, Any]]) -> None:
    assert len({row["host"] for row in rows}) == 27
    assert Counter(map(dialect, rows)) == {"chat": 172, "legacy": 21, "other": 242}


async def test_every_chat_reply_decodes(rows: list[dict[str, Any]]) -> None:
    chat = [row for row in rows if dialect(row) == "chat" and row["status"] == 200]
    outcomes = await replayed(chat)

    assert [outcome.error for outcome in outcomes if outcome.error] == []
    assert Counter(outcome.streamed for outcome in outcomes) == {False: 119, True: 33}
    assert {len(outcome.replies) for outcome in outcomes} == {1}
    replies = [outcome.replies[0] for outcome in outcomes]
    assert Counter(reply.stop for reply in replies) == STOPS
    assert sum(bool(reply.text) for reply in replies) == 126
    assert sum(len(reply.tool_calls) for reply in replies) == 29
    assert sum(bool(reply.reasoning) for reply in replies) == 37
    assert sum(reply.usage is not None for reply in replies) == 143
    assert sum(bool(reply.model) for reply in replies) == 151
    # Without a text or a tool call: cut in its reasoning, or held back by a content filter.
    empty = [reply for reply in replies if not reply.text and not reply.tool_calls]
    assert Counter(reply.stop for reply in empty) == {"length": 1, "filtered": 2}


STOPS = {"end": 107, "tool": 27, "length": 10, "unknown": 6, "filtered": 2}


async def test_chat_replies_say_what_the_recording_says(rows: list[dict[str, Any]]) -> None:
    """The fields that need no interpretation, against a plain reading of the recorded JSON."""
    plain = [
        row
        for row in rows
        if dialect(row) == "chat" and row["status"] == 200 and isinstance(row["response"], dict)
    ]
    texts = counts = calls = 0
    for outcome in await replayed(plain):
        choice = outcome.row["response"]["choices"][0]
        message, reply = choice.get("message") or {}, outcome.replies[0]
        assert "<think" not in reply.text
        assert "</think" not in reply.text
        content = message.get("content")
        if isinstance(content, str) and "<think>" not in content:
            assert reply.text == content
            texts += 1
        made = [
            (call["id"], call["function"]["name"], call["function"].get("arguments", "{}"))
            for call in message.get("tool_calls") or []
        ]
        assert [(call.id, call.name, call.arguments) for call in reply.tool_calls] == made
        calls += len(made)
        usage = outcome.row["response"]["usage"]
        assert reply.usage is not None
        assert reply.usage.tokens_in == usage["prompt_tokens"]
        assert reply.usage.tokens_in + reply.usage.tokens_out == usage["total_tokens"]
        counts += 1
    assert (texts, calls, counts) == (100, 22, 119)


async def test_every_legacy_reply_decodes_but_for_a_dialect_of_its_own(
    rows: list[dict[str, Any]],
) -> None:
    legacy = [row for row in rows if dialect(row) == "legacy"]
    outcomes = await replayed(legacy)

    decoded = [outcome for outcome in outcomes if not outcome.error]
    assert Counter(outcome.streamed for outcome in decoded) == {False: 12, True: 6}
    assert all(outcome.replies[0].text for outcome in decoded)
    # A stream of {"value": ...}, without choices.
    strange = [outcome for outcome in outcomes if outcome.error]
    assert [outcome.row["host"] for outcome in strange] == ["api.writer.com"] * 3
    assert all(isinstance(o.error, Unavailable) and o.error.answered for o in strange)


async def test_every_chat_error_has_its_class(rows: list[dict[str, Any]]) -> None:
    failed = [row for row in rows if dialect(row) == "chat" and row["status"] != 200]
    outcomes = await replayed(failed)

    kinds = Counter((outcome.row["status"], type(outcome.error).__name__) for outcome in outcomes)
    assert kinds == {(400, "Rejected"): 8, (404, "Rejected"): 9, (429, "RateLimited"): 3}
    for outcome in outcomes:
        assert outcome.row["response"]["error"]["message"].rstrip(".")[:400] in str(outcome.error)


def test_every_error_of_any_dialect_has_its_class(rows: list[dict[str, Any]]) -> None:
    kinds = Counter(
        (row["status"], type(classify(row["status"], {}, raw(row), url="u", model="m")).__name__)
        for row in rows
        if row["status"] != 200
    )
    assert kinds == {
        (400, "Rejected"): 18,
        (401, "Unauthorized"): 6,
        (404, "Rejected"): 17,
        (429, "RateLimited"): 3,
    }
