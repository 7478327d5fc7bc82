"""A real server of OpenAI's dialect on the loopback interface, that answers as a test tells it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from understudy.providers.dialect import HttpProvider
from understudy.providers.openai import connect
from understudy.providers.table import Target
from understudy.types import Call, Reply, Request, WireCall, user

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
        self.models_wait: asyncio.Event | None = None
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
        if self.models_wait is not None:
            await self.models_wait.wait()
        return self.models or web.Response(status=404)

    def provider(self, **settings: Any) -> HttpProvider:
        settings = {"key": KEY, "timeout": 60, "notice": self.notices.append} | settings
        return connect(Target(model="m", url=self.url, **settings))


@asynccontextmanager
async def serve(port: int | None = None) -> AsyncIterator[Server]:
    """An endpoint on the loopback interface, as long as the block lasts."""
    state = Server()
    app = web.Application(client_max_size=1 << 26)
    app.router.add_get("/v1/models", state.list_models)
    app.router.add_post("/v1/{tail:.*}", state.post)
    running = TestServer(app, port=port)
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


async def ask(server: Server, question: WireCall, **settings: Any) -> list[Reply]:
    provider = server.provider(**settings)
    try:
        return list(await provider(question))
    finally:
        await provider.close()


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **fields: Any) -> str:
    piece = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return "data: " + json.dumps({"model": "m-1", "choices": [piece], **fields}) + "\n\n"


def stream(*pieces: str) -> Answer:
    body = "".join(pieces).encode()
    return lambda _: web.Response(body=body, headers={"Content-Type": "text/event-stream"})


USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
DONE = "data: [DONE]\n\n"
