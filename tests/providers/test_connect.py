"""Model strings, and keys: each goes to its own host, and is seen nowhere else."""

# ruff: noqa: E501 -- prompts and messages stand here as they are printed

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from inline_snapshot import snapshot

from understudy import open_run, run_async
from understudy.errors import ConfigError
from understudy.exports.export import export_all
from understudy.providers.connect import Address, connect, parse
from understudy.providers.table import KEYS, list_names
from understudy.reports.text import render_text
from understudy.reports.why import why
from understudy.runs.facts import collect
from understudy.types import Call, Request, WireCall, user

KEY = "sk-SECRET-123456"


@pytest.mark.parametrize(
    ("spec", "address", "endpoint"),
    [
        ("openai:gpt-5-mini", Address("openai", "gpt-5-mini", ""), "openai"),
        (
            "openai:gpt-5-mini@https://api.openai.com/v1/",
            Address("openai", "gpt-5-mini", ""),
            "openai",
        ),
        (
            "openai:qwen/qwen3-8b:free@http://localhost:8000/v1/",
            Address("openai", "qwen/qwen3-8b:free", "http://localhost:8000/v1"),
            "openai@http://localhost:8000/v1",
        ),
        ("recorded:a/b.jsonl", Address("recorded", "a/b.jsonl", ""), "recorded"),
        ("scripted:./mine.py:answer", Address("scripted", "./mine.py:answer", ""), "scripted"),
    ],
)
def test_a_model_string_is_provider_name_and_address(
    spec: str, address: Address, endpoint: str
) -> None:
    assert parse(spec) == address
    assert parse(spec).endpoint == endpoint


def test_openais_own_variable_gives_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1/v1/")
    assert parse("openai:x").endpoint == "openai@http://localhost:1/v1"
    assert parse("openai:x@http://other/v1").endpoint == "openai@http://other/v1"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("pocke", snapshot("model 'pocke': expected provider:name[@base_url], e.g. openai:gpt-5-mini, openai:qwen3-8b@http://localhost:8000/v1, or pocket, the built-in model; did you mean 'pocket'?")),
        ("opneai:gpt-5", snapshot("model 'opneai:gpt-5': no provider 'opneai'; did you mean 'openai'?")),
        ("pocket:teacher", snapshot("model 'pocket:teacher': expected pocket or pocket:student.")),
        ("openai:", snapshot("model 'openai:': expected a name after the colon, e.g. openai:qwen3-8b@http://localhost:8000/v1.")),
        ("openai:@http://localhost:8000/v1", snapshot("model 'openai:@http://localhost:8000/v1': expected a name after the colon, e.g. openai:qwen3-8b@http://localhost:8000/v1.")),
        ("openai:m@localhost:8000", snapshot("model 'openai:m': expected a base URL like http://localhost:8000/v1 after the @.")),
        ("openai:m@http://[x/v1", snapshot("model 'openai:m': expected a base URL like http://localhost:8000/v1 after the @.")),
        (f"openai:m@http://user:{KEY}@host/v1", snapshot("model 'openai:m': put no key into the URL; use key_env.")),
    ],
)  # fmt: skip
def test_a_wrong_model_string_is_told_in_words(spec: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(spec)
    assert str(raised.value) == message


@pytest.mark.parametrize("spec", ["gpt-5", "", ":m", "anthropic:claude"])
def test_a_model_string_of_no_provider_is_told_which_there_are(spec: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(spec)
    assert str(raised.value).startswith(f"model {spec!r}: ")
    for name in list_names():
        assert name in str(raised.value)
    assert "openai:" in str(raised.value)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "scripted:none.py:f",
            "scripted:none.py:f: expected scripted:FILE.py:FUNCTION, no such file.",
        ),
        ("scripted:script.py:g", "scripted:script.py:g: script.py has no function 'g'."),
        (
            "recorded:none.jsonl",
            "none.jsonl: expected recorded replies, No such file or directory.",
        ),
        (
            "openai:gpt-5",
            "api.openai.com needs a key: set the environment variable OPENAI_API_KEY.",
        ),
    ],
)
def test_what_is_missing_is_told_before_anything_is_sent(spec: str, message: str) -> None:
    Path("script.py").write_text("f = 1\n")
    with pytest.raises(ConfigError) as raised:
        connect(parse(spec), notice=print)
    assert str(raised.value) == message


