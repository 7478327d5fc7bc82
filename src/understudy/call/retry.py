"""Trying again: one layer, bounded, with full jitter, and only for errors that may pass.

A call that fails while the endpoint serves others is given up after `attempts`. While the endpoint
serves nobody, waiting is the right thing, until its circuit breaker (`limits.py`) stops the run.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from understudy.call.limits import Endpoint
from understudy.errors import EndpointDown, ProviderError, RateLimited, Unavailable
from understudy.types import Provide, Reply, WireCall

Sleep = Callable[[float], Awaitable[None]]


def retried(
    provide: Provide,
    endpoint: Endpoint,
    *,
    attempts: int = 8,
    base: float = 0.5,
    cap: float = 30.0,
    sleep: Sleep = asyncio.sleep,
) -> Provide:
    """Try again after `RateLimited` and `Unavailable`, and after nothing else.

    Waits as long as the endpoint advised; else, in seconds, a random part of
    `base * 2**attempt`, at most `cap`.
    """

    async def persist(call: WireCall) -> Sequence[Reply]:
        served, attempt = endpoint.served, 0
        while True:
            try:
                return await provide(call)
            except (RateLimited, Unavailable) as error:
                attempt += 1
                if attempt >= attempts and _hopeless(error, endpoint, served):
                    raise _last_word(error, endpoint, attempt) from error
                await sleep(_wait(error, base, cap, attempt))

    return persist


def _hopeless(error: ProviderError, endpoint: Endpoint, served: int) -> bool:
    """The fault is this call's: the endpoint answers, if only not usably, or serves others. Where
    few calls are under way there may be no others to go by."""
    if isinstance(error, RateLimited):
        return endpoint.served > served
    answered = isinstance(error, Unavailable) and error.answered
    return answered or endpoint.served > served or endpoint.in_trouble < FEW


FEW = 5


def _last_word(error: ProviderError, endpoint: Endpoint, attempts: int) -> Exception:
    if isinstance(error, Unavailable) and not error.answered and not endpoint.served:
        return EndpointDown(
            f"{endpoint.name} has not answered once in {attempts} attempts: {str(error).rstrip('.')}. "
            "Check that it runs and that the address is right; the same command continues the run."
        )
    return type(error)(f"given up after {attempts} attempts: {error}")


def _wait(error: RateLimited | Unavailable, base: float, cap: float, attempt: int) -> float:
    if error.retry_after is not None:
        # All waiting calls would come back in the same instant without some jitter.
        return error.retry_after * random.uniform(1.0, 1.1)
    return random.uniform(0, min(cap, base * 2**attempt))
