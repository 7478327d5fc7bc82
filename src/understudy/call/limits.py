"""How many calls an endpoint has under way: as many as it bears, found by trying.

The limit starts low and doubles per round trip until the first 429; from then on a 429 multiplies it
by 0.8, once for all calls that were under way together, and successes add to it one call per round.
Failures pause growth. `Retry-After` closes the door for everybody. A circuit breaker declares the
endpoint down when nothing but failures came for a while.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

from understudy.errors import EndpointDown, ProviderError, RateLimited, RunStopped, Unavailable
from understudy.types import Provide, Reply, WireCall


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
        patience: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`most`: calls under way at any time. `rpm`, `tpm`: requests and tokens per minute.
        `patience`: seconds of nothing but failures after which the endpoint counts as down; ten
        times as long if they are all 429."""
        self.name = name
        self.limit = float(min(start, most))
        self.in_flight = 0
        self.served = 0
        """Calls answered so far."""
        self._most = most
        self._patience = patience
        self._clock = clock
        self._notice = notice
        self._requests, self._tokens = Pace(rpm), Pace(tpm)
        self._mean_tokens = 1_000.0
        self._doubling = True
        self._growth_debt = 0
        self._epoch = 0
        self._closed_until = 0.0
        self._trouble_since: float | None = None
        self._in_trouble: dict[int, WireCall] = {}
        self._only_429 = True
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._resting: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._stop: RunStopped | None = None

    @property
    def in_trouble(self) -> int:
        """Distinct calls that failed since the last success."""
        return len(self._in_trouble)

    async def enter(self) -> int:
        """Wait for a turn, in order of asking; the number to give back to `refused`.

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
                    self.leave()  # the turn had come in the same instant: pass it on
                raise
        else:
            self._take()
        return self._epoch

    def leave(self) -> None:
        self.in_flight -= 1
        if self._waiting:
            self._admit()

    def succeeded(self, replies: Sequence[Reply]) -> None:
        """A call was answered: a reason to grow, where the limit is made use of."""
        self.alive()
        self.served += 1
        if self._tokens.per_minute:
            tokens = sum(r.usage.tokens_in + r.usage.tokens_out for r in replies if r.usage)
            self._tokens.take(self._clock(), tokens - self._mean_tokens)
            self._mean_tokens += (tokens - self._mean_tokens) / min(self.served, 20)
        if self._growth_debt > 0:
            self._growth_debt -= 1
        elif self.in_flight >= 0.5 * self.limit:  # growing without need would prove nothing
            self.limit = min(self._most, self.limit + (1.0 if self._doubling else 1 / self.limit))

    def alive(self) -> None:
        """The endpoint answered, if only to refuse."""
        self._trouble_since = None
        if self._in_trouble:
            self._in_trouble.clear()
            self._only_429 = True

    def refused(self, call: WireCall, error: RateLimited, epoch: int) -> None:
        """A 429 for a call that entered in `epoch`."""
        if epoch == self._epoch:
            self.limit = max(1.0, self.limit * 0.8)
            self._epoch += 1
            self._doubling = False
        self._close(error.retry_after)
        self._troubled(call, error)

    def failed(self, call: WireCall, error: Unavailable) -> None:
        """No growth until as many calls were answered as the limit is."""
        if self._growth_debt <= 0:  # a round without growth, not one per failure: some always fail
            self._growth_debt = int(self.limit)
        self._close(error.retry_after)
        if error.answered:
            self.alive()
        else:
            self._only_429 = False
            self._troubled(call, error)

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
        """No new call from now on: who waits for a turn or sleeps is told `why`."""
        self._stop = self._stop or why
        for future in (*self._waiting, *self._resting):
            if not future.done():
                future.set_exception(self._stop)
        self._waiting.clear()

    def _close(self, advised: float | None) -> None:
        """Let nobody in for as long as the endpoint asks; its seconds, or None."""
        if advised is None:
            return
        until = self._clock() + advised
        if advised >= LONG and until > self._closed_until + LONG:
            self._notice(f"{self.name} asks to be left alone for {advised:.0f} s: waiting")
        self._closed_until = max(self._closed_until, until)

    def _troubled(self, call: WireCall, error: ProviderError) -> None:
        now = self._clock()
        if self._trouble_since is None:
            self._trouble_since = now
        self._in_trouble[id(call)] = call
        patience = self._patience * (10 if self._only_429 else 1)
        # A 429 is never one call's own fault, so that of a lone call counts as well; and where none
        # was ever answered, as many as there can be at once are enough.
        few = FEW if self.served else min(FEW, self._most)
        blamed = self._only_429 or self.in_trouble >= few
        if now - self._trouble_since >= patience and blamed:
            down = EndpointDown(
                f"{self.name} has answered nothing for {now - self._trouble_since:.0f} s; "
                f"the last error: {str(error).rstrip('.')}. The same command continues the run."
            )
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
"""Seconds of advised waiting that are worth a word to whoever watches."""

FEW = 5
"""Distinct calls that must have failed before the endpoint, and not a call, is to blame."""


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


def limited(provide: Provide, endpoint: Endpoint) -> Provide:
    """Calls take turns, as `endpoint` allows."""

    async def wait_turn(call: WireCall) -> Sequence[Reply]:
        epoch = await endpoint.enter()
        try:
            replies = await provide(call)
        except RateLimited as error:
            endpoint.refused(call, error, epoch)
            raise
        except Unavailable as error:
            endpoint.failed(call, error)
            raise
        except ProviderError:
            endpoint.alive()
            raise
        else:
            endpoint.succeeded(replies)  # before leaving, so that what it adds is used at once
            return replies
        finally:
            endpoint.leave()

    return wait_turn


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
