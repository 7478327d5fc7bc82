"""Trying again, in a time that leaps."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest
from harness import now, virtually

from understudy.call.limits import Endpoint, limited
from understudy.call.retry import retried
from understudy.errors import (
    ContextOverflow,
    EndpointDown,
    NotRecorded,
    RateLimited,
    Rejected,
    RunStopped,
    Unauthorized,
    Unavailable,
    Unparsable,
)
from understudy.types import (
    Call,
    Provide,
    Reply,
    Request,
    WireCall,
)

CALL = WireCall.of(Call(request=Request(model="m")))


class Flaky:
    """Raises the given errors, then answers; `others` are served meanwhile."""

    def __init__(self, *errors: Exception, endpoint: Endpoint, others: bool = True) -> None:
        self.errors, self.endpoint, self.others = list(errors), endpoint, others
        self.at = list[float]()

    async def __call__(self, call: WireCall) -> Sequence[Reply]:
        self.at.append(now())
        if self.others:
            self.endpoint.breaker.served += 1
        if self.errors:
            raise self.errors.pop(0)
        return [Reply(text="ok")]


def stack(provider: Provide, endpoint: Endpoint, attempts: int = 8) -> Provide:
    return retried(limited(provider, endpoint), endpoint, attempts=attempts, sleep=endpoint.rest)


async def alone(
    *errors: Exception, attempts: int = 8, others: bool = True
) -> tuple[object, list[float]]:
    """What one call came to, and when it was tried."""
    endpoint = Endpoint("test", clock=now)
    flaky = Flaky(*errors, endpoint=endpoint, others=others)
    try:
        outcome: object = await stack(flaky, endpoint, attempts)(CALL)
    except Exception as error:
        outcome = error
    return outcome, flaky.at


def gaps(at: list[float]) -> list[float]:
    return [b - a for a, b in pairwise(at)]


@pytest.mark.parametrize(
    "error", [RateLimited("429"), Unavailable("503"), Unavailable("?", answered=True)]
)
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    outcome, at = virtually(alone(error, error))
    assert outcome == [Reply(text="ok")]
    assert len(at) == 3


@pytest.mark.parametrize(
    "error",
    [
        Rejected("400"),
        ContextOverflow("too long"),
        Unauthorized("401"),
        NotRecorded("?"),
        Unparsable("?"),
        RunStopped("enough"),
        KeyError("a bug"),
    ],
)
def test_nothing_else_is_tried_again(error: Exception) -> None:
    outcome, at = virtually(alone(error, error))
    assert outcome is error
    assert len(at) == 1


def test_waits_are_random_parts_of_a_bound_that_doubles_up_to_a_cap() -> None:
    rows = [gaps(virtually(alone(*[Unavailable("503")] * 10, attempts=11))[1]) for _ in range(60)]
    for attempt, waits in enumerate(zip(*rows, strict=True), 1):
        bound = min(30.0, 0.5 * 2**attempt)
        assert all(0 <= wait <= bound for wait in waits)
        assert max(waits) > bound / 2 > min(waits)  # full jitter: spread over all of it


@pytest.mark.parametrize("error", [RateLimited("429", 20.0), Unavailable("503", 20.0)])
def test_the_endpoints_advice_is_kept_to_with_a_little_jitter(error: Exception) -> None:
    _, at = virtually(alone(error))
    assert 20.0 <= at[1] <= 22.0


def test_no_wait_is_shorter_than_the_endpoints_advice() -> None:
    """Also where no door is closed in between."""
    endpoint, waits = Endpoint("test", clock=now), list[float]()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    flaky = Flaky(*[RateLimited("429", 20.0)] * 7, endpoint=endpoint)
    assert virtually(retried(flaky, endpoint, sleep=sleep)(CALL)) == [Reply(text="ok")]
    assert all(20.0 <= wait <= 22.0 for wait in waits)
    assert len(waits) == 7
    flaky = Flaky(*[RateLimited("429", 20.0)] * 8, endpoint=endpoint)
    with pytest.raises(RateLimited, match="given up after 8 attempts"):
        virtually(retried(flaky, endpoint, sleep=sleep)(CALL))


def test_a_call_that_fails_while_others_are_served_is_given_up() -> None:
    outcome, at = virtually(alone(*[Unavailable("502 bad gateway")] * 99, attempts=5))
    assert isinstance(outcome, Unavailable)
    assert str(outcome) == "given up after 5 attempts: 502 bad gateway"
    assert len(at) == 5


def test_useless_answers_are_given_up_though_nobody_else_is_served() -> None:
    error = Unavailable("no choices", answered=True)
    outcome, at = virtually(alone(*[error] * 99, attempts=5, others=False))
    assert isinstance(outcome, Unavailable)
    assert not isinstance(outcome, RunStopped)
    assert len(at) == 5


def test_an_endpoint_that_never_answered_stops_the_run() -> None:
    outcome, at = virtually(alone(*[Unavailable("refused")] * 99, attempts=5, others=False))
    assert isinstance(outcome, EndpointDown)
    assert "has not answered once in 5 attempts: refused. Check that it runs" in str(outcome)
    assert len(at) == 5


def test_while_nobody_is_served_waiting_goes_on_until_the_breaker() -> None:
    async def main() -> None:
        endpoint = Endpoint("test", clock=now, down_after=60)
        endpoint.breaker.served = 100  # it has been well before

        async def down(call: WireCall) -> Sequence[Reply]:
            raise Unavailable("connection refused")

        generate = stack(down, endpoint, attempts=2)
        calls = [WireCall.of(Call(task=f"t{i}", request=Request(model="m"))) for i in range(20)]
        results = await asyncio.gather(*map(generate, calls), return_exceptions=True)
        assert {type(result) for result in results} == {EndpointDown}
        assert 60 <= now() <= 95

    virtually(main())


def test_an_outage_shorter_than_the_patience_costs_nothing_but_time() -> None:
    async def main() -> None:
        endpoint = Endpoint("test", clock=now, down_after=60)

        async def outage(call: WireCall) -> Sequence[Reply]:
            if 10 < now() < 50:
                raise Unavailable("503")
            await asyncio.sleep(1)
            return [Reply()]

        generate = stack(outage, endpoint, attempts=3)
        calls = [WireCall.of(Call(task=f"t{i}", request=Request(model="m"))) for i in range(2_000)]
        results = await asyncio.gather(*map(generate, calls), return_exceptions=True)
        assert {type(result) for result in results} == {list}

    virtually(main())


@pytest.mark.parametrize("calls", [1, 4, 5, 50])
def test_an_endpoint_that_says_429_for_ever_ends_the_run_however_few_calls_there_are(
    calls: int,
) -> None:
    async def main() -> None:
        endpoint = Endpoint("test", clock=now, down_after=60)

        async def busy(call: WireCall) -> Sequence[Reply]:
            assert now() < 10_000, "tried for ever"
            raise RateLimited("quota exceeded")

        generate = stack(busy, endpoint)
        made = [WireCall.of(Call(task=f"t{i}", request=Request(model="m"))) for i in range(calls)]
        results = await asyncio.gather(*map(generate, made), return_exceptions=True)
        assert {type(result) for result in results} == {EndpointDown}
        assert 600 <= now() <= 700

    virtually(main())


def test_a_429_is_borne_as_long_as_others_are_not_served_either() -> None:
    async def main() -> None:
        endpoint = Endpoint("test", clock=now, down_after=60)

        async def minute(call: WireCall) -> Sequence[Reply]:
            if now() < 300:
                raise RateLimited("quota of this minute is used up")
            return [Reply()]

        calls = [WireCall.of(Call(task=f"t{i}", request=Request(model="m"))) for i in range(30)]
        generate = stack(minute, endpoint, attempts=2)
        results = await asyncio.gather(*map(generate, calls), return_exceptions=True)
        assert {type(result) for result in results} == {list}

    virtually(main())


def test_a_stop_ends_a_wait_between_attempts() -> None:
    async def main() -> None:
        endpoint = Endpoint("test", clock=now)
        flaky = Flaky(Unavailable("503", 1_000.0), endpoint=endpoint)
        going = asyncio.ensure_future(stack(flaky, endpoint)(CALL))
        await asyncio.sleep(5)
        endpoint.stop(RunStopped("enough"))
        with pytest.raises(RunStopped, match="enough"):
            await going
        assert now() == pytest.approx(5)

    virtually(main())
