"""How many calls an endpoint has in flight: as many as it can take, found by trying.

The limit starts low and doubles per round trip until the first 429; from then on a 429 multiplies it
by 0.8, once for all calls that were in flight together, and successes add to it one call per round.
Failures pause growth. `Retry-After` holds back all calls.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias, TypeVar

from understudy.call.breaker import Breaker
from understudy.errors import ProviderError, RateLimited, RunStopped, Unavailable
from understudy.types import Usage

Q = TypeVar("Q")


class Metered(Protocol):
    """An endpoint's answer, with the tokens it counted."""

    @property
    def usage(self) -> Usage | None: ...


A = TypeVar("A", bound=Metered)
Wire: TypeAlias = Callable[[Q], Awaitable[Sequence[A]]]
"""One request and its answers: a model's draws, or the embeddings of many texts."""


class Endpoint:
    """The state of one (endpoint, model, key), shared by all roles bound to it."""

    def __init__(
        self,
        name: str,
        *,
        most: int = 512,
        start: int = 16,
        rpm: float | None = None,
        tpm: float | None = None,
        down_after: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`most`: calls under way at any time. `rpm`, `tpm`: requests and tokens per minute.
        `down_after`: see `Breaker`."""
        self.name = name
        self.breaker = Breaker(name, down_after=down_after, most=most, clock=clock)
        self.limit = float(min(start, most))
        self.in_flight = 0
        self._most = most
        self._clock = clock
        self._notice = notice
        self._requests, self._tokens = Pace(rpm), Pace(tpm)
        self._mean_tokens = 1_000.0
        self._doubling = True
        self._growth_debt = 0
        self._epoch = 0
        self._closed_until = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._resting: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._stop: RunStopped | None = None

    async def enter(self) -> int:
        """Wait for a turn, in order of asking; the number to give back to `note_refusal`.

        Raises:
            RunStopped: the run is being stopped; no new calls.
        """
        if self._stop is not None:
            raise self._stop
        if self._waiting or self.in_flight >= int(self.limit) or self._pause() > 0:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            self._admit()
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled() and turn.exception() is None:
                    self.leave()  # the turn came at the same moment: pass it on
                raise
        else:
            self._take()
        return self._epoch

    def leave(self) -> None:
        self.in_flight -= 1
        if self._waiting:
            self._admit()

    def note_success(self, replies: Sequence[Metered]) -> None:
        """Note an answered call: a reason to grow, if the limit is in use."""
        self.breaker.note_answer()
        self.breaker.served += 1
        if self._tokens.per_minute:
            tokens = sum(r.usage.tokens_in + r.usage.tokens_out for r in replies if r.usage)
            self._tokens.take(self._clock(), tokens - self._mean_tokens)
            self._mean_tokens += (tokens - self._mean_tokens) / min(self.breaker.served, 20)
        if self._growth_debt > 0:
            self._growth_debt -= 1
        elif self.in_flight >= 0.5 * self.limit:  # growing without need would prove nothing
            self.limit = min(self._most, self.limit + (1.0 if self._doubling else 1 / self.limit))

    def note_refusal(self, call: object, error: RateLimited, epoch: int) -> None:
        """Note a 429 for a call that entered in `epoch`."""
        if epoch == self._epoch:
            self.limit = max(1.0, self.limit * 0.8)
            self._epoch += 1
            self._doubling = False
        self._close(error.retry_after)
        self._fail(call, error)

    def note_failure(self, call: object, error: Unavailable) -> None:
        """Stop growing until as many calls have been answered as the limit allows at once."""
        if self._growth_debt <= 0:  # a round without growth, not one per failure: some always fail
            self._growth_debt = int(self.limit)
        self._close(error.retry_after)
        self._fail(call, error)

    def take(self, slots: int) -> Callable[[], None]:
        """Set places for calls aside for work that counts by itself, e.g. a shard on another machine;
        call what comes back once, when it is done. Does not wait.

        Raises:
            ValueError: so many are not free.
        """
        free = max(0, int(self.limit) - self.in_flight)
        if not 0 < slots <= free:
            raise ValueError(
                f"{self.name}: expected from 1 to {free} places, which are free now, found {slots}."
            )
        self.in_flight += slots
        leased = [slots]

        def give_back() -> None:
            if not leased:
                raise ValueError("these places were given back before")
            self.in_flight -= leased.pop()
            if self._waiting:
                self._admit()

        return give_back

    async def rest(self, seconds: float) -> None:
        """Sleep, unless the run is stopped meanwhile.

        Raises:
            RunStopped: it was.
        """
        if self._stop is not None:
            raise self._stop
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _wake, done)
        self._resting.add(done)
        try:
            await done
        finally:
            timer.cancel()
            self._resting.discard(done)

    def stop(self, why: RunStopped) -> None:
        """Refuse every new call from now on; callers that wait for a turn or sleep get `why`."""
        self._stop = self._stop or why
        for future in (*self._waiting, *self._resting):
            if not future.done():
                future.set_exception(self._stop)
        self._waiting.clear()

    def _close(self, advised: float | None) -> None:
        """Hold back all calls for as long as the endpoint asks. Returns the seconds, or None."""
        if advised is None:
            return
        until = self._clock() + advised
        if advised >= LONG and until > self._closed_until + LONG:
            self._notice(f"{self.name} asks for a pause of {advised:.0f} s: waiting")
        self._closed_until = max(self._closed_until, until)

    def _fail(self, call: object, error: ProviderError) -> None:
        if (down := self.breaker.note_failure(call, error)) is not None:
            self.stop(down)
            raise down from error

    def _take(self) -> None:
        self.in_flight += 1
        now = self._clock()
        self._requests.take(now, 1)
        if self._tokens.per_minute:
            self._tokens.take(now, self._mean_tokens)

    def _pause(self) -> float:
        """Seconds until the next call may start."""
        now = self._clock()
        return max(self._closed_until, self._requests.free_at, self._tokens.free_at) - now

    def _admit(self) -> None:
        while self._waiting and self.in_flight < int(self.limit):
            if (pause := self._pause()) > 0:
                if self._timer is None:
                    loop = asyncio.get_running_loop()
                    self._timer = loop.call_later(pause, self._reopen)
                return
            turn = self._waiting.popleft()
            if not turn.done():
                self._take()
                turn.set_result(None)

    def _reopen(self) -> None:
        self._timer = None
        self._admit()


LONG = 30.0
"""Advised waits of at least this many seconds are reported."""


class Pace:
    """A leaky bucket: `per_minute` units may pass, evenly, after a burst of one second's worth."""

    def __init__(self, per_minute: float | None) -> None:
        self.per_minute = per_minute
        self._due = 0.0

    @property
    def free_at(self) -> float:
        """The moment, on the caller's clock, from which the next unit may pass."""
        return self._due - 1.0

    def take(self, now: float, units: float) -> None:
        """Units that pass at `now`; negative to give back what was taken in advance."""
        if self.per_minute:
            self._due = max(self._due, now) + units * 60.0 / self.per_minute


def limited(provide: Wire[Q, A], endpoint: Endpoint) -> Wire[Q, A]:
    """A layer whose calls wait until `endpoint` allows them."""

    async def wait_turn(call: Q) -> Sequence[A]:
        epoch = await endpoint.enter()
        try:
            replies = await provide(call)
        except RateLimited as error:
            endpoint.note_refusal(call, error, epoch)
            raise
        except Unavailable as error:
            endpoint.note_failure(call, error)
            raise
        except ProviderError:
            endpoint.breaker.note_answer()
            raise
        else:
            endpoint.note_success(replies)  # before leaving, so that what it adds is used at once
            return replies
        finally:
            endpoint.leave()

    return wait_turn


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
