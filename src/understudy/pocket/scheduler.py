"""Continuous batching: generates many sequences at once, in a thread of its own.

A request starts as soon as a row is free. Its prompt is read once, however many replies it asks for;
its sequences join the batch at the next token. A finished sequence leaves at once and its row goes to
the next one, so nothing waits for the slowest. A request is answered when all its sequences are done.

The event loop submits requests and is called back. NumPy releases the interpreter lock while it
multiplies, so both threads make progress. BLAS is limited to this one thread while it lives (see
threads.py): the matrices are too small for a second one to pay off.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Sequence

import numpy as np

from understudy.errors import ContextOverflow
from understudy.pocket import sampling
from understudy.pocket.cache import Prompt, PromptCache, RowBatch
from understudy.pocket.decoder import Decoder
from understudy.pocket.sampling import TokenCounts, Uniforms
from understudy.pocket.sequence import (
    Delta,
    Job,
    RequestOutput,
    SequenceOutput,
    TokenLogprob,
    TokenSequence,
    token_of,
)
from understudy.pocket.threads import one_thread
from understudy.pocket.tokenizer import Tokenizer, utf8
from understudy.pocket.weights import Floats
from understudy.types import Token

ROWS = 128
"""Sequences generated at once. More rows hardly speed up a matrix product, and their keys and values
would no longer fit the processor's cache."""
TOKENS = 24_576
"""No sequence starts while the cache holds this many tokens: a long prompt takes as much room as many
short rows. A token of this model takes about 5 kB."""


class ActiveRequest:
    """A request whose prompt has been read."""

    def __init__(self, job: Job, prompt: Prompt, logits: Floats) -> None:
        self.job = job
        self.prompt = prompt
        self.logits = logits
        """(1, vocabulary), after the prompt."""
        self.started = 0
        self.outputs: list[SequenceOutput | None] = [None] * job.n
        self.open = job.n
        self.tokens: tuple[Token, ...] | None = None
        self.prompt_nll: float | None = None
        self.cached_tokens = 0


