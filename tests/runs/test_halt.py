"""The end of a run before all is done."""

import pytest

from understudy.call.limits import Endpoint
from understudy.errors import BudgetExhausted, RunStopped, Unauthorized
from understudy.runs.halt import Halt


async def test_calls_that_wait_at_an_endpoint_are_told_the_reason() -> None:
    endpoints = [Endpoint("a"), Endpoint("b")]
    halt = Halt(endpoints)
    reason = BudgetExhausted("no money")
    halt(reason)
    assert halt.reason is reason
    for endpoint in endpoints:
        with pytest.raises(BudgetExhausted, match="no money"):
            await endpoint.enter()


async def test_a_refused_key_stops_calls_as_a_stop_does() -> None:
    endpoint = Endpoint("a")
    halt = Halt([endpoint])
    reason = Unauthorized("key revoked")
    halt(reason)
    assert halt.reason is reason
    with pytest.raises(RunStopped, match="key revoked"):
        await endpoint.enter()


def test_the_first_reason_stands() -> None:
    halt = Halt([])
    assert halt.reason is None
    halt(RunStopped("first"))
    halt(RunStopped("second"))
    assert str(halt.reason) == "first"
