"""A small, fast server of OpenAI's dialect that answers from the prompt and counts what it is asked.

    python -m tests.servers.stub --port 0 --delay 0.3

prints its base URL and serves until it is killed. The reply to a prompt is always the same, so runs
can be compared; the counts tell what was asked how often. It speaks HTTP/1.1 with kept connections
straight from an `asyncio.Protocol`: a web framework would be the bottleneck of every benchmark.

* `POST /v1/chat/completions`: `n` replies after the delay. A prompt with `[status 400]` in it gets
  that status at once, always.
* `GET /v1/models`: one model, `stub`.
* `GET /stats`: what came so far; `?prompts=0` without the count of every prompt.
* `GET /wait?requests=100`: answers once 100 requests came; `answered=`, `under_way=` likewise, and
  `prompt=TEXT` once a prompt with TEXT in it came.
* `POST /set?delay=0.1&status=401`: other behaviour from now on; `status=0` for normal again.
* `POST /reset`: all counts to zero.
"""

import argparse
import asyncio
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from zlib import crc32

import msgspec

MARKED = re.compile(r"\[status (\d{3})\]")


class Turn(msgspec.Struct):
    role: str
    content: str | list[dict[str, Any]] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.get("text", "") for part in self.content)
        return self.content or ""


class Body(msgspec.Struct):
    """What of a request's body the stub looks at."""

    messages: list[Turn]
    model: str = ""
    n: int | None = None

    @property
    def prompt(self) -> str:
        return self.messages[-1].text


@dataclass
class Settings:
    """How the server behaves; `POST /set` changes it."""

    delay: float = 0.0
    """Seconds from a request to its reply."""
    status: int = 0
    """Refuse everything with this status."""
    retry_after: float = 0.0
    """Seconds that a refusal advises to wait; 0: it does not say."""
    vary: bool = False
    """Number the replies to a prompt, so that no two are the same."""
    single: bool = False
    """One reply per request, whatever `n` asks for."""


@dataclass
class Counts:
    """What came, since the start or the last reset."""

    requests: int = 0
    answered: int = 0
    """Requests that were replied to with status 200, on a connection that was still there."""
    under_way: int = 0
    most_under_way: int = 0
    tokens_in: int = 0
    """Of answered requests, as the replies' `usage` says."""
    tokens_out: int = 0
    kinds: Counter[str] = field(default_factory=Counter[str])
    """Requests by what became of them, where it was not a usual reply."""
    prompts: Counter[str] = field(default_factory=Counter[str])


class Service:
    """What all connections share: settings, counts, and who waits for them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.counts = Counts()
        self._waiting: list[tuple[Callable[[], bool], Callable[[], None]]] = []

    def serve(self, to: "Connection", body: Body) -> None:
        """Answer one request, at once or later. A server with other manners overrides this."""
        marked = MARKED.search(body.prompt)
        status = self.settings.status or (int(marked[1]) if marked else 0)
        if status:
            self.counts.kinds[str(status)] += 1
            wait = self.settings.retry_after
            advice = f"Retry-After: {wait:g}\r\n" if wait else ""
            self.end(to, refusal(status, "the stub takes no such prompt"), status, advice)
            return
        self.after(self.settings.delay, self.reply, to, body)

    def begin(self, body: Body) -> None:
        """Count a request that came."""
        counts = self.counts
        counts.requests += 1
        counts.under_way += 1
        counts.most_under_way = max(counts.most_under_way, counts.under_way)
        counts.prompts[body.prompt] += 1
        if self._waiting:
            self._look()

    def reply(self, to: "Connection", body: Body) -> None:
        content, tokens_in, tokens_out = completion(body, self.settings, self.counts)
        if self.end(to, content):
            self.counts.answered += 1
            self.counts.tokens_in += tokens_in
            self.counts.tokens_out += tokens_out
            if self._waiting:
                self._look()

    def end(self, to: "Connection", content: bytes, status: int = 200, headers: str = "") -> bool:
        """Send a reply; false where nobody is there to take it any more."""
        self.counts.under_way -= 1
        return to.send(content, status, headers)

    @staticmethod
    def after(delay: float, do: Callable[..., None], *arguments: Any) -> None:
        """Do something `delay` seconds from now."""
        if delay > 0:
            asyncio.get_running_loop().call_later(delay, do, *arguments)
        else:
            do(*arguments)

    def control(self, to: "Connection", path: str, query: dict[str, str]) -> None:
        match path:
            case "/v1/models":
                to.send(MODELS)
            case "/stats":
                hidden = {"prompts"} if query.get("prompts") == "0" else set[str]()
                stats = {k: v for k, v in vars(self.counts).items() if k not in hidden}
                to.send(_encode(stats))
            case "/wait":
                self._waiting.append((lambda: self._reached(query), lambda: to.send(b"{}")))
                self._look()
            case "/set":
                for name, value in query.items():
                    kind = type(getattr(self.settings, name))
                    setattr(self.settings, name, kind(float(value)))
                to.send(b"{}")
            case "/reset":
                self.counts = Counts(under_way=self.counts.under_way)
                to.send(b"{}")
            case _:
                to.send(refusal(404, "there is no such page"), 404)

    def _reached(self, wanted: dict[str, str]) -> bool:
        if "prompt" in wanted:
            return any(wanted["prompt"] in prompt for prompt in self.counts.prompts)
        return all(getattr(self.counts, name) >= int(value) for name, value in wanted.items())

    def _look(self) -> None:
        reached = [entry for entry in self._waiting if entry[0]()]
        for entry in reached:
            self._waiting.remove(entry)
            entry[1]()


class Connection(asyncio.Protocol):
    """One kept connection: requests in, replies out, one at a time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._unread = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None

    def data_received(self, data: bytes) -> None:
        self._unread = self._unread + data if self._unread else data
        while (end := self._unread.find(b"\r\n\r\n")) >= 0:
            head = self._unread[:end]
            whole = end + 4 + _length(head)
            if len(self._unread) < whole:
                return
            content, self._unread = self._unread[end + 4 : whole], self._unread[whole:]
            self._take(head, content)

    def _take(self, head: bytes, content: bytes) -> None:
        target = head[: head.index(b"\r\n")].split(b" ")[1]
        if target.endswith(b"/chat/completions"):
            body = _body(content)
            self._service.begin(body)
            self._service.serve(self, body)
        else:
            path, _, query = target.decode().partition("?")
            self._service.control(self, path, dict(parse_qsl(query)))

    def send(self, content: bytes, status: int = 200, headers: str = "") -> bool:
        """A whole reply; false where the other side has gone."""
        if self.transport is None or self.transport.is_closing():
            return False
        self.transport.write(head_of(len(content), status, headers) + content)
        return True


