"""What is asked of the scheduler, and one reply under way: its tokens, its text, where it stops.

Text is searched for stop strings as bytes: UTF-8 has no character inside another, so a match is at
whole characters even where a token ends inside one, and a stop string may straddle tokens. What
might yet become a stop string is held back from who reads along.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from understudy.pocket.sampling import Chance, History, Rule
from understudy.pocket.tokenizer import Tokenizer, utf8
from understudy.types import Stop, Token


class Seen(NamedTuple):
    """How likely a token was: its natural-log probability, and the likeliest ones with theirs, as
    the model gives them, before temperature, penalties and bias."""

    logprob: float
    top: Sequence[tuple[int, float]]


class Piece(NamedTuple):
    """What a reply gained."""

    text: str
    tokens: tuple[Token, ...]
    stop: Stop | None
    """Set with the last piece."""


class Written(NamedTuple):
    """A finished reply."""

    text: str
    tokens: tuple[Token, ...] | None
    """Those that begin before the end of the text; the last one may reach into a stop string."""
    stop: Stop
    drawn: int
    """Tokens, the one that ended the reply included."""


class Result(NamedTuple):
    """What came of a job."""

    replies: tuple[Written, ...]
    prompt: tuple[Token, ...] | None
    """The prompt's own tokens, scored, where they were asked for. The first has no context: it
    counts as certain."""
    surprise: float | None
    """Mean negative log-likelihood of the prompt's ordinary tokens, in nats; None unless asked."""
    cached: int
    """Tokens of the prompt that had been read before."""


@dataclass(eq=False, kw_only=True)
class Job:
    """`n` replies to one prompt. The callbacks are called from the scheduler's thread."""

    ids: Sequence[int]
    done: Callable[[Result | BaseException], None] = lambda result: None
    """Called once, unless the job is cancelled before."""
    n: int = 1
    draws: tuple[int, ...] = ()
    """Which draw of the prompt each reply is; 0, 1, ... where empty."""
    seed: int = 0
    rule: Rule = field(default_factory=Rule)
    most: int | None = None
    """Tokens of a reply; None for as many as the context holds."""
    stop: Sequence[str] = ()
    logprobs: int | None = None
    """With log-probabilities, and this many of the likeliest tokens each."""
    score: bool = False
    """The prompt's tokens too."""
    judge: bool = False
    """With `surprise`."""
    read_along: Callable[[int, Piece], None] | None = None
    """Called with a reply's index and what it gained, as it is written; with `score` its first piece
    is the prompt."""
    cancelled: bool = False
    """Set it through `Scheduler.cancel`."""


@dataclass(eq=False)
class Draft:
    """One reply under way."""

    job: Job
    index: int
    tokenizer: Tokenizer
    most: int
    """Tokens, at least 1."""
    chance: Chance
    history: History | None
    """Where the rule has penalties."""
    last: int = -1
    """The token drawn last."""
    count: int = 0
    stop: Stop | None = None
    """Set when it is done."""
    _data: bytearray = field(default_factory=bytearray)
    _end: int = 0
    """Bytes of the reply, once it is done."""
    _ids: list[int] = field(default_factory=list[int])
    _seen: list[Seen] = field(default_factory=list[Seen])
    _starts: list[int] = field(default_factory=list[int])

    def __post_init__(self) -> None:
        self._stops = [stop.encode() for stop in self.job.stop if stop]
        self._longest = max(map(len, self._stops), default=0)
        self._text = utf8()
        self._released = 0
        self._named = 0
        self._names = utf8()

    def add(self, token: int, seen: Seen | None) -> None:
        """Take in the next token; `stop` says whether it was the last one."""
        self.last = token
        self.count += 1
        if token == self.tokenizer.end:
            self._finish("end", len(self._data))
            return
        if self.history is not None:
            self.history.add(token)
        before = len(self._data)
        self._data += self.tokenizer.bytes[token]
        if seen is not None:
            self._ids.append(token)
            self._seen.append(seen)
            self._starts.append(before)
        if self._stops and (cut := self._cut(before)) is not None:
            self._finish("end", cut)
        elif self.count >= self.most:
            self._finish("length", len(self._data))

    def release(self) -> Piece:
        """What can no longer be taken back, since the last time."""
        safe = len(self._data) - self._held() if self.stop is None else self._end
        text = self._text.decode(bytes(self._data[self._released : safe]), self.stop is not None)
        self._released = safe
        return Piece(text, self._tokens_before(safe), self.stop)

    def written(self) -> Written:
        """The finished reply."""
        tokens = None
        if self.job.logprobs is not None:
            self._named, self._names = 0, utf8()
            tokens = self._tokens_before(self._end)
        text = self._data[: self._end].decode("utf-8", "replace")
        return Written(text, tokens, self.stop or "unknown", self.count)

    def _finish(self, stop: Stop, end: int) -> None:
        self.stop, self._end = stop, end

    def _cut(self, before: int) -> int | None:
        """Where the first stop string begins that the bytes from `before` on complete."""
        start = max(0, before - self._longest + 1)
        found = [at for stop in self._stops if (at := self._data.find(stop, start)) >= 0]
        return min(found, default=None)

    def _held(self) -> int:
        """Bytes at the end that may be the beginning of a stop string."""
        for size in range(min(self._longest - 1, len(self._data)), 0, -1):
            tail = self._data[-size:]
            if any(stop.startswith(tail) for stop in self._stops):
                return size
        return 0

    def _tokens_before(self, end: int) -> tuple[Token, ...]:
        tokens: list[Token] = []
        while self._named < len(self._ids) and self._starts[self._named] < end:
            i = self._named
            self._named += 1
            final = self.stop is not None and (
                self._named == len(self._ids) or self._starts[self._named] >= end
            )
            data = self.tokenizer.bytes[self._ids[i]]
            tokens.append(named(self.tokenizer, self._names.decode(data, final), self._seen[i]))
        return tuple(tokens)


def named(tokenizer: Tokenizer, text: str, seen: Seen) -> Token:
    """A token by its text in its place: a character that takes several tokens is the last one's."""
    top = tuple((tokenizer.name(token), logprob) for token, logprob in seen.top)
    return Token(text, seen.logprob, top)
