"""How many calls are under way at once, in a time that leaps."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from harness import now, virtually
from hypothesis import given
from hypothesis import strategies as st

from understudy.call.limits import Endpoint, Pace, limited
from understudy.errors import EndpointDown, RateLimited, Rejected, RunStopped, Unavailable
from understudy.types import (
    Call,
    Provide,
    Reply,
    Request,
    Usage,
    WireCall,
)

CALL = WireCall.of(Call(request=Request(model="m")))


def endpoint(**settings: Any) -> Endpoint:
    return Endpoint("test", clock=now, **settings)


def call(number: int = 0) -> WireCall:
    return WireCall.of(Call(task=f"t{number}", request=Request(model="m")))


class Server:
    """Answers after a second; refuses what is more than it bears at once."""

    def __init__(self, bears: float = float("inf"), seconds: float = 1.0) -> None:
        self.bears, self.seconds = bears, seconds
        self.busy = self.most = self.refused = 0
        self.at = list[float]()

    async def __call__(self, call: WireCall) -> Sequence[Reply]:
        self.at.append(now())
        if self.busy >= self.bears:
            self.refused += 1
            raise RateLimited("too many")
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.busy -= 1
        return [Reply(text="ok", usage=Usage(tokens_in=10, tokens_out=20))]


async def flood(generate: Provide, n: int) -> list[Any]:
    return await asyncio.gather(*(generate(call(i)) for i in range(n)), return_exceptions=True)


def test_the_limit_doubles_per_round_trip_until_the_most() -> None:
    async def main() -> None:
        door, server = endpoint(start=4, most=100), Server()
        going = asyncio.ensure_future(flood(limited(server, door), 500))
        busy = list[int]()
        for _ in range(6):
            await asyncio.sleep(0.5)
            busy.append(server.busy)
            await asyncio.sleep(0.5)
        assert busy == [4, 8, 16, 32, 64, 100]
        await going
        assert (door.in_flight, door.breaker.served, server.most) == (0, 500, 100)

    virtually(main())


def test_a_limit_that_is_not_used_does_not_grow() -> None:
    async def main() -> None:
        door = endpoint(start=16)
        for _ in range(50):
            await limited(Server(), door)(CALL)
        assert door.limit == 16

    virtually(main())


def test_a_429_takes_a_fifth_once_for_all_calls_that_were_under_way() -> None:
    async def main() -> None:
        door = endpoint(start=10)

        async def refuse(call: WireCall) -> Sequence[Reply]:
            await asyncio.sleep(1)
            raise RateLimited("slow down")

        await flood(limited(refuse, door), 10)
        assert door.limit == 8
        await flood(limited(refuse, door), 4)
        assert door.limit == pytest.approx(6.4)

    virtually(main())


def test_the_limit_never_falls_below_one() -> None:
    async def main() -> None:
        door = endpoint(start=2, down_after=1e9)

        async def refuse(call: WireCall) -> Sequence[Reply]:
            raise RateLimited("slow down")

        for _ in range(30):
            with pytest.raises(RateLimited):
                await limited(refuse, door)(CALL)
        assert door.limit == 1
        assert await limited(Server(), door)(CALL)

    virtually(main())


def test_after_a_429_the_limit_grows_by_one_per_round() -> None:
    async def main() -> None:
        door = endpoint(start=10)
        door.note_refusal(CALL, RateLimited("slow down"), 0)
        server = Server()
        going = asyncio.ensure_future(flood(limited(server, door), 60))
        busy = list[int]()
        for _ in range(4):
            await asyncio.sleep(0.5)
            busy.append(server.busy)
            await asyncio.sleep(0.5)
        await going
        assert busy == [8, 8, 9, 10]  # 8 successes add 8 * 1/8 or a little less, as 1/limit shrinks

    virtually(main())


def test_the_limit_settles_near_what_the_server_bears() -> None:
    async def main() -> None:
        server, door = Server(bears=40), endpoint(start=16)
        generate = limited(server, door)

        async def persist(number: int) -> None:
            while True:
                try:
                    await generate(call(number))
                    return
                except RateLimited:
                    await asyncio.sleep(0.1)

        await asyncio.gather(*(persist(i) for i in range(4_000)))
        assert server.refused < 400
        assert now() < 2 * 4_000 / 40
        assert 25 < door.limit < 50

    virtually(main())


def test_failures_pause_growth_for_as_many_successes_as_the_limit() -> None:
    async def main() -> None:
        door = endpoint(start=4)
        door.note_failure(CALL, Unavailable("503"))
        server = Server()
        await flood(limited(server, door), 4)
        assert door.limit == 4
        await flood(limited(server, door), 4)
        assert door.limit > 4

    virtually(main())


@pytest.mark.parametrize("error", [RateLimited("429", 7.0), Unavailable("503", 7.0)])
def test_retry_after_closes_the_door_for_everybody(error: Exception) -> None:
    async def main() -> None:
        door, server = endpoint(), Server()

        async def refuse(call: WireCall) -> Sequence[Reply]:
            raise error

        with pytest.raises(type(error)):
            await limited(refuse, door)(CALL)
        await flood(limited(server, door), 3)
        assert server.at == pytest.approx([7.0] * 3)

    virtually(main())


def test_a_later_and_shorter_retry_after_does_not_open_the_door_early() -> None:
    async def main() -> None:
        door, server = endpoint(), Server()
        door.note_refusal(CALL, RateLimited("429", 9.0), 0)
        door.note_refusal(CALL, RateLimited("429", 2.0), 0)
        await limited(server, door)(CALL)
        assert server.at == [pytest.approx(9.0)]

    virtually(main())


def test_requests_are_paced_evenly_after_a_burst_of_a_seconds_worth() -> None:
    async def main() -> None:
        door, server = endpoint(rpm=120), Server(seconds=0.01)
        await flood(limited(server, door), 20)
        assert [t for t in server.at if t < 0.25] == pytest.approx([0.0] * 3)
        gaps = [b - a for a, b in zip(server.at[2:], server.at[3:], strict=False)]
        assert gaps == pytest.approx([0.5] * 17)

    virtually(main())


@given(rpm=st.floats(1, 600), n=st.integers(1, 60))
def test_no_minute_sees_more_requests_than_are_allowed(rpm: float, n: int) -> None:
    async def main() -> None:
        door, server = endpoint(rpm=rpm, most=1_000, start=1_000), Server(seconds=0.0)
        await flood(limited(server, door), n)
        burst = rpm / 60 + 1
        for i, begin in enumerate(server.at):
            within = sum(begin <= t < begin + 60 for t in server.at[i:])
            assert within <= rpm + burst + 1e-6

    virtually(main())


def test_tokens_are_paced_by_what_replies_turned_out_to_have() -> None:
    async def main() -> None:
        door, server = endpoint(tpm=6_000), Server(seconds=0.01)
        await flood(limited(server, door), 600)  # 30 tokens each: 200 a minute, once that is known
        assert server.at[-1] == pytest.approx(180, rel=0.15)

    virtually(main())


def test_a_pace_without_a_limit_never_waits() -> None:
    pace = Pace(None)
    for _ in range(1_000):
        pace.take(5.0, 1)
    assert pace.free_at < 5.0


def test_waiting_calls_take_their_turns_in_the_order_they_came() -> None:
    async def main() -> None:
        door, order = endpoint(start=1, most=1), list[str]()

        async def note(call: WireCall) -> Sequence[Reply]:
            await asyncio.sleep(1)
            order.append(call.calls[0].task)
            return [Reply()]

        await flood(limited(note, door), 30)
        assert order == [f"t{i}" for i in range(30)]

    virtually(main())


@pytest.mark.parametrize("when", [0.0, 0.5, 1.0, 1.5])
def test_a_waiter_that_is_cancelled_leaves_no_turn_taken(when: float) -> None:
    async def main() -> None:
        door, server = endpoint(start=2, most=2), Server()
        going = [asyncio.ensure_future(limited(server, door)(call(i))) for i in range(6)]
        await asyncio.sleep(when)
        for task in going[1:5]:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)
        assert door.in_flight == 0
        server.most = 0
        await flood(limited(server, door), 6)
        assert server.most == 2

    virtually(main())


def test_a_turn_that_comes_as_its_waiter_is_cancelled_is_passed_on() -> None:
    async def main() -> None:
        door = endpoint(start=1, most=1)
        await door.enter()
        second = asyncio.ensure_future(door.enter())
        third = asyncio.ensure_future(door.enter())
        await asyncio.sleep(0)
        door.leave()  # the turn is the second's, which has not run yet
        second.cancel()
        # Nobody sleeps in a loop whose time leaps: were the turn lost, the wait would end at once.
        await asyncio.wait_for(third, 1)
        assert door.in_flight == 1

    virtually(main())


class Watched(Endpoint):
    """No call may enter above the limit; one that has just fallen lets those finish that are in."""

    @property
    def in_flight(self) -> int:
        return self._inside

    @in_flight.setter
    def in_flight(self, inside: int) -> None:
        assert inside >= 0
        assert inside <= max(getattr(self, "_inside", 0), int(self.limit))
        self._inside = inside


@given(st.data())
def test_there_are_never_more_calls_under_way_than_the_limit(data: st.DataObject) -> None:
    fates = data.draw(st.lists(st.sampled_from(["ok", "429", "503", "400", "cancel"]), max_size=40))
    lengths = data.draw(st.lists(st.integers(0, 3), min_size=len(fates), max_size=len(fates)))
    most = data.draw(st.integers(1, 8))
    errors = {"429": RateLimited("429"), "503": Unavailable("503"), "400": Rejected("400")}

    async def main() -> None:
        door = Watched("test", clock=now, start=4, most=most, down_after=1e9)

        async def serve(call: WireCall) -> Sequence[Reply]:
            fate, seconds = fates[int(call.calls[0].task[1:])], lengths[int(call.calls[0].task[1:])]
            await asyncio.sleep(seconds)
            if error := errors.get(fate):
                raise error
            return [Reply()]

        generate = limited(serve, door)
        going = [asyncio.ensure_future(generate(call(i))) for i in range(len(fates))]
        await asyncio.sleep(1)
        for task, fate in zip(going, fates, strict=True):
            if fate == "cancel":
                task.cancel()
        results = await asyncio.gather(*going, return_exceptions=True)
        assert not [r for r in results if isinstance(r, AssertionError)]
        assert door.in_flight == 0
        assert 1 <= door.limit <= most

    virtually(main())


def test_the_breaker_stops_an_endpoint_that_answers_nothing_for_a_while() -> None:
    async def main() -> None:
        door = endpoint(down_after=60)

        async def down(call: WireCall) -> Sequence[Reply]:
            raise Unavailable("connection refused")

        for number in range(4):
            with pytest.raises(Unavailable):
                await limited(down, door)(call(number))
        await asyncio.sleep(59)
        with pytest.raises(Unavailable):
            await limited(down, door)(call(4))
        await asyncio.sleep(1)
        with pytest.raises(EndpointDown, match=r"not answered for 60 s.*connection refused"):
            await limited(down, door)(call(5))
        with pytest.raises(EndpointDown):  # and nothing more is sent
            await limited(Server(), door)(call(6))

    virtually(main())


def test_one_call_that_always_fails_does_not_trip_the_breaker() -> None:
    async def main() -> None:
        door = endpoint(down_after=60)

        async def down(call: WireCall) -> Sequence[Reply]:
            raise Unavailable("timeout")

        one = call(0)
        for _ in range(20):
            with pytest.raises(Unavailable, match="timeout"):
                await limited(down, door)(one)
            await asyncio.sleep(30)

    virtually(main())


@pytest.mark.parametrize("relief", ["success", "refusal", "useless answer"])
def test_any_answer_resets_the_breaker(relief: str) -> None:
    async def main() -> None:
        door = endpoint(down_after=60)
        answers: dict[str, Exception] = {
            "refusal": Rejected("400"),
            "useless answer": Unavailable("no choices", answered=True),
        }

        async def flaky(call: WireCall) -> Sequence[Reply]:
            if call.calls[0].task == "t50":
                if error := answers.get(relief):
                    raise error
                return [Reply()]
            raise Unavailable("timeout")

        for number in range(100):
            await asyncio.sleep(1)
            with suppress(Unavailable, Rejected):  # and never EndpointDown
                await limited(flaky, door)(call(number))

    virtually(main())


def test_nothing_but_429_is_borne_ten_times_as_long() -> None:
    async def main() -> None:
        door = endpoint(down_after=60)

        async def busy(call: WireCall) -> Sequence[Reply]:
            raise RateLimited("quota")

        for number in range(60):
            with pytest.raises(RateLimited):
                await limited(busy, door)(call(number))
            await asyncio.sleep(10)
        with pytest.raises(EndpointDown, match="600 s"):
            await limited(busy, door)(call(60))

    virtually(main())


def test_a_stop_wakes_all_who_wait_or_rest_and_lets_calls_under_way_finish() -> None:
    async def main() -> None:
        door, server = endpoint(start=2, most=2), Server(seconds=100)
        going = [asyncio.ensure_future(limited(server, door)(call(i))) for i in range(5)]
        resting = asyncio.ensure_future(door.rest(1_000))
        await asyncio.sleep(1)
        door.stop(RunStopped("enough"))
        results = await asyncio.gather(*[*going, resting], return_exceptions=True)
        assert [type(result) for result in results] == [list, list, *[RunStopped] * 4]
        assert now() == pytest.approx(100)
        with pytest.raises(RunStopped, match="enough"):
            await door.enter()
        with pytest.raises(RunStopped, match="enough"):
            await door.rest(1)

    virtually(main())


def test_places_that_were_taken_are_free_again_when_they_come_back() -> None:
    async def main() -> None:
        door, server = endpoint(start=4, most=4), Server()
        give_back = door.take(3)
        with pytest.raises(ValueError, match="from 1 to 1 places, which are free now, found 2"):
            door.take(2)
        going = asyncio.ensure_future(flood(limited(server, door), 4))
        await asyncio.sleep(0.5)
        assert server.busy == 1
        give_back()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert server.busy == 4
        await going
        assert door.in_flight == 0
        with pytest.raises(ValueError, match="given back before"):
            give_back()

    virtually(main())


def test_roles_that_share_an_endpoint_share_its_requests_per_minute() -> None:
    async def main() -> None:
        door, server = endpoint(rpm=60), Server(seconds=0)
        roles = [limited(server, door) for _ in range(3)]
        await asyncio.gather(*(role(call(i)) for i, role in enumerate(roles * 5)))
        assert len(server.at) == 15
        assert max(server.at) >= 13, "one a second, whichever role asks"

    virtually(main())
