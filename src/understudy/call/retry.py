"""Retries: one layer, bounded, with full jitter, and only for transient errors.

A call that fails while the endpoint serves others is given up after `attempts`. While the endpoint
serves nobody, waiting is the right thing, until its circuit breaker (`breaker.py`) stops the run.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from understudy.call.limits import A, Endpoint, Q, Wire
from understudy.errors import RateLimited, Unavailable

Sleep = Callable[[float], Awaitable[None]]


def retried(
    provide: Wire[Q, A],
    endpoint: Endpoint,
    *,
    attempts: int = 8,
    base: float = 0.5,
    cap: float = 30.0,
    sleep: Sleep = asyncio.sleep,
) -> Wire[Q, A]:
    """Retry after `RateLimited` and `Unavailable`, and after no other error.

    Waits as long as the endpoint advised; else, in seconds, a random part of
    `base * 2**attempt`, at most `cap`.
    """
    breaker = endpoint.breaker

    async def persist(call: Q) -> Sequence[A]:
        served, attempt = breaker.served, 0
        while True:
            try:
                return await provide(call)
            except (RateLimited, Unavailable) as error:
                attempt += 1
                if attempt >= attempts and breaker.blames_call(error, served):
                    raise breaker.last_error(error, attempt) from error
                await sleep(_wait(error, base, cap, attempt))

    return persist


def _wait(error: RateLimited | Unavailable, base: float, cap: float, attempt: int) -> float:
    if error.retry_after is not None:
        # All waiting calls would come back in the same instant without some jitter.
        return error.retry_after * random.uniform(1.0, 1.1)
    return random.uniform(0, min(cap, base * 2**attempt))