def completion(body: Body, settings: Settings, counts: Counts) -> tuple[bytes, int, int]:
    """The JSON of the reply to a prompt, and the tokens that its usage states."""
    prompt = body.prompt
    text = f"I thought about it, {number(prompt, 7)} times. The answer is {number(prompt)}."
    n = 1 if settings.single else body.n or 1
    texts = [f"{text}{f' (draw {i + 1})' if i else ''}" for i in range(n)]
    if settings.vary:
        texts = [f"Reply {counts.prompts[prompt]}. {text}" for text in texts]
    tokens_in, tokens_out = len(prompt) // 4 + 1, sum(len(text) for text in texts) // 4
    choices = b",".join(CHOICE % (i, _encode(text)) for i, text in enumerate(texts))
    return COMPLETION % (choices, tokens_in, tokens_out), tokens_in, tokens_out


def number(prompt: str, below: int = 10_000) -> int:
    """The answer to a prompt."""
    return crc32(prompt.encode()) % below


def refusal(status: int, message: str) -> bytes:
    return _encode({"error": {"message": message, "type": "stub", "code": status}})


def head_of(length: int, status: int = 200, headers: str = "") -> bytes:
    """Status line and headers of a reply with `length` bytes of JSON."""
    if "Content-Type" not in headers:
        headers += "Content-Type: application/json\r\n"
    return f"HTTP/1.1 {status} Stub\r\n{headers}Content-Length: {length}\r\n\r\n".encode()


def _length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


_encode = msgspec.json.Encoder().encode
_body = msgspec.json.Decoder(Body).decode

MODELS = b'{"object":"list","data":[{"id":"stub","object":"model","owned_by":"tests"}]}'
CHOICE = b'{"index":%d,"message":{"role":"assistant","content":%b},"finish_reason":"stop"}'
COMPLETION = (
    b'{"id":"stub","object":"chat.completion","model":"stub","choices":[%b],'
    b'"usage":{"prompt_tokens":%d,"completion_tokens":%d}}'
)


async def listen(service: Service, port: int) -> None:
    """Serve on the loopback until cancelled; prints the base URL first."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(service), "127.0.0.1", port, backlog=4_096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


def arguments(about: str) -> argparse.ArgumentParser:
    """The options that all servers here have."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before a reply")
    parser.add_argument("--vary", action="store_true", help="number the replies to a prompt")
    parser.add_argument("--single", action="store_true", help="one reply per request, not n")
    return parser


def main() -> None:
    given = arguments((__doc__ or "").partition("\n")[0]).parse_args()
    settings = Settings(delay=given.delay, vary=given.vary, single=given.single)
    asyncio.run(listen(Service(settings), given.port))


if __name__ == "__main__":
    main()
