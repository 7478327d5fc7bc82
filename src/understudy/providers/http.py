"""HTTP as every dialect needs it: one request, one answer of bounded size, keys hidden.

Nothing that aiohttp raises passes this file: it becomes a `ProviderError`. The sizes of answers are
bounded. Replies are asked for uncompressed, so that the bytes that come are the bytes they take;
an answer that is compressed all the same is refused.
"""

import io
from collections.abc import Callable, Mapping
from typing import NamedTuple

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from understudy.errors import ConfigError, ProviderError, Rejected, Unavailable
from understudy.providers.failures import classify, classify_field, quote
from understudy.types import Json

FOREIGN = (aiohttp.ClientError, HttpProcessingError, OSError, EOFError, ValueError)
"""Everything that a request may raise, other than a bug."""

LARGEST_REPLY = 32 << 20
"""Bytes that an answer may have per reply asked for. A streamed reply of 128,000 tokens takes about
30 MiB, eight minutes of speech as much."""
LARGEST_ANSWER = 256 << 20
"""Bytes that an answer may have, however many replies were asked for."""
LARGEST_REFUSAL = 1 << 20
"""Bytes that are read of an answer that is an error. The rest is dropped."""

_LARGE = 1 << 20
"""Bytes from which a body is sent as a stream: written in one piece it holds up the event loop."""

_SECRET = ("key", "token", "secret", "sig", "code", "password")
"""Words in the name of a query parameter whose value is not shown."""