class Host:
    """A server that notes the keys it is sent."""

    def __init__(self) -> None:
        self.seen = list[str | None]()
        self.status = 200

    async def answer(self, request: web.Request) -> web.Response:
        key = request.headers.get("Authorization")
        self.seen.append(key)
        if self.status != 200:
            said = {"error": {"message": f"Incorrect API key provided: {key}"}}
            return web.json_response(said, status=self.status)
        choice = {"message": {"content": f"You sent {key}"}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], "model": "m"})

    def url(self) -> str:
        return str(self.server.make_url("/v1"))

    server: TestServer


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    app, found = web.Application(), Host()
    app.router.add_post("/v1/chat/completions", found.answer)
    found.server = TestServer(app)
    await found.server.start_server()
    yield found
    await found.server.close()


async def keys_sent(host: Host, key_env: str = "") -> list[str | None]:
    provider = connect(parse(f"openai:m@{host.url()}"), key_env=key_env, notice=print)
    try:
        await provider(WireCall.of(Call(request=Request(model="m", messages=(user("x"),)))))
    finally:
        await provider.close()
    return host.seen


async def test_no_vendors_key_goes_to_another_host(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in KEYS.values():
        monkeypatch.setenv(name, KEY)
    assert await keys_sent(host) == [None]


async def test_a_key_goes_where_the_recipe_sends_it(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", f" {KEY}\n")
    assert await keys_sent(host, "MY_KEY") == [f"Bearer {KEY}"]
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(
        ConfigError, match=r"127\.0\.0\.1 needs a key: set the environment variable MY_KEY"
    ):
        await keys_sent(host, "MY_KEY")


async def test_openais_own_two_variables_belong_together(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{host.url()}/")
    assert await keys_sent(host) == [None]  # a server of one's own may need none
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert await keys_sent(host) == [None, f"Bearer {KEY}"]
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere/v1")
    assert await keys_sent(host) == [None, f"Bearer {KEY}", None]


@pytest.mark.parametrize("host_name", sorted(KEYS))
def test_every_vendor_has_its_own_variable(host_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    address = parse(f"openai:m@https://{host_name}/v1")
    for name in {*KEYS.values()} - {KEYS[host_name]}:
        monkeypatch.setenv(name, KEY)
    with pytest.raises(ConfigError, match=f"set the environment variable {KEYS[host_name]}"):
        connect(address, notice=print)
    monkeypatch.setenv(KEYS[host_name], KEY)
    assert KEY not in repr(connect(address, notice=print))


def files_in(folder: str) -> list[Path]:
    return [file for file in Path(folder).rglob("*") if file.is_file()]


@pytest.mark.parametrize("status", [200, 400, 401])
async def test_a_key_is_nowhere_in_what_a_run_leaves(
    status: int, host: Host, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Only a reply's own words may hold it, where an endpoint says it to us as the answer."""
    monkeypatch.setenv("MY_KEY", KEY)
    host.status = status

    recipe: dict[str, Any] = {
        "seeds": [{"id": "t", "prompt": "x"}],
        "models": {"teacher": {"model": f"openai:m@{host.url()}", "key_env": "MY_KEY"}},
        "steps": [{"self_consistency": {"samples": 1}}],
        "out": "out",
    }
    summary = await run_async(**recipe)
    assert host.seen == [f"Bearer {KEY}"]
    run = open_run("out")
    export_all(run, again=True)
    told = [str(summary), repr(summary), render_text(run, collect(run)), json.dumps(run.facts)]
    if status == 200:  # else the run is stopped before the task has anything to say
        told.append(why(run, "t"))
    output = capfd.readouterr()
    files = files_in("out")
    assert {"run.json", "journal.db"} <= {file.name for file in files}
    for text in (*told, output.out, output.err):
        assert KEY not in (text if status != 200 else text.replace(f"You sent Bearer {KEY}", ""))
    for file in files:
        if status != 200 or file.name == "run.json":
            assert KEY.encode() not in file.read_bytes(), file
