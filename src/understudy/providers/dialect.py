"""A dialect is three functions: where a request goes, how it is written, how its answer is read.

`HttpProvider` does the rest for every dialect alike: it sends, tries again without what the
endpoint refuses, bounds what comes and maps what fails. One call is one HTTP request, with no
retry and no limit on their number: other layers do that.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import msgspec

from understudy.errors import ProviderError, Rejected
from understudy.providers.fields import check_usage
from understudy.providers.http import Answer, Headers, Http, bearer
from understudy.providers.negotiate import Features, Negotiation
from understudy.providers.table import Target
from understudy.types import Json, Reply, Request, Usage, WireCall

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class StreamError(ValueError):
    """A stream holds an error; `error` is its `error` field."""

    def __init__(self, error: object) -> None:
        super().__init__("an error in the middle of the stream")
        self.error = error


class Embeddings(NamedTuple):
    """Vectors of texts, and what they took."""

    vectors: list[list[float]]
    """One per text, all of one length, of finite numbers."""
    usage: Usage | None


class EmbeddingWire(NamedTuple):
    """How a dialect asks for embeddings."""

    path: str
    encode: Callable[[str, Sequence[str]], Json]
    """The body, from the model's name and the texts."""
    decode: Callable[[Json, Sequence[str]], Embeddings]
    """One vector per text. Total, as `Dialect.decode` is."""


class LookUp(NamedTuple):
    """A page that tells which software answers. It is read once, before the first request that
    depends on it, and over plain http only: that is somebody's own machine."""

    path: str
    concerns: Callable[[Request], bool]


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """Everything that is specific to one wire format. A new one needs the first three."""

    path: Callable[[Request], str]
    """Where a request goes, below the base URL."""
    encode: Callable[[WireCall, Features], Json]
    """The body of a request, without what the endpoint is known to refuse."""
    decode: Callable[[Json, Request], list[Reply]]
    """The replies of an answer, the count of tokens on the first. Total: any JSON object gives at
    least one reply, or `ValueError`, or `Rejected` where no other answer is to be expected. Its
    messages name types and fields and quote no values, in which a server may echo the key."""
    embeddings: EmbeddingWire | None = None
    """None where it has none."""
    headers: Headers = bearer
    """The headers that say who asks."""
    assemble: Callable[[bytes], Json] | None = None
    """The answer that a stream of server-sent events adds up to. Raises `ValueError`."""
    features: Callable[[str], Features] = lambda host: Features()
    """The features of a host that are known before it answers."""
    recognize: Callable[[Mapping[str, str], bytes], str] = lambda headers, body: ""
    """The software behind an endpoint, by an answer's headers and the body of its `look_up` page."""
    look_up: LookUp | None = None


