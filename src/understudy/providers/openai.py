"""Any endpoint of OpenAI's dialect: chat completions, and legacy completions for a `prompt`.

One call is one HTTP request, with no retry and no limit: other layers do that. The exception is a
feature that the endpoint refuses: the request is sent again without it, once per feature, and what
was learnt is kept in `features`. Requests, and so the journal's keys, stay as they are; only the
wire changes:

* `n`, refused or passed over: one reply per request from then on.
* `schema`, refused: it goes into the messages, in words; passed over: it goes there as well.
* `logprobs`, refused: replies come without.
* `stop`, left in a text: cut off here. What was generated after it is paid for all the same.
* `max_tokens`, where the endpoint insists on `max_completion_tokens`: sent by that name.

Hidden samplers: llama.cpp's servers apply top_k, top_p, min_p and a repeat penalty that nobody
asked for. Where a request sets a temperature, they are sent in their neutral form unless the
request sets them; where it sets none, the choice is left to the server. No other server is sent
such fields. A server is known as llama.cpp by the `Server` header of any reply, or by the owner
that its `/models` names, which is looked up once, before the first such request, and over plain
http only: that is somebody's own machine. Behind https the header alone decides, so the first
replies may pass unmended.
"""

import asyncio
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

import aiohttp
import msgspec
from yarl import URL

from understudy.errors import ConfigError, ProviderError, Rejected, Unavailable
from understudy.providers import openai_wire, sse
from understudy.providers.failures import failure, reported, scrub
from understudy.providers.features import Features
from understudy.text.lenient_json import has_json
from understudy.types import Json, Reply, Request, Token, WireCall

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode

_LARGE = 1 << 20
"""Bytes from which a body is handed over as a stream: written in one piece it holds up the loop."""
_FOUND = 200
"""Characters of an unusable body that a message quotes."""
_LOOK = 5.0
"""Seconds that the look at `/models` may take."""

_REFUSED = {
    "schema": re.compile(r"response_format|json_schema|json_object|\bschema\b|grammar", re.I),
    "n": re.compile(r"""['"`]n['"`]|\bn must be|\bn ?(>|=|should|cannot)|num_?choices|best_of"""
                    r"|candidate_?count|(multiple|only one) (choice|completion|candidate)", re.I),
    "logprobs": re.compile(r"log_?probs", re.I),
    "max_tokens": re.compile(r"max_completion_tokens"),
}  # fmt: skip


