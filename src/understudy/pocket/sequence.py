"""A request to the scheduler, and one sequence that it generates: tokens, text, and where it stops.

Stop strings are searched for in bytes. No character of UTF-8 contains another, so a match begins and
ends at whole characters even if a token does not. A stop string may span several tokens. Text that
could still become a stop string is not streamed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from understudy.pocket.sampling import SamplingParams, TokenCounts, Uniforms
from understudy.pocket.tokenizer import Tokenizer, utf8
from understudy.types import Stop, Token


class TokenLogprob(NamedTuple):
    """The natural-log probability of a token, and the likeliest tokens with theirs. They are the
    model's own: before temperature, penalties and bias."""

    logprob: float
    top: Sequence[tuple[int, float]]


class Delta(NamedTuple):
    """New text and tokens of a sequence."""

    text: str
    tokens: tuple[Token, ...]
    stop: Stop | None
    """Set with the last delta."""


class SequenceOutput(NamedTuple):
    """A finished sequence."""

    text: str
    tokens: tuple[Token, ...] | None
    """The tokens that begin before the end of the text. The last one may reach into a stop
    string."""
    stop: Stop
    tokens_out: int
    """Tokens generated, including the one that ended the reply."""


class RequestOutput(NamedTuple):
    """Everything a request produced."""

    replies: tuple[SequenceOutput, ...]
    prompt: tuple[Token, ...] | None
    """The prompt's own tokens, scored, where they were requested. The first has no context: its
    log-probability is 0."""
    prompt_nll: float | None
    """Mean negative log-likelihood of the prompt's ordinary tokens, in nats; None unless requested."""
    cached: int
    """Tokens of the prompt whose keys and values were in the cache."""


@dataclass(eq=False, kw_only=True)
class Job:
    """`n` replies to one prompt. The callbacks are called from the scheduler's thread."""

    ids: Sequence[int]
    on_done: Callable[[RequestOutput | BaseException], None] = lambda result: None
    """Called once, unless the request is cancelled first."""
    n: int = 1
    draws: tuple[int, ...] = ()
    """The number of each reply among all draws of this prompt; 0, 1, ... where empty."""
    seed: int = 0
    params: SamplingParams = field(default_factory=SamplingParams)
    most: int | None = None
    """Tokens of a reply; None for as many as the context holds."""
    stop: Sequence[str] = ()
    logprobs: int | None = None
    """Return log-probabilities, with this many of the likeliest tokens each."""
    score: bool = False
    """Score the prompt's tokens too."""
    measure_nll: bool = False
    """Compute `prompt_nll`."""
    on_delta: Callable[[int, Delta], None] | None = None
    """Called with a reply's index and its newest delta; with `score` the first delta is the prompt."""
    cancelled: bool = False
    """Set it through `Scheduler.cancel`."""


@dataclass(eq=False)
class TokenSequence:
    """One reply that is being generated."""

    job: Job
    index: int
    tokenizer: Tokenizer
    most: int
    """Tokens, at least 1."""
    uniforms: Uniforms
    counts: TokenCounts | None
    """None where no penalty is set."""
    last: int = -1
    """The newest token."""
    count: int = 0
    stop: Stop | None = None
    """Set when the sequence is finished."""
    _data: bytearray = field(default_factory=bytearray)
    _end: int = 0
    """Length of the reply in bytes, once it is finished."""
    _ids: list[int] = field(default_factory=list[int])
    _logprobs: list[TokenLogprob] = field(default_factory=list[TokenLogprob])
    _starts: list[int] = field(default_factory=list[int])

    def __post_init__(self) -> None:
        self._stops = [stop.encode() for stop in self.job.stop if stop]
        self._longest = max(map(len, self._stops), default=0)
        self._text = utf8()
        self._released = 0
        self._tokens_named = 0
        self._names = utf8()

    def add(self, token: int, logprob: TokenLogprob | None) -> None:
        """Append a token; `stop` is set if it was the last one."""
        self.last = token
        self.count += 1
        if token == self.tokenizer.end:
            self._finish("end", len(self._data))
            return
        if self.counts is not None:
            self.counts.add(token)
        before = len(self._data)
        self._data += self.tokenizer.bytes[token]
        if logprob is not None:
            self._ids.append(token)
            self._logprobs.append(logprob)
            self._starts.append(before)
        if self._stops and (cut := self._cut(before)) is not None:
            self._finish("end", cut)
        elif self.count >= self.most:
            self._finish("length", len(self._data))

    def release(self) -> Delta:
        """Text and tokens that are final and were not released before."""
        safe = len(self._data) - self._held_back() if self.stop is None else self._end
        text = self._text.decode(bytes(self._data[self._released : safe]), self.stop is not None)
        self._released = safe
        return Delta(text, self._tokens_before(safe), self.stop)

    def output(self) -> SequenceOutput:
        """The finished sequence."""
        tokens = None
        if self.job.logprobs is not None:
            self._tokens_named, self._names = 0, utf8()
            tokens = self._tokens_before(self._end)
        text = self._data[: self._end].decode("utf-8", "replace")
        return SequenceOutput(text, tokens, self.stop or "unknown", self.count)

    def _finish(self, stop: Stop, end: int) -> None:
        self.stop, self._end = stop, end

    def _cut(self, before: int) -> int | None:
        """Where the first stop string begins that ends after `before`; None if there is none."""
        start = max(0, before - self._longest + 1)
        starts = [at for stop in self._stops if (at := self._data.find(stop, start)) >= 0]
        return min(starts, default=None)

    def _held_back(self) -> int:
        """Number of bytes at the end that may be the beginning of a stop string."""
        for size in range(min(self._longest - 1, len(self._data)), 0, -1):
            tail = self._data[-size:]
            if any(stop.startswith(tail) for stop in self._stops):
                return size
        return 0

    def _tokens_before(self, end: int) -> tuple[Token, ...]:
        tokens: list[Token] = []
        while self._tokens_named < len(self._ids) and self._starts[self._tokens_named] < end:
            i = self._tokens_named
            self._tokens_named += 1
            final = self.stop is not None and (
                self._tokens_named == len(self._ids) or self._starts[self._tokens_named] >= end
            )
            data = self.tokenizer.bytes[self._ids[i]]
            tokens.append(
                token_of(self.tokenizer, self._names.decode(data, final), self._logprobs[i])
            )
        return tuple(tokens)


def token_of(tokenizer: Tokenizer, text: str, logprob: TokenLogprob) -> Token:
    """A token with its text. A character that spans several tokens belongs to the last of them."""
    top = tuple((tokenizer.name(token), logprob) for token, logprob in logprob.top)
    return Token(text, logprob.logprob, top)
