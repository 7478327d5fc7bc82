"""The loop that writes many replies at once, in a thread of its own.

A job is taken in as soon as a row is free: its prompt is read once, whatever the number of its
replies, and they join those being written at the next token. A reply leaves as it ends, and its row
is taken by the next one: nothing waits for anything else to finish. A job is answered when all of its
replies are done.

The event loop hands jobs in and is called back; NumPy lets go of the interpreter while it
multiplies, so both get on. One thread does the work, and while it lives BLAS is kept to that thread
(see threads.py): the matrices are too small for a second one to pay.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Sequence

import numpy as np

from understudy.errors import ContextOverflow
from understudy.pocket import sampling
from understudy.pocket.cache import Batch, Prompt, Recent
from understudy.pocket.decoder import Decoder
from understudy.pocket.draft import Draft, Job, Piece, Result, Seen, Written, named
from understudy.pocket.sampling import Chance, History
from understudy.pocket.threads import one_thread
from understudy.pocket.tokenizer import Tokenizer, utf8
from understudy.pocket.weights import Floats
from understudy.types import Token

ROWS = 128
"""Replies written at once. More rows make a matrix product hardly faster, and their keys and values
then no longer fit the processor's cache."""
TOKENS = 24_576
"""Tokens in the cache from which no more replies are begun: long prompts take a row's room many times
over. A tiny model's token takes about 5 kB."""


class _Taken:
    """A job that has been read."""

    def __init__(self, job: Job, prompt: Prompt, logits: Floats) -> None:
        self.job = job
        self.prompt = prompt
        self.logits = logits
        """(1, vocabulary), after the prompt."""
        self.started = 0
        self.written: list[Written | None] = [None] * job.n
        self.open = job.n
        self.tokens: tuple[Token, ...] | None = None
        self.surprise: float | None = None
        self.cached = 0


