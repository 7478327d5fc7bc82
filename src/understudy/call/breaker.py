"""When an endpoint is down, and when the fault is one call's own: the circuit breaker."""

import time
from collections.abc import Callable

from understudy.errors import EndpointDown, ProviderError, RateLimited, Unavailable

FEW = 5
"""Distinct calls that must have failed before the endpoint, and not a call, is to blame."""


class Breaker:
    """Counts an endpoint's answers and failures, from which both are decided."""

    def __init__(
        self,
        name: str,
        *,
        down_after: float = 60.0,
        most: int = 512,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`down_after`: seconds of nothing but failures after which the endpoint counts as down; ten
        times as long if they are all 429. `most`: most calls in flight at any time."""
        self.name = name
        self.served = 0
        """Calls answered so far."""
        self._down_after, self._most, self._clock = down_after, most, clock
        self._since: float | None = None
        self._failing: dict[int, object] = {}
        """Distinct calls that failed since the last answer, by identity."""
        self._only_429 = True

    def note_answer(self) -> None:
        """Note that the endpoint answered, even if only to refuse."""
        self._since = None
        if self._failing:
            self._failing.clear()
            self._only_429 = True

    def note_failure(self, call: object, error: ProviderError) -> EndpointDown | None:
        """Note a transient failure. Returns the reason to stop once the endpoint is down."""
        if isinstance(error, Unavailable) and error.answered:
            self.note_answer()
            return None
        if not isinstance(error, RateLimited):
            self._only_429 = False
        now = self._clock()
        if self._since is None:
            self._since = now
        self._failing[id(call)] = call
        down_after = self._down_after * (10 if self._only_429 else 1)
        # A 429 is never one call's own fault, so that of a lone call counts as well. Where none was
        # ever answered, as many as there can be at once are enough.
        few = FEW if self.served else min(FEW, self._most)
        if now - self._since < down_after or not (self._only_429 or len(self._failing) >= few):
            return None
        return EndpointDown(
            f"{self.name} has not answered for {now - self._since:.0f} s; "
            f"the last error: {str(error).rstrip('.')}. The same command continues the run."
        )

    def blames_call(self, error: ProviderError, served: int) -> bool:
        """Whether to give the call up: the endpoint answers, if only not usably, or served others
        since there were `served`. Where few calls fail there may be no others to go by."""
        if isinstance(error, RateLimited):
            return self.served > served
        answered = isinstance(error, Unavailable) and error.answered
        return answered or self.served > served or len(self._failing) < FEW

    def last_error(self, error: ProviderError, attempts: int) -> Exception:
        """What a call that is given up ends with; an endpoint that never answered ends the run."""
        if isinstance(error, Unavailable) and not error.answered and not self.served:
            return EndpointDown(
                f"{self.name} has not answered once in {attempts} attempts: "
                f"{str(error).rstrip('.')}. Check that it runs and that the address is right; the "
                "same command continues the run."
            )
        return type(error)(f"given up after {attempts} attempts: {error}")
