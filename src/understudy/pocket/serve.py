"""Serves a built-in model to others: an endpoint of OpenAI's dialect, on this machine alone.

    understudy serve
    understudy serve pocket:student --port 8001

Chat completions, legacy completions with `echo` (a prompt may also be token ids), models; `n`,
`logprobs`, `stop`, `seed`, streams. One scheduler batches all requests. A request without a
`seed` gets a fresh one, so the same request may be answered differently, as with other servers. There
are no keys: anyone who reaches the port is served. A reply is dropped when its client disconnects.
"""

import asyncio
import ipaddress
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from uuid import uuid4

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from understudy.errors import ConfigError, ContextOverflow
from understudy.pocket import dialect
from understudy.pocket.dialect import BadRequest, Chat, Completion
from understudy.pocket.models import LoadedModel
from understudy.pocket.scheduler import Scheduler, generate
from understudy.pocket.sequence import Delta, Job, RequestOutput
from understudy.types import Json

_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode

BODY = 1 << 20
"""Most bytes of a request; the context is a few thousand characters."""
GRACE = 5.0
"""Seconds that running requests have to finish when the server stops."""


class Server:
    """One model's handlers."""

    def __init__(self, name: str, model: LoadedModel, scheduler: Scheduler) -> None:
        self._name = name
        self._tokenizer = model.tokenizer
        self._scheduler = scheduler
        self._since = int(time.time())

    def app(self) -> web.Application:
        """The application. The caller closes the scheduler."""
        app = web.Application(client_max_size=BODY, middlewares=[_errors])
        app.router.add_get("/health", self._health)
        for root in ("/v1", ""):
            app.router.add_get(f"{root}/models", self._models)
            app.router.add_get(f"{root}/models/{{name}}", self._model)
            app.router.add_post(f"{root}/chat/completions", self._chat)
            app.router.add_post(f"{root}/completions", self._completions)
        return app

    async def _health(self, request: web.Request) -> web.Response:
        return _json({"status": "ok"})

    async def _models(self, request: web.Request) -> web.Response:
        return _json({"object": "list", "data": [self._card()]})

    async def _model(self, request: web.Request) -> web.Response:
        self._check(request.match_info["name"])
        return _json(self._card())

    def _card(self) -> Json:
        return {
            "id": self._name,
            "object": "model",
            "created": self._since,
            "owned_by": "understudy",
            "max_model_len": self._scheduler.context,
        }

    def _check(self, name: str) -> None:
        if name != self._name:
            raise _Unknown(f"The model {name!r} does not exist; this server has {self._name!r}.")

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = dialect.read(Chat, await request.read())
        self._check(body.model)
        job = dialect.chat_job(body, self._tokenizer)
        head = self._head("chatcmpl", "chat.completion" + (".chunk" if body.stream else ""))
        if body.stream:
            start = [{"index": i, "delta": {"role": "assistant", "content": ""},
                      "logprobs": None, "finish_reason": None} for i in range(job.n)]  # fmt: skip
            chunks = _chat_chunks(self._scheduler, job)
            return await _stream(request, head, start, chunks, body.usage_streamed)
        result = await generate(self._scheduler, job)
        choices = dialect.chat_choices(job, result)
        return _json({**head, "choices": choices, "usage": dialect.usage([job], [result])})

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        body = dialect.read(Completion, await request.read())
        self._check(body.model)
        jobs = dialect.completion_jobs(body, self._tokenizer)
        head = self._head("cmpl", "text_completion")
        if body.stream:
            if len(jobs) > 1:
                raise BadRequest("A stream has one prompt.", "stream")
            chunks = _completion_chunks(self._scheduler, jobs[0])
            return await _stream(request, head, [], chunks, body.usage_streamed)
        results = await asyncio.gather(*(generate(self._scheduler, job) for job in jobs))
        choices: list[Json] = []
        for job, result in zip(jobs, results, strict=True):
            choices += dialect.completion_choices(job, result, len(choices), self._tokenizer)
        return _json({**head, "choices": choices, "usage": dialect.usage(jobs, results)})

    def _head(self, prefix: str, kind: str) -> Json:
        return {
            "id": f"{prefix}-{uuid4().hex}",
            "object": kind,
            "created": int(time.time()),
            "model": self._name,
        }


