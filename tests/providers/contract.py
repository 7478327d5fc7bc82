"""What the contract needs to know of a dialect, and a real server that answers in it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from understudy.providers.table import Entry, Provider, Target
from understudy.types import Call, Reply, Request, WireCall, user

KEY = "sk-secret/42+a=="


@dataclass(frozen=True, kw_only=True)
class Wire:
    """A dialect as its servers speak it. `wire_NAME.py` beside this file holds one as `WIRE`, for
    `understudy/providers/NAME.py`."""

    reply: Callable[[list[str], str, Any], Any]
    """The JSON of an answer: from the texts, why they ended (one of `stops`), and the counts as `usage`
    makes them, or whatever else stands in their place."""
    usage: Callable[[Any, Any], Any]
    """The JSON of the counts of tokens, in and out, whatever they are."""
    error: Callable[[str], Any]
    """The JSON of an error with a message."""
    stops: tuple[str, ...] = ("end", "length", "filtered")
    """The reasons to end that the dialect tells apart."""
    several: bool = True
    """A request may ask for several replies."""


def find_wire(entry: Entry) -> Wire | None:
    """The wire of a provider's dialect."""
    name = entry.connect.partition(":")[0].rpartition(".")[2]
    if not (Path(__file__).parent / f"wire_{name}.py").is_file():
        return None
    wire = import_module(f"tests.providers.wire_{name}").WIRE
    assert isinstance(wire, Wire)
    return wire


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Host:
    """A server whose answer a test chooses. Whatever path is asked, it answers."""

    def __init__(self, entry: Entry, wire: Wire) -> None:
        self.entry = entry
        self.wire = wire
        self.notices = list[str]()
        self.bodies = list[bytes]()
        self.requests = list[web.Request]()
        self.url = ""
        self.closing = asyncio.Event()
        self._answer: Answer | None = None

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if request.method != "POST":
            return web.Response(status=404)
        self.requests.append(request)
        self.bodies.append(await request.read())
        assert self._answer is not None
        return await self._answer(request)

    def answer(self, body: Any, status: int = 200, **headers: str) -> None:
        """Answer with JSON from now on, or with bytes as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}

        async def reply(request: web.Request) -> web.StreamResponse:
            return web.Response(status=status, body=content, headers=sent)

        self._answer = reply

    def answer_by(self, answer: Answer) -> None:
        self._answer = answer

    def open(self, timeout: float = 60) -> Provider:
        return self.entry.open(
            Target(model="m", url=self.url, key=KEY, timeout=timeout, notice=self.notices.append)
        )

    async def ask(self, n: int = 1, *, seconds: float = 5) -> list[Reply]:
        """What a provider makes of the answer."""
        provider = self.open(seconds)
        request = Request(model="m", messages=(user("Say hi."),))
        try:
            return list(await provider(WireCall.of(Call(request=request), n)))
        finally:
            await provider.close()


@asynccontextmanager
async def host_of(entry: Entry, wire: Wire) -> AsyncIterator[Host]:
    """A host that speaks an entry's dialect, as long as the block lasts."""
    host = Host(entry, wire)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", host.serve)
    server = TestServer(app)
    await server.start_server()
    host.url = str(server.make_url("/v1"))
    yield host
    host.closing.set()
    await server.close()