class Answer(NamedTuple):
    """What came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class OpenAI:
    """One model behind one endpoint. Close it when done."""

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        timeout: float = 600,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        """`timeout`: seconds that one request may take in all. `notice` is told, once each, what
        the endpoint lacks. Raises `ConfigError` where the URL or the key cannot be used."""
        base = _base(base_url)
        self._key = (key or "").strip() or None
        if self._key and not (self._key.isascii() and self._key.isprintable()):
            raise ConfigError(f"the key for {base.host} has characters that no header can hold.")
        self._urls = {
            path: (base / path).with_query(base.query)
            for path in ("chat/completions", "completions", "models")
        }
        self._name = str(base.with_query(None))
        self._host = base.host or ""
        self._timeout = timeout
        self._notice = notice
        self._said = set[str]()
        self._session: aiohttp.ClientSession | None = None
        self._look = asyncio.Lock()
        self._looked = base.scheme != "http"
        self.features = Features(max_completion_tokens=self._host == "api.openai.com")

    def __repr__(self) -> str:
        return f"OpenAI({self._name!r})"

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def __call__(self, call: WireCall, /) -> Sequence[Reply]:
        """The replies to one request: `call.n`, or fewer where the endpoint gives fewer.

        Raises a `ProviderError`.
        """
        request = call.request
        if not self._looked and _depends_on_family(request):
            await self._recognise()
        features = self.features.copy()  # as sent: others may teach `self.features` meanwhile
        path = openai_wire.path(request)
        while True:
            answer = await self._send(path, _encode(openai_wire.encode(call, features)))
            if 200 <= answer.status < 300:
                break
            without = _concede(call, features, answer)
            if without is None:
                raise self._failure(path, request, answer)
            features = without
        body = self._read(path, request, answer)
        try:
            replies = openai_wire.decode(body, echo=request.echo)
        except ValueError as error:
            # Not chained, here and below: the cause may quote the key, where a server echoes it.
            raise self._unusable(path, answer, str(error)) from None
        if (stops := request.sampling.stop) and not request.echo:
            whole, replies = replies, [_ended(reply, stops) for reply in replies]
            if any(reply is not cut for reply, cut in zip(whole, replies, strict=True)):
                features.stop = "ignored"
        self._learn(call, features, answer, len(body["choices"]), replies)
        if request.echo:
            self._check_echo(request, replies[0])
        return replies

    async def _send(self, path: str, body: bytes) -> Answer:
        data = io.BytesIO(body) if len(body) > _LARGE else body
        try:
            async with self._open().post(
                self._urls[path], data=data, allow_redirects=False
            ) as response:
                return Answer(response.status, response.headers, await response.read())
        except TimeoutError as error:
            raise Unavailable(f"{self._name}: no reply within {self._timeout:g} s") from error
        except aiohttp.ClientResponseError as error:
            # It holds the request's headers, the key among them: it must not be chained.
            said = f"{self._name}: {type(error).__name__}: {error.message}"
            raise Unavailable(scrub(said, self._key)) from None
        except (aiohttp.ClientError, OSError) as error:
            said = f"{self._name}: {type(error).__name__}: {error}"
            raise Unavailable(scrub(said, self._key)) from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                headers=sent_headers(self._host, self._key),
                trust_env=False,
            )
        return self._session

    async def _recognise(self) -> None:
        """Look once whether llama.cpp answers here; an endpoint that is away is looked at again."""
        async with self._look:
            if self._looked:
                return
            try:
                async with self._open().get(
                    self._urls["models"],
                    timeout=aiohttp.ClientTimeout(total=min(_LOOK, self._timeout)),
                    allow_redirects=False,
                ) as response:
                    self._looked = True
                    if _is_llama(response.headers, await response.read()):
                        self.features.family = "llama.cpp"
                        self._say("family", "llama.cpp")
            except TimeoutError:
                self._looked = True
            except (aiohttp.ClientError, OSError):
                return  # the request itself will fail the same way, and say so

    def _failure(self, path: str, request: Request, answer: Answer) -> ProviderError:
        return failure(
            answer.status,
            answer.headers,
            answer.body,
            url=self._shown(path),
            model=request.model,
            secret=self._key,
        )

    def _read(self, path: str, request: Request, answer: Answer) -> Json:
        """The body as one completion. Raises a `ProviderError` where it is none."""
        try:
            if sse.is_stream(answer.body, answer.headers.get("Content-Type", "")):
                return sse.assemble(answer.body)
            body = _decode(answer.body)
        except sse.StreamError as cause:
            raise self._reported(path, request, answer, cause.error) from None
        except (msgspec.MsgspecError, ValueError, RecursionError) as cause:
            raise self._unusable(path, answer, str(cause)) from None
        if error := body.get("error"):
            raise self._reported(path, request, answer, error)
        return body

    def _reported(
        self, path: str, request: Request, answer: Answer, error: object
    ) -> ProviderError:
        url, model = self._shown(path), request.model
        return reported(error, answer.headers, url=url, model=model, secret=self._key)

    def _unusable(self, path: str, answer: Answer, why: str) -> Unavailable:
        kind = answer.headers.get("Content-Type", "no content type")
        body = scrub(answer.body[:20_000].decode("utf-8", "replace"), self._key)[:_FOUND]
        return Unavailable(
            f"{self._shown(path)} answered {answer.status} with no usable reply: "
            f"{scrub(why, self._key)[:_FOUND]}. It sent ({kind}): {body!r}",
            answered=True,
        )

    def _shown(self, path: str) -> str:
        return f"{self._name.rstrip('/')}/{path}"

    def _learn(
        self,
        call: WireCall,
        sent: Features,
        answer: Answer,
        choices: int,
        replies: Sequence[Reply],
    ) -> None:
        """Keep what a usable answer to a request with the features `sent` shows."""
        request, known = call.request, self.features
        if not sent.family and answer.headers.get("Server") == "llama.cpp":
            sent.family = "llama.cpp"
        if call.n > 1 and sent.n and choices == 1:
            sent.n = False
        elif known.n and request.sampling.temperature == 0:
            sent.n = True  # vLLM refuses n where all draws would be alike, and there only
        whole = [r for r in replies if r.stop in ("end", "length") and r.text]
        asked = request.logprobs is not None and sent.logprobs == "native"
        if asked and whole and all(reply.logprobs is None for reply in whole):
            sent.logprobs = "ignored"
        if request.schema is not None and sent.schema == "native":
            ended = [r.text for r in whole if r.stop == "end"]
            if ended and not any(map(has_json, ended)):
                sent.schema = "ignored"
        if sent == known:
            return
        for field in fields(Features):
            value = getattr(sent, field.name)
            if value != field.default and value != getattr(known, field.name):
                setattr(known, field.name, value)
                self._say(field.name, value)

    def _say(self, feature: str, value: object) -> None:
        if (text := _LACKS.get((feature, value))) and text not in self._said:
            self._said.add(text)
            self._notice(f"{self._name} {text}")

    def _check_echo(self, request: Request, reply: Reply) -> None:
        """Raise `Rejected` where the prompt was not given back, with its tokens if asked for."""
        scored = sum(len(token.text) for token in reply.logprobs or ())
        found = ""
        if not reply.text.lstrip().startswith(request.prompt.strip()[:64]):
            found = f"a text that begins {reply.text[:64]!r}"
        elif request.logprobs is not None and scored < len(request.prompt) // 2:
            found = f"log-probabilities for {scored} characters of it"
        if found:
            raise Rejected(
                f"{self._shown('completions')} ignores `echo`: expected the prompt's "
                f"{len(request.prompt)} characters back, found {scrub(found, self._key)}. "
                "Use an endpoint that scores prompts, e.g. vLLM."
            )


_LACKS: dict[tuple[str, object], str] = {
    ("logprobs", "ignored"): "gives no log-probabilities though asked to.",
    ("logprobs", "refused"): "refuses to give log-probabilities: asking without.",
    ("schema", "ignored"): "passes over the JSON Schema of a request: sending it in words too.",
    ("schema", "refused"): "knows no JSON Schema in a request: sending it in words instead.",
    ("stop", "ignored"): "leaves stop strings in its texts: cutting them off here.",
    ("family", "llama.cpp"): "is llama.cpp, which samples with top_k, top_p, min_p and a repeat "
    "penalty unasked: turned off where a temperature is set and they are not.",
}


def sent_headers(host: str, key: str | None) -> dict[str, str]:
    """The headers of every request. Azure knows a key of its own by another name."""
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "understudy",
    }
    if key and host.endswith(".openai.azure.com"):
        headers["api-key"] = key
    elif key:
        headers["Authorization"] = f"Bearer {key}"
    return headers


def _ended(reply: Reply, stops: Sequence[str]) -> Reply:
    """The reply up to the first of the stop strings; the same object where it has none."""
    found = [at for stop in stops if stop and (at := reply.text.find(stop)) >= 0]
    if not found:
        return reply
    text, tokens, seen = reply.text[: min(found)], list[Token](), 0
    for token in reply.logprobs or ():
        if seen >= len(text):
            break
        tokens.append(token)
        seen += len(token.text)
    logprobs = None if reply.logprobs is None else tuple(tokens)
    return msgspec.structs.replace(reply, text=text, stop="end", logprobs=logprobs)


def _base(base_url: str) -> URL:
    text = base_url.strip().rstrip("/").removesuffix("/chat/completions")
    try:
        base = URL(text)
        usable = base.scheme in ("http", "https") and bool(base.host)
    except ValueError:
        usable, base = False, URL()
    if not usable:
        found = text.rpartition("@")[2]  # what stands before it may be a key
        raise ConfigError(f"expected a base URL like http://localhost:8000/v1, found {found!r}.")
    if base.user or base.password:
        raise ConfigError(f"the URL of {base.host} holds a key: give it through the environment.")
    return base


def _depends_on_family(request: Request) -> bool:
    return request.sampling.temperature is not None or request.schema is not None


def _is_llama(headers: Mapping[str, str], body: bytes) -> bool:
    if headers.get("Server") == "llama.cpp":
        return True
    try:
        return _decode(body)["data"][0]["owned_by"] in (
            "llamacpp",
            "me",
        )  # C++ server, Python server
    except (msgspec.MsgspecError, ValueError, LookupError, TypeError, RecursionError):
        return False


def _concede(call: WireCall, sent: Features, answer: Answer) -> Features | None:
    """The features to try again with, where the endpoint refused one that the call needs."""
    if answer.status not in (400, 422, 500, 501):
        return None
    request = call.request
    said = answer.body[:20_000].decode("utf-8", "replace")
    named = {feature for feature, pattern in _REFUSED.items() if pattern.search(said)}
    chat = not request.prompt
    if "schema" in named and chat and request.schema is not None and sent.schema != "refused":
        return replace(sent, schema="refused")
    if "n" in named and call.n > 1 and sent.n:
        return replace(sent, n=False)
    scored = request.logprobs is not None and not request.echo
    if "logprobs" in named and scored and sent.logprobs != "refused":
        return replace(sent, logprobs="refused")
    bounded = request.sampling.max_tokens is not None
    if "max_tokens" in named and chat and bounded and not sent.max_completion_tokens:
        return replace(sent, max_completion_tokens=True)
    return None