class Answer(NamedTuple):
    """A response as it was received."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Headers = Callable[[str, str], dict[str, str]]
"""From the host and the key (or "") to the headers that say who asks."""


def bearer(host: str, key: str) -> dict[str, str]:
    """The key as most endpoints take it."""
    return {"Authorization": f"Bearer {key}"} if key else {}


class Http:
    """Connections to one base URL. Close it when done."""

    def __init__(
        self, base_url: str, *, key: str = "", timeout: float = 600, headers: Headers = bearer
    ) -> None:
        """`timeout`: seconds that one request may take in all. Raises `ConfigError` where the URL
        or the key cannot be used."""
        base = parse_base(base_url)
        key = key.strip()
        if not (key.isascii() and (key.isprintable() or not key)):
            raise ConfigError(f"the key for {base.host} has characters that a header cannot hold.")
        self.name = str(base.with_query(None)).rstrip("/")
        self.host = base.host or ""
        self.encrypted = base.scheme == "https"
        self._base = base
        self._urls = dict[str, URL]()
        self.timeout = timeout
        self._headers = SENT | headers(self.host, key)
        queries = [v for k, v in base.query.items() if any(s in k.lower() for s in _SECRET)]
        self._secrets = tuple(secret for secret in (key, *queries) if secret)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def post(self, path: str, body: bytes, *, replies: int = 1) -> Answer:
        """The answer to a body of JSON: at most `LARGEST_REPLY` bytes for each of the replies.

        Raises:
            Unavailable: the endpoint cannot be reached, is too slow, or breaks off.
            Rejected: the answer is too long, or compressed.
        """
        limit = min(replies * LARGEST_REPLY, LARGEST_ANSWER)
        return await self._exchange("POST", path, body, limit)

    async def get(self, path: str, *, limit: int) -> Answer:
        """What stands at a path, at most `limit` bytes of it. Raises as `post` does."""
        return await self._exchange("GET", path, None, limit)

    def show(self, path: str) -> str:
        """The address of a path, for messages: without its query, which may hold a key."""
        return f"{self.name}/{path}"

    def quote(self, text: str) -> str:
        """A server's words, fit for a message: bounded, printable, without the key."""
        return quote(text, self._secrets)

    def explain_refusal(self, path: str, model: str, answer: Answer) -> ProviderError:
        """The error that an answer other than 2xx means."""
        return classify(
            answer.status,
            answer.headers,
            answer.body,
            url=self.show(path),
            model=model,
            secrets=self._secrets,
        )

    def explain_field(self, path: str, model: str, answer: Answer, error: object) -> ProviderError:
        """The error that an `error` field means in an answer of status 200."""
        url = self.show(path)
        return classify_field(error, answer.headers, url=url, model=model, secrets=self._secrets)

    def explain_body(self, path: str, answer: Answer, why: str) -> Unavailable:
        """The error of an answer of status 2xx that holds no usable reply."""
        kind = self.quote(answer.headers.get("Content-Type", "no content type"))[:100]
        body = self.quote(answer.body[:LARGEST_REFUSAL].decode("utf-8", "replace"))[:_SHOWN]
        return Unavailable(
            f"{self.show(path)} answered {answer.status} with no usable reply: "
            f"{self.quote(why)[:_SHOWN]}. It sent ({kind}): {body!r}",
            answered=True,
        )

    async def _exchange(self, method: str, path: str, body: bytes | None, limit: int) -> Answer:
        data = io.BytesIO(body) if body is not None and len(body) > _LARGE else body
        try:
            async with self._open().request(
                method,
                self._url(path),
                data=data,
                allow_redirects=False,
            ) as response:
                return await self._read(path, response, limit)
        except ProviderError:
            raise
        except FOREIGN as error:
            failure = self._explain(error)
        # Raised outside, so that nothing refers to the foreign error: it may hold the request's
        # headers, and in them the key.
        raise failure

    async def _read(self, path: str, response: aiohttp.ClientResponse, limit: int) -> Answer:
        """The answer with its body, never more than the limit of it."""
        status, headers = response.status, response.headers
        usable = 200 <= status < 300
        if headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            response.close()
            if not usable:
                return Answer(status, headers, b"")
            encoding = self.quote(headers["Content-Encoding"])[:40]
            raise Rejected(
                f"{self.show(path)} compressed its answer ({encoding}) though asked not to. Turn "
                "that off at the server, or at the proxy in front of it."
            )
        limit = limit if usable else min(limit, LARGEST_REFUSAL)
        length = response.content_length
        if length is not None and length <= limit:
            return Answer(status, headers, await response.read())
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > limit:
                break
        else:
            return Answer(status, headers, bytes(body))
        response.close()
        if not usable:
            return Answer(status, headers, bytes(body[:limit]))
        raise Rejected(
            f"{self.show(path)} sent more than {limit:,} bytes, the most that is accepted. Ask for "
            "fewer tokens (max_tokens) or without log-probabilities."
        )

    def _explain(self, error: Exception) -> ProviderError:
        """Our error for a foreign one. Total over `FOREIGN`."""
        if isinstance(error, TimeoutError):
            return Unavailable(f"{self.name}: no reply within {self.timeout:g} s")
        words = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
        message = f"{self.name}: {type(error).__name__}: {self.quote(words)}"
        if isinstance(error, ValueError | aiohttp.NonHttpUrlClientError) and not isinstance(
            error, OSError
        ):
            return Rejected(f"{message}. Check the base URL.")
        return Unavailable(message)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self.timeout),
                headers=self._headers,
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _url(self, path: str) -> URL:
        if path not in self._urls:
            self._urls[path] = (self._base / path).with_query(self._base.query)
        return self._urls[path]


SENT: Json = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "understudy",
}
"""The headers of every request."""

_SHOWN = 200
"""Characters of an unusable body that a message quotes."""


def parse_base(base_url: str) -> URL:
    """A base URL, checked.

    Raises:
        ConfigError: it is none, or holds a key. The message does not show the key.
    """
    text = base_url.strip().rstrip("/")
    try:
        base = URL(text)
        usable = base.scheme in ("http", "https") and bool(base.host)
    except ValueError:
        usable, base = False, URL()
    if not usable:
        rest = text.rpartition("@")[2]  # what stands before it may be a key
        raise ConfigError(f"expected a base URL like http://localhost:8000/v1, found {rest!r}.")
    if base.user or base.password:
        raise ConfigError(f"the URL of {base.host} holds a key: give it through the environment.")
    return base