async def serve(
    name: str,
    model: LoadedModel,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    public: bool = False,
    ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve until SIGINT or SIGTERM. `ready` is called with the base URL; port 0 takes any free
    port.

    Raises:
        ConfigError: the host is not this machine's own and not meant to be public, or the port is
            taken.
    """
    if not (_is_loopback(host) or public):
        raise ConfigError(
            f"host {host!r} can be reached by other machines, and they need no key. Add --public "
            "to allow that, or leave --host at 127.0.0.1."
        )
    scheduler = Scheduler(model.decoder, model.tokenizer)
    runner = web.AppRunner(
        Server(name, model, scheduler).app(),
        handler_cancellation=True,
        shutdown_timeout=GRACE,
        access_log=None,
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise ConfigError(f"cannot listen at {host}:{port}: {error.strerror}.") from None
        bound_port = runner.addresses[0][1]
        with _stop_signal() as stop:
            ready(f"http://{f'[{host}]' if ':' in host else host}:{bound_port}/v1")
            await stop.wait()
    finally:
        await runner.cleanup()
        await asyncio.to_thread(scheduler.close)


@contextmanager
def _stop_signal() -> Generator[asyncio.Event, None, None]:
    """Set by SIGINT and SIGTERM."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    with suppress(ValueError, RuntimeError, NotImplementedError):  # not the main thread
        for number in numbers:
            loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _deltas(
    scheduler: Scheduler, job: Job
) -> AsyncIterator[tuple[int, Delta] | RequestOutput]:
    """The deltas of a request as they come, then its whole output."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[int, Delta] | RequestOutput | BaseException] = asyncio.Queue()

    def put(item: tuple[int, Delta] | RequestOutput | BaseException) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(queue.put_nowait, item)

    job.on_delta = lambda index, delta: put((index, delta))
    job.on_done = put
    scheduler.submit(job)
    try:
        while True:
            item = await queue.get()
            if isinstance(item, BaseException):
                raise item
            yield item
            if isinstance(item, RequestOutput):
                return
    finally:
        scheduler.cancel(job)


async def _chat_chunks(scheduler: Scheduler, job: Job) -> AsyncIterator[Json]:
    """A choice for each delta, then `{"usage": ...}`."""
    async for item in _deltas(scheduler, job):
        if isinstance(item, RequestOutput):
            yield {"usage": dialect.usage([job], [item])}
        else:
            yield dialect.chat_chunk(job, *item)


async def _completion_chunks(scheduler: Scheduler, job: Job) -> AsyncIterator[Json]:
    """The same in the legacy shape."""
    sent = [0] * job.n
    async for item in _deltas(scheduler, job):
        if isinstance(item, RequestOutput):
            yield {"usage": dialect.usage([job], [item])}
        else:
            index, delta = item
            yield dialect.completion_chunk(job, index, delta, sent[index])
            sent[index] += len(delta.text)


async def _stream(
    request: web.Request,
    head: Json,
    start: Sequence[Json],
    choices: AsyncIterator[Json],
    with_usage: bool,
) -> web.StreamResponse:
    """Server-sent events. The status goes out with the first event, so that a bad request still
    gets an error status."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    nothing: Json = {"usage": None} if with_usage else {}
    async for choice in choices:
        if not response.prepared:
            await response.prepare(request)
            for first in start:
                await _event(response, {**head, "choices": [first], **nothing})
        if "usage" not in choice:
            await _event(response, {**head, "choices": [choice], **nothing})
        elif with_usage:
            await _event(response, {**head, "choices": [], **choice})
    await response.write(b"data: [DONE]\n\n")
    await response.write_eof()
    return response


async def _event(response: web.StreamResponse, data: Json) -> None:
    await response.write(b"data: " + _encode(data) + b"\n\n")


class _Unknown(Exception):
    """A model that is not served here."""


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error in OpenAI's shape."""
    try:
        return await handler(request)
    except BadRequest as error:
        return _error(400, str(error), param=error.param)
    except _Unknown as error:
        return _error(404, str(error), param="model", code="model_not_found")
    except ContextOverflow as error:
        field = "messages" if "chat" in request.path else "prompt"
        return _error(400, str(error), param=field, code="context_length_exceeded")
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _error(error.status, error.text or error.reason)
    except Exception as error:  # a bug: the log has its traceback, the client the usual shape
        _log.exception("%s %s failed", request.method, request.path)
        body = _encode(_error_body(500, "The server failed; its log says why.")).decode()
        raise web.HTTPInternalServerError(text=body, content_type="application/json") from error


def _error(
    status: int, message: str, *, param: str | None = None, code: str | None = None
) -> web.Response:
    return _json(_error_body(status, message, param, code), status)


def _error_body(
    status: int, message: str, param: str | None = None, code: str | None = None
) -> Json:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _json(data: Json, status: int = 200) -> web.Response:
    return web.Response(
        body=_encode(data), status=status, content_type="application/json",
        headers={"Server": "understudy"},
    )  # fmt: skip
