"""The server, over real connections, and our own client against it."""

import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tiny_pocket import CONTEXT, folder

from understudy.errors import ConfigError, ContextOverflow, Rejected
from understudy.pocket.models import load
from understudy.pocket.scheduler import Scheduler
from understudy.pocket.serve import Server, serve
from understudy.providers.openai import connect
from understudy.providers.table import Target
from understudy.runs import doctor
from understudy.types import (
    Call,
    Request,
    Sampling,
    WireCall,
    user,
)


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    model = load("pocket", folder(tmp_path / "weights"))
    scheduler = Scheduler(model.decoder, model.tokenizer)
    runner = web.AppRunner(Server("pocket", model, scheduler).app(), handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    await runner.cleanup()
    scheduler.close()


async def post(url: str, path: str, body: Any) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/{path}", data=io.BytesIO(data)) as response,
    ):
        assert response.content_type == "application/json"
        return response.status, await response.json()


async def get(url: str, path: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/{path}") as response:
        return response.status, await response.json()


async def events(url: str, path: str, body: Any) -> list[Any]:
    """The events of a stream, which must end as streams do."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/{path}", json={**body, "stream": True}) as response,
    ):
        assert response.content_type == "text/event-stream"
        text = (await response.read()).decode()
    *found, done, rest = text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in found]


def chat(**fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "hello"}]
    return {"model": "pocket", "messages": messages, "max_tokens": 12, "seed": 1} | fields


def text(**fields: Any) -> dict[str, Any]:
    return {"model": "pocket", "prompt": "hello", "max_tokens": 12, "seed": 1} | fields


async def test_the_model_is_listed(url: str) -> None:
    status, body = await get(url, "models")
    assert status == 200
    assert [(model["id"], model["owned_by"]) for model in body["data"]] == [
        ("pocket", "understudy")
    ]
    assert (await get(url, "models/pocket"))[1] == body["data"][0]
    assert (await get(url, "models/other"))[0] == 404
    assert (await get(url.removesuffix("/v1"), "health")) == (200, {"status": "ok"})


async def test_a_chat_gets_its_replies(url: str) -> None:
    status, body = await post(url, "chat/completions", chat(n=3))
    assert status == 200
    assert body["object"] == "chat.completion"
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in body["choices"]}) > 1
    assert {choice["finish_reason"] for choice in body["choices"]} <= {"stop", "length"}
    assert all(choice["logprobs"] is None for choice in body["choices"])
    usage = body["usage"]
    assert usage["prompt_tokens"] == 4
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_content_may_come_in_parts_and_from_all_roles(url: str) -> None:
    parts = [{"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}]
    _, whole = await post(url, "chat/completions", chat())
    _, parted = await post(
        url, "chat/completions", chat(messages=[{"role": "user", "content": parts}])
    )
    assert parted["choices"] == whole["choices"]
    roles = ["developer", "system", "user", "assistant", "user"]
    messages = [{"role": role, "content": "hello"} for role in roles] + [{"role": "user"}]
    assert (await post(url, "chat/completions", chat(messages=messages)))[0] == 200


async def test_chat_logprobs_have_openais_shape(url: str) -> None:
    body = chat(logprobs=True, top_logprobs=2)
    _, answer = await post(url, "chat/completions", body)
    choice = answer["choices"][0]
    tokens = choice["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == choice["message"]["content"]
    for token in tokens:
        assert token["logprob"] <= 0
        assert [sorted(top) for top in token["top_logprobs"]] == [["bytes", "logprob", "token"]] * 2
    _, without = await post(url, "chat/completions", chat(logprobs=True))
    assert without["choices"][0]["logprobs"]["content"][0]["top_logprobs"] == []


async def test_a_seed_fixes_the_reply_and_none_does_not(url: str) -> None:
    async def replies(**fields: Any) -> list[str]:
        _, body = await post(url, "chat/completions", chat(n=4, **fields))
        return [choice["message"]["content"] for choice in body["choices"]]

    assert await replies() == await replies()
    assert await replies(seed=2) != await replies()
    assert await replies(seed=None) != await replies(seed=None)


async def test_stop_strings_end_a_reply(url: str) -> None:
    _, body = await post(url, "chat/completions", chat(temperature=0))
    full = body["choices"][0]["message"]["content"]
    letter = next(c for c in full if c != "\ufffd")
    for stop in (letter, [letter, "never"]):
        _, body = await post(url, "chat/completions", chat(temperature=0, stop=stop))
        assert body["choices"][0]["message"]["content"] == full[: full.find(letter)]
        assert body["choices"][0]["finish_reason"] == "stop"


async def test_the_newer_name_of_max_tokens_goes_first(url: str) -> None:
    _, body = await post(url, "chat/completions", chat(max_completion_tokens=1, max_tokens=9))
    assert body["usage"]["completion_tokens"] == 1


async def test_a_bias_forces_a_token(url: str) -> None:
    body = chat(logit_bias={"117": 100}, temperature=0, max_tokens=3)
    _, answer = await post(url, "chat/completions", body)
    assert len(set(answer["choices"][0]["message"]["content"])) == 1


async def test_a_text_is_continued_and_echoed(url: str) -> None:
    _, body = await post(url, "completions", text(n=2))
    plain = [choice["text"] for choice in body["choices"]]
    assert body["object"] == "text_completion"
    _, body = await post(url, "completions", text(n=2, echo=True, logprobs=1))
    assert [choice["text"] for choice in body["choices"]] == ["hello" + rest for rest in plain]
    scored = body["choices"][0]["logprobs"]
    assert (scored["tokens"][0], scored["token_logprobs"][0]) == ("hello", None)
    assert scored["top_logprobs"][0] is None
    assert all(len(top) == 1 for top in scored["top_logprobs"][1:])
    assert "".join(scored["tokens"]) == body["choices"][0]["text"]
    starts = [len("".join(scored["tokens"][:i])) for i in range(len(scored["tokens"]))]
    assert scored["text_offset"] == starts


async def test_several_prompts_and_token_ids_are_taken(url: str) -> None:
    one = (await post(url, "completions", text()))[1]["choices"]
    ids = load_ids("hello")
    assert (await post(url, "completions", text(prompt=ids)))[1]["choices"] == one
    _, body = await post(url, "completions", text(prompt=["hello", "there"], n=2))
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2, 3]
    assert body["choices"][0]["text"] == one[0]["text"]
    _, both = await post(url, "completions", text(prompt=[ids, ids]))
    assert [choice["text"] for choice in both["choices"]] == [one[0]["text"]] * 2


def load_ids(text: str) -> list[int]:
    from tiny_pocket import tokenizer

    return tokenizer(Path()).encode(text)


async def test_sixteen_tokens_is_the_default_of_legacy_completions(url: str) -> None:
    body = text(logit_bias={"4": -100})
    del body["max_tokens"]
    assert (await post(url, "completions", body))[1]["usage"]["completion_tokens"] == 16


async def test_a_streamed_chat_is_the_same_chat(url: str) -> None:
    asked = chat(n=2, logprobs=True, top_logprobs=1)
    _, whole = await post(url, "chat/completions", asked)
    chunks = await events(url, "chat/completions", asked)
    for i, choice in enumerate(whole["choices"]):
        own = [c["choices"][0] for c in chunks if c["choices"][0]["index"] == i]
        assert own[0]["delta"]["role"] == "assistant"
        content = "".join(delta["delta"].get("content", "") for delta in own)
        assert content == choice["message"]["content"]
        tokens = [t for delta in own if delta["logprobs"] for t in delta["logprobs"]["content"]]
        assert [t["token"] for t in tokens] == [t["token"] for t in choice["logprobs"]["content"]]
        assert [delta["finish_reason"] for delta in own if delta["finish_reason"]] == [
            choice["finish_reason"]
        ]
    assert all("usage" not in chunk for chunk in chunks)


async def test_a_stream_tells_its_usage_when_asked_to(url: str) -> None:
    asked = chat(stream_options={"include_usage": True})
    *chunks, last = await events(url, "chat/completions", asked)
    assert all(chunk["usage"] is None for chunk in chunks)
    assert last["choices"] == []
    assert last["usage"]["prompt_tokens"] == 4


@pytest.mark.parametrize("most", [0, 5])
async def test_a_streamed_text_is_the_same_text(url: str, most: int) -> None:
    asked = text(echo=True, logprobs=1, max_tokens=most, n=2)
    _, whole = await post(url, "completions", asked)
    chunks = await events(url, "completions", asked)
    for i, choice in enumerate(whole["choices"]):
        own = [c["choices"][0] for c in chunks if c["choices"][0]["index"] == i]
        assert "".join(delta["text"] for delta in own) == choice["text"]
        for key in ("tokens", "text_offset", "top_logprobs"):
            parts = [delta["logprobs"][key] for delta in own if delta["logprobs"]]
            join_paths = [item for part in parts for item in part]
            if key == "top_logprobs":
                join_paths = [top and list(top) for top in join_paths]
                expected = [top and list(top) for top in choice["logprobs"][key]]
            else:
                expected = choice["logprobs"][key]
            assert join_paths == expected


@pytest.mark.parametrize(
    ("path", "body", "param", "word"),
    [
        ("chat/completions", b"{", None, "no JSON"),
        ("chat/completions", b"\xff\xff", None, "no JSON"),
        ("chat/completions", b"[]", None, "Expected `object`"),
        ("chat/completions", {"messages": [{"role": "user"}]}, "model", "required"),
        ("chat/completions", chat(messages=[]), "messages", "length >= 1"),
        ("chat/completions", chat(messages=[{"role": "tool"}]), "messages", "tool"),
        ("chat/completions", chat(messages=[{"role": "user", "content": [{"type": "image_url"}]}]),
         "messages", "text alone"),
        ("chat/completions", chat(temperature=-0.1), "temperature", ">= 0"),
        ("chat/completions", chat(temperature="hot"), "temperature", "Expected"),
        ("chat/completions", chat(top_p=0), "top_p", "> 0"),
        ("chat/completions", chat(n=0), "n", ">= 1"),
        ("chat/completions", chat(n=1000), "n", "<= 128"),
        ("chat/completions", chat(max_tokens=-1), "max_tokens", ">= 0"),
        ("chat/completions", chat(presence_penalty=3), "presence_penalty", "<= 2"),
        ("chat/completions", chat(top_logprobs=2), "top_logprobs", "needs `logprobs`"),
        ("chat/completions", chat(logprobs=True, top_logprobs=21), "top_logprobs", "<= 20"),
        ("chat/completions", chat(logit_bias={"the": 1}), "logit_bias", "token ids"),
        ("chat/completions", chat(logit_bias={"1": 101}), "logit_bias", "<= 100"),
        ("chat/completions", chat(tools=[{"type": "function"}]), "tools", "no `tools`"),
        ("chat/completions", chat(response_format={"type": "json_object"}), "response_format", "text"),
        ("completions", text(prompt=""), "prompt", "not empty"),
        ("completions", text(prompt=[]), "prompt", "at least one"),
        ("completions", text(prompt=[1, 99999]), "prompt", "token ids"),
        ("completions", text(prompt=[True]), "prompt", "token ids"),
        ("completions", text(prompt=[{"x": 1}]), "prompt", "token ids"),
        ("completions", text(suffix="x"), "suffix", "no `suffix`"),
        ("completions", text(best_of=3), "best_of", "must be `n`"),
        ("completions", text(prompt=["a", "b"], stream=True), "stream", "one prompt"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_told_with_the_fields_name(
    url: str, path: str, body: Any, param: str | None, word: str
) -> None:
    status, answer = await post(url, path, body)
    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"
    assert answer["error"]["param"] == param
    assert word in answer["error"]["message"]


async def test_fields_that_change_nothing_are_taken(url: str) -> None:
    body = chat(user="me", response_format={"type": "text"}, tools=[], best_of=None, n=None)
    assert (await post(url, "chat/completions", body))[0] == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_an_overflow_is_told_as_one(url: str, stream: bool) -> None:
    long = chat(messages=[{"role": "user", "content": "x" * CONTEXT}], stream=stream)
    status, answer = await post(url, "chat/completions", long)
    assert (status, answer["error"]["code"]) == (400, "context_length_exceeded")
    status, answer = await post(url, "completions", text(prompt="x" * CONTEXT, stream=stream))
    assert (status, answer["error"]["param"]) == (400, "prompt")


async def test_other_errors_are_json_too(url: str) -> None:
    status, answer = await post(url, "chat/completions", chat(model="gpt-9"))
    assert (status, answer["error"]["code"]) == (404, "model_not_found")
    assert (await post(url, "nothing", {}))[0] == 404
    assert (await get(url, "chat/completions"))[0] == 405
    assert (await post(url, "chat/completions", b"x" * (2 << 20)))[0] == 413


async def test_a_bug_is_told_in_the_same_shape(tmp_path: Path) -> None:
    model = load("pocket", folder(tmp_path / "weights"))
    scheduler = Scheduler(model.decoder, model.tokenizer)
    scheduler.close()  # whoever asks now meets a RuntimeError
    runner = web.AppRunner(Server("pocket", model, scheduler).app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    status, answer = await post(url, "v1/chat/completions", chat())
    assert (status, answer["error"]["type"]) == (500, "server_error")
    await runner.cleanup()


async def test_requests_are_written_together(url: str) -> None:
    alone = [(await post(url, "completions", text(seed=i)))[1]["choices"] for i in range(6)]
    asked = (post(url, "completions", text(seed=i)) for i in range(6))
    together = [body["choices"] for _, body in await asyncio.gather(*asked)]
    assert together == alone


async def test_a_reader_that_goes_away_frees_the_model(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        body = chat(n=128, max_tokens=None, logit_bias={"4": -100}, stream=True)
        async with session.post(f"{url}/chat/completions", json=body) as response:
            await response.content.readany()
    assert (await post(url, "completions", text()))[0] == 200


def request(**fields: Any) -> Request:
    sampling = Sampling(**{"max_tokens": 8} | fields.pop("sampling", {}))
    messages = () if "prompt" in fields else (user("hello"),)
    return Request(model="pocket", messages=messages, sampling=sampling, **fields)


async def test_our_own_client_finds_everything_working(url: str) -> None:
    notices = list[str]()
    client = connect(Target(model="pocket", url=url, notice=notices.append))
    replies = await client(WireCall.of(Call(request=request(logprobs=2)), 3))
    assert len(replies) == 3
    assert all(len(t.top) == 2 for reply in replies for t in reply.logprobs or ())
    scored = request(prompt="hello there", echo=True, logprobs=1, sampling={"max_tokens": 0})
    (reply,) = await client(WireCall.of(Call(request=scored)))
    assert reply.text == "hello there"
    assert reply.logprobs
    with pytest.raises(ContextOverflow):
        await client(WireCall.of(Call(request=request(prompt="x" * 200))))
    with pytest.raises(Rejected, match="knows no `tools`"):
        await client(WireCall.of(Call(request=request(tools=({"type": "function"},)))))
    assert notices == []
    await client.close()


async def test_the_doctor_finds_everything_working_but_the_schema(url: str) -> None:
    report = (await doctor.examine(f"openai:pocket@{url}")).text
    lacking = [line for line in report.splitlines() if "[no]" in line]
    assert all("JSON schema" in line for line in lacking), report
    assert report.count("[yes]") >= 8


async def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    model, ready = load("pocket", folder(tmp_path / "weights")), asyncio.Event()
    urls = list[str]()

    def announce(url: str) -> None:
        urls.append(url)
        ready.set()

    task = asyncio.create_task(serve("pocket", model, port=0, ready=announce))
    await ready.wait()
    assert (await get(urls[0], "models"))[0] == 200
    port = int(urls[0].rpartition(":")[2].partition("/")[0])
    with pytest.raises(ConfigError, match="cannot listen"):
        await serve("pocket", model, port=port)
    os.kill(os.getpid(), signal.SIGTERM)
    await task


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org", "192.168.1.4"])
async def test_a_host_that_others_reach_needs_saying_so(host: str, tmp_path: Path) -> None:
    model = load("pocket", folder(tmp_path / "weights"))
    with pytest.raises(ConfigError, match="--public"):
        await serve("pocket", model, host=host)


def test_the_command_serves_and_ends_cleanly() -> None:
    command = [sys.executable, "-m", "understudy", "serve", "--port", "0", "--public"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert re.match(
        r"pocket at http://127\.0\.0\.1:\d+/v1; as a model string: openai:pocket@http", line
    )
    assert process.returncode == 0
    assert "No figure of theirs is a research result" in errors
    assert "can use it without a key" in errors
    assert "Traceback" not in errors