class Scheduler:
    """Runs one model. Its thread starts with the first request; `close` ends it."""

    def __init__(self, decoder: Decoder, tokenizer: Tokenizer, rows: int = ROWS) -> None:
        self.context = decoder.shape.context
        self._decoder = decoder
        self._tokenizer = tokenizer
        self._most = rows
        self._batch: RowBatch[TokenSequence] = RowBatch(decoder.shape)
        self._prompt_cache = PromptCache()
        self._waiting: deque[Job] = deque()
        self._active: dict[int, ActiveRequest] = {}
        """By the `id` of the request."""
        self._starting: deque[ActiveRequest] = deque()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._cancelled = False

    def submit(self, job: Job) -> None:
        """Submit a request, from any thread.

        Raises:
            ContextOverflow: the prompt leaves no room for a reply.
            RuntimeError: the scheduler is closed.
        """
        if self.context - len(job.ids) < (0 if job.most == 0 else 1):
            raise ContextOverflow(
                f"the model's maximum context length is {self.context:,} tokens, and the prompt "
                f"alone has {len(job.ids):,}: shorten it, or use a larger model."
            )
        with self._wake:
            if self._closed:
                raise RuntimeError("the model is closed")
            self._waiting.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pocket", daemon=True)
                self._thread.start()
            self._wake.notify()

    def cancel(self, job: Job) -> None:
        """Drop a request before its next token; it is not answered. Callable from any thread."""
        with self._wake:
            job.cancelled = True
            self._cancelled = True
            self._wake.notify()

    def close(self) -> None:
        """Drop all requests and end the thread."""
        with self._wake:
            self._closed = True
            thread, self._thread = self._thread, None
            self._wake.notify()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        restore = one_thread()
        try:
            while self._ready():
                try:
                    self._turn()
                except (
                    BaseException
                ) as error:  # a bug: fail all requests, or they would wait for ever
                    self._fail(error)
                    raise
        finally:
            restore()

    def _ready(self) -> bool:
        """Wait for work; False when closed."""
        with self._wake:
            while not (self._closed or self._waiting or self._active):
                self._wake.wait()
            return not self._closed

    def _turn(self) -> None:
        """Start requests, generate one token of every sequence, release finished ones."""
        if self._cancelled:
            self._remove_cancelled()
        while self._has_room() and (request := self._next()) is not None:
            self._start(request)
        owners = self._batch.owners
        if owners:
            logits = self._decoder.step(self._batch, [sequence.last for sequence in owners])
            self._draw(owners, logits)
            self._batch.discard({id(sequence) for sequence in owners if sequence.stop is not None})
            for sequence in owners:
                self._emit(sequence)

    def _has_room(self) -> bool:
        return len(self._batch) < self._most and self._batch.cached_tokens < TOKENS

    def _next(self) -> ActiveRequest | None:
        """A request with sequences still to start. Reads its prompt if that was not done yet."""
        while True:
            if self._starting:
                return self._starting[0]
            with self._wake:
                if not self._waiting:
                    return None
                job = self._waiting.popleft()
            if job.cancelled:
                continue
            try:
                self._read(job)
            except BaseException as error:
                job.on_done(error)
                raise

    def _read(self, job: Job) -> None:
        """Read the prompt. A request for no new tokens is answered at once."""
        scored = job.score and job.logprobs is not None
        prefix = None if scored or job.measure_nll else self._prompt_cache.longest_prefix(job.ids)
        prompt, states = self._decoder.read(job.ids, prefix)
        self._prompt_cache.add(prompt)
        every = scored or job.measure_nll
        logits = self._decoder.logits(states if every else states[-1:])
        request = ActiveRequest(job, prompt, logits[-1:])
        request.cached_tokens = len(prefix.ids) if prefix else 0
        if scored:
            request.tokens = self._score(job, logits)
        if job.measure_nll:
            request.prompt_nll = self._mean_nll(job.ids, logits)
        if job.score and job.on_delta is not None:
            echo = Delta(self._tokenizer.decode(job.ids), request.tokens or (), None)
            for index in range(job.n):
                job.on_delta(index, echo)
        if self._bound(job) < 1:
            if job.on_delta is not None:
                for index in range(job.n):
                    job.on_delta(index, Delta("", (), "length"))
            nothing = SequenceOutput("", () if job.logprobs is not None else None, "length", 0)
            job.on_done(self._result(request, [nothing] * job.n))
            return
        self._active[id(job)] = request
        self._starting.append(request)

    def _start(self, request: ActiveRequest) -> None:
        """Draw the first token of as many sequences as there are free rows."""
        job = request.job
        n = min(job.n - request.started, self._most - len(self._batch))
        sequences = [self._sequence(job, request.started + i) for i in range(n)]
        request.started += n
        if request.started == job.n:
            self._starting.popleft()
        self._draw(sequences, np.repeat(request.logits, n, 0))
        if going := [sequence for sequence in sequences if sequence.stop is None]:
            self._batch.add(request.prompt, going)
        for sequence in sequences:
            self._emit(sequence)

    def _bound(self, job: Job) -> int:
        """Most tokens of a reply."""
        room = self.context - len(job.ids)
        return room if job.most is None else min(job.most, room)

    def _sequence(self, job: Job, index: int) -> TokenSequence:
        penalised = job.params.adjusts
        return TokenSequence(
            job,
            index,
            self._tokenizer,
            most=self._bound(job),
            uniforms=Uniforms(job.seed, job.ids, job.draws[index] if job.draws else index),
            counts=TokenCounts(self._decoder.shape.vocabulary, job.ids) if penalised else None,
        )

    def _draw(self, sequences: Sequence[TokenSequence], logits: Floats) -> None:
        """The next token of each sequence."""
        rules = [sequence.job.params for sequence in sequences]
        adjusted = logits
        if any(sequence.counts is not None for sequence in sequences):
            adjusted = logits.copy()
            for row, sequence in enumerate(sequences):
                if sequence.counts is not None:
                    adjusted[row] = sampling.adjust(logits[row], rules[row], sequence.counts)
        uniforms = [sequence.uniforms.next() for sequence in sequences]
        tokens: list[int] = sampling.draw(adjusted, rules, uniforms).tolist()
        rows = [row for row, sequence in enumerate(sequences) if sequence.job.logprobs is not None]
        logprobs: dict[int, TokenLogprob] = {}
        if rows:
            ids = [tokens[row] for row in rows]
            tops = [sequences[row].job.logprobs or 0 for row in rows]
            logprobs = dict(zip(rows, _token_logprobs(logits[rows], ids, tops), strict=True))
        for row, sequence in enumerate(sequences):
            sequence.add(tokens[row], logprobs.get(row))

    def _emit(self, sequence: TokenSequence) -> None:
        job = sequence.job
        if job.cancelled:
            return
        if job.on_delta is not None:
            delta = sequence.release()
            if delta.text or delta.tokens or delta.stop:
                job.on_delta(sequence.index, delta)
        if sequence.stop is None:
            return
        request = self._active[id(job)]
        request.outputs[sequence.index] = sequence.output()
        request.open -= 1
        if not request.open:
            del self._active[id(job)]
            job.on_done(
                self._result(request, [reply for reply in request.outputs if reply is not None])
            )

    def _result(self, request: ActiveRequest, replies: Sequence[SequenceOutput]) -> RequestOutput:
        return RequestOutput(
            tuple(replies), request.tokens, request.prompt_nll, request.cached_tokens
        )

    def _score(self, job: Job, logits: Floats) -> tuple[Token, ...]:
        """The prompt's own tokens with their log-probabilities."""
        ids, decoder = list(job.ids), utf8()
        tops = [job.logprobs or 0] * (len(ids) - 1)
        logprobs = [TokenLogprob(0.0, ()), *_token_logprobs(logits[:-1], ids[1:], tops)]
        last = len(ids) - 1
        return tuple(
            token_of(
                self._tokenizer,
                decoder.decode(self._tokenizer.bytes[token], i == last),
                logprobs[i],
            )
            for i, token in enumerate(ids)
        )

    def _mean_nll(self, ids: Sequence[int], logits: Floats) -> float | None:
        """Without special tokens: the model was never trained to predict the next speaker."""
        special = set(self._tokenizer.special.values())
        ordinary = [i for i in range(1, len(ids)) if ids[i] not in special]
        if not ordinary:
            return None
        targets = [ids[i] for i in ordinary]
        rows = logits[[i - 1 for i in ordinary]]
        logprobs = _token_logprobs(rows, targets, [0] * len(targets))
        return -sum(token.logprob for token in logprobs) / len(logprobs)

    def _remove_cancelled(self) -> None:
        with self._wake:
            self._cancelled = False
        cancelled = [request for request in self._active.values() if request.job.cancelled]
        for request in cancelled:
            del self._active[id(request.job)]
        self._starting = deque(t for t in self._starting if not t.job.cancelled)
        sequences = {id(sequence) for sequence in self._batch.owners if sequence.job.cancelled}
        if sequences:
            self._batch.discard(sequences)

    def _fail(self, error: BaseException) -> None:
        with self._wake:
            self._closed = True
            waiting = [*self._waiting, *(request.job for request in self._active.values())]
            self._waiting.clear()
        for job in waiting:
            job.on_done(error)


