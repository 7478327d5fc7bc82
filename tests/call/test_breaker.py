"""When an endpoint counts as down, and when a failure is one call's own."""

import pytest

from understudy.call.breaker import FEW, Breaker
from understudy.errors import EndpointDown, ProviderError, RateLimited, Unavailable


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def trip(
    error: ProviderError, calls: int, seconds: float, *, served: int = 1, most: int = 512
) -> EndpointDown | None:
    """The reason to stop, after distinct calls have failed over so many seconds."""
    clock = Time()
    breaker = Breaker("door", down_after=60.0, most=most, clock=clock)
    breaker.served = served
    reason = None
    waiting = [object() for _ in range(calls)]
    for i, call in enumerate(waiting):
        clock.now = 100.0 + seconds * i / max(calls - 1, 1)
        reason = breaker.note_failure(call, error)
    clock.now = 100.0 + seconds
    return reason or breaker.note_failure(waiting[0], error)


DOWN, BUSY = Unavailable("503."), RateLimited("429")


@pytest.mark.parametrize(
    ("error", "calls", "seconds", "down"),
    [
        (DOWN, 5, 59.9, False),
        (DOWN, 5, 60.0, True),
        (DOWN, 4, 6_000, False),
        (BUSY, 5, 599.9, False),
        (BUSY, 5, 600.0, True),
        (BUSY, 1, 600.0, True),  # never one call's own fault
        (Unavailable("no choices", answered=True), 9, 6_000, False),
    ],
)
def test_an_endpoint_is_down_once_enough_calls_failed_for_long_enough(
    error: ProviderError, calls: int, seconds: float, down: bool
) -> None:
    assert (trip(error, calls, seconds) is not None) == down


def test_where_nothing_was_ever_answered_as_many_calls_as_there_can_be_are_enough() -> None:
    assert trip(DOWN, 2, 60.0, served=0, most=2) is not None
    assert trip(DOWN, 2, 60.0, served=0, most=3) is None
    assert trip(DOWN, 2, 60.0, served=1, most=2) is None
    assert trip(DOWN, 5, 60.0, served=0, most=512) is not None
    assert trip(DOWN, 4, 60.0, served=0, most=512) is None


def test_the_reason_says_how_long_and_what_was_last() -> None:
    assert str(trip(DOWN, 5, 61.0)) == (
        "door has not answered for 61 s; the last error: 503. The same command continues the run."
    )


@pytest.mark.parametrize("answer", ["reply", "refusal"])
def test_an_answer_begins_the_count_anew(answer: str) -> None:
    clock = Time()
    breaker = Breaker("door", down_after=60.0, clock=clock)
    calls = [object() for _ in range(5)]
    for call in calls:
        assert breaker.note_failure(call, BUSY) is None
    clock.now += 59
    if answer == "reply":
        breaker.note_answer()
    else:
        breaker.note_failure(calls[0], Unavailable("no choices", answered=True))
    for wait, down in ((30, False), (59, False), (1, True)):
        clock.now += wait
        for call in calls:
            reason = breaker.note_failure(call, DOWN)
        assert (reason is not None) == down


def test_one_other_failure_among_429s_takes_their_longer_patience() -> None:
    clock = Time()
    breaker = Breaker("door", down_after=60.0, clock=clock)
    calls = [object() for _ in range(5)]
    for call in calls:
        breaker.note_failure(call, BUSY)
    breaker.note_failure(calls[0], DOWN)
    clock.now += 60
    assert breaker.note_failure(calls[1], BUSY) is not None


def test_a_call_is_to_blame_where_others_are_served_or_few_fail() -> None:
    breaker = Breaker("door", clock=Time())
    breaker.served = 7
    assert breaker.blames_call(DOWN, served=6)
    assert breaker.blames_call(BUSY, served=6)
    assert not breaker.blames_call(BUSY, served=7)
    assert breaker.blames_call(DOWN, served=7), "few calls fail: there may be no others"
    calls = [object() for _ in range(FEW)]
    for call in calls[:-1]:
        breaker.note_failure(call, DOWN)
    assert breaker.blames_call(DOWN, served=7)
    breaker.note_failure(calls[-1], DOWN)
    assert not breaker.blames_call(DOWN, served=7)
    assert breaker.blames_call(Unavailable("no choices", answered=True), served=7)
    assert FEW == 5


def test_a_call_that_is_given_up_ends_with_its_error_or_with_the_run() -> None:
    breaker = Breaker("door", clock=Time())
    error = breaker.last_error(DOWN, 3)
    assert isinstance(error, EndpointDown)
    assert str(error).startswith(
        "door has not answered once in 3 attempts: 503. Check that it runs"
    )
    assert type(breaker.last_error(BUSY, 3)) is RateLimited
    assert type(breaker.last_error(Unavailable("x", answered=True), 3)) is Unavailable
    breaker.served = 1
    assert str(breaker.last_error(DOWN, 3)) == "given up after 3 attempts: 503."