class Scheduler:
    """A model at work. Its thread starts with the first job; `close` ends it."""

    def __init__(self, decoder: Decoder, tokenizer: Tokenizer, rows: int = ROWS) -> None:
        self.context = decoder.shape.context
        self._decoder = decoder
        self._tokenizer = tokenizer
        self._most = rows
        self._batch: Batch[Draft] = Batch(decoder.shape)
        self._recent = Recent()
        self._waiting: deque[Job] = deque()
        self._taken: dict[int, _Taken] = {}
        """By the `id` of the job; those not fully started come first to be started."""
        self._starting: deque[_Taken] = deque()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._cancelled = False

    def submit(self, job: Job) -> None:
        """Take a job; any thread may.

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
        """Drop a job, before the next token at the latest; it is not answered. Any thread may."""
        with self._wake:
            job.cancelled = True
            self._cancelled = True
            self._wake.notify()

    def close(self) -> None:
        """Drop all jobs and end the thread."""
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
                except BaseException as error:  # a bug: who waits must hear of it, not wait on
                    self._fail(error)
                    raise
        finally:
            restore()

    def _ready(self) -> bool:
        """Wait for something to do; False when closed."""
        with self._wake:
            while not (self._closed or self._waiting or self._taken):
                self._wake.wait()
            return not self._closed

    def _turn(self) -> None:
        """Take jobs in, write one token of every reply, let go of what is done."""
        if self._cancelled:
            self._drop_cancelled()
        while self._has_room() and (taken := self._next()) is not None:
            self._start(taken)
        owners = self._batch.owners
        if owners:
            logits = self._decoder.step(self._batch, [draft.last for draft in owners])
            self._draw(owners, logits)
            self._batch.discard({id(draft) for draft in owners if draft.stop is not None})
            for draft in owners:
                self._tell(draft)

    def _has_room(self) -> bool:
        return len(self._batch) < self._most and self._batch.cached < TOKENS

    def _next(self) -> _Taken | None:
        """A job with replies still to be started; reads its prompt where that is to be done."""
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
                job.done(error)
                raise

    def _read(self, job: Job) -> None:
        """Read the prompt; a job that wants no more than that is answered at once."""
        scored = job.score and job.logprobs is not None
        known = None if scored or job.judge else self._recent.begun(job.ids)
        prompt, hidden = self._decoder.read(job.ids, known)
        self._recent.keep(prompt)
        every = scored or job.judge
        logits = self._decoder.logits(hidden if every else hidden[-1:])
        taken = _Taken(job, prompt, logits[-1:])
        taken.cached = len(known.ids) if known else 0
        if scored:
            taken.tokens = self._score(job, logits)
        if job.judge:
            taken.surprise = self._judge(job.ids, logits)
        if job.score and job.read_along is not None:
            echo = Piece(self._tokenizer.decode(job.ids), taken.tokens or (), None)
            for index in range(job.n):
                job.read_along(index, echo)
        if self._bound(job) < 1:
            if job.read_along is not None:
                for index in range(job.n):
                    job.read_along(index, Piece("", (), "length"))
            nothing = Written("", () if job.logprobs is not None else None, "length", 0)
            job.done(self._result(taken, [nothing] * job.n))
            return
        self._taken[id(job)] = taken
        self._starting.append(taken)

    def _start(self, taken: _Taken) -> None:
        """Draw the first token of as many replies as there are free rows."""
        job = taken.job
        n = min(job.n - taken.started, self._most - len(self._batch))
        drafts = [self._draft(job, taken.started + i) for i in range(n)]
        taken.started += n
        if taken.started == job.n:
            self._starting.popleft()
        self._draw(drafts, np.repeat(taken.logits, n, 0))
        if going := [draft for draft in drafts if draft.stop is None]:
            self._batch.add(taken.prompt, going)
        for draft in drafts:
            self._tell(draft)

    def _bound(self, job: Job) -> int:
        """Tokens that a reply may have."""
        room = self.context - len(job.ids)
        return room if job.most is None else min(job.most, room)

    def _draft(self, job: Job, index: int) -> Draft:
        penalised = job.rule.adjusts
        return Draft(
            job,
            index,
            self._tokenizer,
            most=self._bound(job),
            chance=Chance(job.seed, job.ids, job.draws[index] if job.draws else index),
            history=History(self._decoder.shape.vocabulary, job.ids) if penalised else None,
        )

    def _draw(self, drafts: Sequence[Draft], logits: Floats) -> None:
        """The next token of each."""
        rules = [draft.job.rule for draft in drafts]
        adjusted = logits
        if any(draft.history is not None for draft in drafts):
            adjusted = logits.copy()
            for row, draft in enumerate(drafts):
                if draft.history is not None:
                    adjusted[row] = sampling.adjust(logits[row], rules[row], draft.history)
        uniforms = [draft.chance.next() for draft in drafts]
        tokens: list[int] = sampling.draw(adjusted, rules, uniforms).tolist()
        wanted = [row for row, draft in enumerate(drafts) if draft.job.logprobs is not None]
        seen: dict[int, Seen] = {}
        if wanted:
            chosen = [tokens[row] for row in wanted]
            tops = [drafts[row].job.logprobs or 0 for row in wanted]
            seen = dict(zip(wanted, _likelihood(logits[wanted], chosen, tops), strict=True))
        for row, draft in enumerate(drafts):
            draft.add(tokens[row], seen.get(row))

    def _tell(self, draft: Draft) -> None:
        job = draft.job
        if job.cancelled:
            return
        if job.read_along is not None:
            piece = draft.release()
            if piece.text or piece.tokens or piece.stop:
                job.read_along(draft.index, piece)
        if draft.stop is None:
            return
        taken = self._taken[id(job)]
        taken.written[draft.index] = draft.written()
        taken.open -= 1
        if not taken.open:
            del self._taken[id(job)]
            job.done(self._result(taken, [reply for reply in taken.written if reply is not None]))

    def _result(self, taken: _Taken, replies: Sequence[Written]) -> Result:
        return Result(tuple(replies), taken.tokens, taken.surprise, taken.cached)

    def _score(self, job: Job, logits: Floats) -> tuple[Token, ...]:
        """The prompt's own tokens with their log-probabilities."""
        ids, decoder = list(job.ids), utf8()
        tops = [job.logprobs or 0] * (len(ids) - 1)
        seen = [Seen(0.0, ()), *_likelihood(logits[:-1], ids[1:], tops)]
        last = len(ids) - 1
        return tuple(
            named(self._tokenizer, decoder.decode(self._tokenizer.bytes[token], i == last), seen[i])
            for i, token in enumerate(ids)
        )

    def _judge(self, ids: Sequence[int], logits: Floats) -> float | None:
        """Special tokens are left out: the model never learnt to foretell who speaks next."""
        special = set(self._tokenizer.special.values())
        ordinary = [i for i in range(1, len(ids)) if ids[i] not in special]
        if not ordinary:
            return None
        chosen = [ids[i] for i in ordinary]
        rows = logits[[i - 1 for i in ordinary]]
        seen = _likelihood(rows, chosen, [0] * len(chosen))
        return -sum(token.logprob for token in seen) / len(seen)

    def _drop_cancelled(self) -> None:
        with self._wake:
            self._cancelled = False
        gone = [taken for taken in self._taken.values() if taken.job.cancelled]
        for taken in gone:
            del self._taken[id(taken.job)]
        self._starting = deque(t for t in self._starting if not t.job.cancelled)
        drafts = {id(draft) for draft in self._batch.owners if draft.job.cancelled}
        if drafts:
            self._batch.discard(drafts)

    def _fail(self, error: BaseException) -> None:
        with self._wake:
            self._closed = True
            waiting = [*self._waiting, *(taken.job for taken in self._taken.values())]
            self._waiting.clear()
        for job in waiting:
            job.done(error)


async def answered(scheduler: Scheduler, job: Job) -> Result:
    """Have a job done; whoever stops waiting for it cancels it."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Result] = loop.create_future()

    def deliver(result: Result | BaseException) -> None:
        if answer.done():
            return
        if isinstance(result, BaseException):
            answer.set_exception(result)
        else:
            answer.set_result(result)

    def done(result: Result | BaseException) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and whoever waited with it
            loop.call_soon_threadsafe(deliver, result)

    job.done = done
    scheduler.submit(job)
    try:
        return await answer
    except asyncio.CancelledError:
        scheduler.cancel(job)
        raise


def _likelihood(logits: Floats, chosen: Sequence[int], tops: Sequence[int]) -> list[Seen]:
    """How likely each row's chosen token was, and each row's likeliest tokens."""
    peak = logits.max(-1, keepdims=True)
    total = np.log(np.exp(logits - peak).sum(-1, keepdims=True)) + peak
    logprobs = logits - total
    own: list[float] = logprobs[np.arange(len(chosen)), np.asarray(chosen, np.intp)].tolist()
    most = min(max(tops, default=0), logits.shape[-1])
    if not most:
        return [Seen(logprob, ()) for logprob in own]
    ranked = np.argpartition(-logprobs, most - 1, axis=-1)[:, :most]
    values = np.take_along_axis(logprobs, ranked, -1)
    order = np.argsort(-values, axis=-1, kind="stable")
    tokens: list[list[int]] = np.take_along_axis(ranked, order, -1).tolist()
    sorted_values: list[list[float]] = np.take_along_axis(values, order, -1).tolist()
    return [
        Seen(logprob, tuple(zip(tokens[i][:top], sorted_values[i][:top], strict=True)))
        for i, (logprob, top) in enumerate(zip(own, tops, strict=True))
    ]