async def generate(scheduler: Scheduler, job: Job) -> RequestOutput:
    """Run a request and wait for its output. Cancelling the wait cancels the request."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[RequestOutput] = loop.create_future()

    def deliver(result: RequestOutput | BaseException) -> None:
        if answer.done():
            return
        if isinstance(result, BaseException):
            answer.set_exception(result)
        else:
            answer.set_result(result)

    def on_done(result: RequestOutput | BaseException) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and so has the waiting
            loop.call_soon_threadsafe(deliver, result)

    job.on_done = on_done
    scheduler.submit(job)
    try:
        return await answer
    except asyncio.CancelledError:
        scheduler.cancel(job)
        raise


def _token_logprobs(logits: Floats, ids: Sequence[int], tops: Sequence[int]) -> list[TokenLogprob]:
    """The log-probability of each row's token, and each row's likeliest tokens."""
    peak = logits.max(-1, keepdims=True)
    total = np.log(np.exp(logits - peak).sum(-1, keepdims=True)) + peak
    logprobs = logits - total
    own: list[float] = logprobs[np.arange(len(ids)), np.asarray(ids, np.intp)].tolist()
    most = min(max(tops, default=0), logits.shape[-1])
    if not most:
        return [TokenLogprob(logprob, ()) for logprob in own]
    ranked = np.argpartition(-logprobs, most - 1, axis=-1)[:, :most]
    values = np.take_along_axis(logprobs, ranked, -1)
    order = np.argsort(-values, axis=-1, kind="stable")
    tokens: list[list[int]] = np.take_along_axis(ranked, order, -1).tolist()
    sorted_values: list[list[float]] = np.take_along_axis(values, order, -1).tolist()
    return [
        TokenLogprob(logprob, tuple(zip(tokens[i][:top], sorted_values[i][:top], strict=True)))
        for i, (logprob, top) in enumerate(zip(own, tops, strict=True))
    ]
