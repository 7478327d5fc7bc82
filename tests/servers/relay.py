"""A relay between Understudy and a server: passes every byte on and writes down what went by.

So that what was sent, and how often, is known from the wire and not from Understudy's own books.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

_OWN = {"transfer-encoding", "content-length", "content-encoding", "connection", "keep-alive"}
"""Headers that describe one connection, not the message."""


@dataclass
class Exchange:
    """One request and what came back."""

    path: str
    sent: dict[str, Any]
    """The body, where it was JSON."""
    at: float
    """Seconds on the loop's clock when it was sent."""
    status: int = 0
    """0 while there is no answer, and for ever where the asker went away."""
    said: str = ""


@dataclass
class Relay:
    """Where to ask instead, and what has been asked."""

    target: str
    """The server behind it; may be changed at any time."""
    url: str = ""
    """Like the server's own: without a path."""
    exchanges: list[Exchange] = field(default_factory=list[Exchange])

    @property
    def completions(self) -> list[Exchange]:
        """The chat completions among them."""
        return [e for e in self.exchanges if e.path.endswith("/chat/completions")]

    def clear(self) -> None:
        """Forget what went by, in place: whoever holds an exchange keeps it."""
        self.exchanges = []


@asynccontextmanager
async def relaying(target: str) -> AsyncIterator[Relay]:
    """A relay to `target`, on a free port of the loopback address."""
    relay = Relay(target)
    timeout = aiohttp.ClientTimeout(total=None)
    # A kept connection may be closed by the server in the moment that it is used again.
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:

        async def forward(request: web.Request) -> web.Response:
            body = await request.read()
            exchange = Exchange(request.path, _json(body), asyncio.get_running_loop().time())
            relay.exchanges.append(exchange)
            headers = {k: v for k, v in request.headers.items() if k.lower() not in _OWN | {"host"}}
            try:
                async with session.request(
                    request.method, relay.target + request.path_qs, data=body, headers=headers
                ) as answer:
                    said = await answer.read()
            except aiohttp.ClientError as error:
                return web.Response(status=502, text=f"relay: {error}")
            exchange.status, exchange.said = answer.status, said.decode("utf-8", "replace")
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in _OWN}
            return web.Response(status=answer.status, body=said, headers=kept)

        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            relay.url = "http://{}:{}".format(*runner.addresses[0][:2])
            yield relay
        finally:
            await runner.cleanup()


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