class HttpProvider:
    """One model behind one endpoint, spoken to in a dialect. Close it when done."""

    def __init__(self, dialect: Dialect, target: Target) -> None:
        """Raises `ConfigError` where the URL or the key cannot be used."""
        self.http = Http(
            target.url, key=target.key, timeout=target.timeout, headers=dialect.headers
        )
        self._dialect = dialect
        self._negotiation = Negotiation(
            self.http.name, dialect.features(self.http.host), target.notice
        )
        self._turn = asyncio.Lock()
        self._looked_up = dialect.look_up is None or self.http.encrypted

    def __repr__(self) -> str:
        return f"HttpProvider({self.http.name!r})"

    @property
    def features(self) -> Features:
        """The features that the endpoint has shown to support so far."""
        return self._negotiation.features

    async def close(self) -> None:
        """Close all connections."""
        await self.http.close()

    async def __call__(self, call: WireCall) -> Sequence[Reply]:
        """The replies to one request: `call.n`, or fewer where the endpoint gives fewer.

        Raises a `ProviderError`.
        """
        request = call.request
        look_up = self._dialect.look_up
        if not self._looked_up and look_up is not None and look_up.concerns(request):
            await self._look_up(look_up.path)
        sent = self.features.copy()  # others may lower `features` meanwhile
        path = self._dialect.path(request)
        while True:
            body = _encode(self._dialect.encode(call, sent))
            answer = await self.http.post(path, body, replies=call.n)
            if 200 <= answer.status < 300:
                break
            concession = self._negotiation.concede(call, sent, answer.status, answer.body)
            if concession is None:
                raise self.http.explain_refusal(path, request.model, answer)
            sent = concession
        replies = self._read(
            path, request.model, answer, lambda json: self._decode(json, request, call.n)
        )
        if not sent.family and self._dialect.recognize(answer.headers, b""):
            self._negotiation.lower(self._recognition(answer))
        return self._negotiation.accept(call, sent, replies)

    async def embed(self, model: str, texts: Sequence[str]) -> Embeddings:
        """One vector per text, from one request. Raises a `ProviderError`."""
        wire = self._dialect.embeddings
        if wire is None:
            raise Rejected(f"{self.http.name}: expected a dialect with embeddings, this has none.")
        body = _encode(wire.encode(model, texts))
        answer = await self.http.post(wire.path, body, replies=len(texts))
        if not 200 <= answer.status < 300:
            raise self.http.explain_refusal(wire.path, model, answer)
        return self._read(wire.path, model, answer, lambda json: wire.decode(json, texts))

    async def _look_up(self, path: str) -> None:
        """Find out once which software answers. A silent endpoint is asked again later."""
        async with self._turn:
            if self._looked_up:
                return
            try:
                async with asyncio.timeout(min(LOOK_UP_SECONDS, self.http.timeout / 2)):
                    answer = await self.http.get(path, limit=_PAGE)
            except TimeoutError:
                self._looked_up = True
            except ProviderError:
                return  # the request itself will fail in the same way, with a message
            else:
                self._looked_up = True
                self._negotiation.lower(self._recognition(answer))

    def _recognition(self, answer: Answer) -> Features:
        features = self.features.copy()
        if self._dialect.recognize(answer.headers, answer.body) == "llama.cpp":
            features.family = "llama.cpp"
        return features

    def _read(self, path: str, model: str, answer: Answer, decode: Callable[[Json], T]) -> T:
        """What an answer holds. Raises a `ProviderError` where that is nothing usable."""
        try:
            body = self._parse(answer)
            if not (error := body.get("error")):
                return decode(body)
            failure = self.http.explain_field(path, model, answer, error)
        except StreamError as problem:
            failure = self.http.explain_field(path, model, answer, problem.error)
        except Rejected as problem:
            failure = type(problem)(f"{self.http.show(path)} {self.http.quote(str(problem))}")
        except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
            failure = self.http.explain_body(path, answer, str(problem))
        raise failure  # out here, so that it refers to no cause, which may quote the key

    def _decode(self, body: Json, request: Request, n: int) -> list[Reply]:
        """One to `n` replies."""
        replies = self._dialect.decode(body, request)[:n]
        if not replies:
            raise ValueError("expected a reply, found none")
        usage = check_usage(replies[0].usage)
        if usage is not replies[0].usage:
            replies[0] = msgspec.structs.replace(replies[0], usage=usage)
        return replies

    def _parse(self, answer: Answer) -> Json:
        """The body as one JSON object."""
        if self._dialect.assemble is not None and is_stream(answer):
            return self._dialect.assemble(answer.body)
        return _decode(answer.body)


def is_stream(answer: Answer) -> bool:
    """Whether the body is a stream of events, asked for or not."""
    kind = answer.headers.get("Content-Type", "")
    return kind.startswith("text/event-stream") or answer.body[:5] == b"data:"


LOOK_UP_SECONDS = 5.0
"""Most seconds for reading that page."""
_PAGE = 1 << 20
"""Most bytes of it that are read."""
