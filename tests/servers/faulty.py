"""The stub server with bad manners: a given share of its replies goes wrong, in every way we know.

    python -m tests.servers.faulty --share 0.2 --seed 7 --delay 0.02

Kinds of fault come from a shuffled bag, so that none is missed in a short run; `/stats` tells under
`kinds` how often each was done. With `--capacity 8` it also answers 429 to whatever comes while 8
requests are under way.
"""

import asyncio
from collections.abc import Callable
from random import Random

from tests.servers.stub import (
    Body,
    Connection,
    Service,
    Settings,
    arguments,
    completion,
    head_of,
    listen,
    refusal,
)

Fault = Callable[["Faulty", Connection, Body], None]
FAULTS: dict[str, Fault] = {}


def fault(do: Fault) -> Fault:
    """Register one way to go wrong."""
    FAULTS[do.__name__] = do
    return do


class Faulty(Service):
    """Does what it should in most cases."""

    def __init__(
        self, settings: Settings, share: float, seed: int, capacity: int | None = None
    ) -> None:
        super().__init__(settings)
        self._share = share
        self._random = Random(seed)
        self._capacity = capacity
        self._bag: list[str] = []

    def serve(self, to: Connection, body: Body) -> None:
        if self._capacity is not None and self.counts.under_way > self._capacity:
            self.counts.kinds["over_capacity"] += 1
            self.end(to, refusal(429, "too many at once"), 429)
        elif self._random.random() < self._share:
            kind = self._draw()
            self.counts.kinds[kind] += 1
            self.after(self.settings.delay, FAULTS[kind], self, to, body)
        else:
            super().serve(to, body)

    def give_up(self, to: Connection) -> None:
        """Close without another word."""
        self.counts.under_way -= 1
        if to.transport is not None:
            to.transport.abort()

    def _draw(self) -> str:
        if not self._bag:
            self._bag = sorted(FAULTS)
            self._random.shuffle(self._bag)
        return self._bag.pop()


@fault
def slow_down(service: Faulty, to: Connection, body: Body) -> None:
    service.end(to, refusal(429, "slow down"), 429)


@fault
def slow_down_for_a_while(service: Faulty, to: Connection, body: Body) -> None:
    service.end(to, refusal(429, "slow down"), 429, "Retry-After: 0.2\r\n")


@fault
def internal_error(service: Faulty, to: Connection, body: Body) -> None:
    service.end(to, refusal(500, "something broke"), 500)


@fault
def overloaded(service: Faulty, to: Connection, body: Body) -> None:
    service.end(to, b"<html>Service Unavailable</html>", 503, "Content-Type: text/html\r\n")


@fault
def silence(service: Faulty, to: Connection, body: Body) -> None:
    service.counts.under_way -= 1  # nothing will ever come


@fault
def cut_before_the_reply(service: Faulty, to: Connection, body: Body) -> None:
    service.give_up(to)


@fault
def cut_in_the_reply(service: Faulty, to: Connection, body: Body) -> None:
    content = completion(body, service.settings, service.counts)[0]
    if to.transport is not None:
        to.transport.write(head_of(len(content)) + content[: len(content) // 2])
        # What was written must leave before the connection is cut off.
        asyncio.get_running_loop().call_later(0.01, service.give_up, to)
    else:
        service.give_up(to)


@fault
def truncated_json(service: Faulty, to: Connection, body: Body) -> None:
    content = completion(body, service.settings, service.counts)[0]
    service.end(to, content[: len(content) // 2])


@fault
def invalid_json(service: Faulty, to: Connection, body: Body) -> None:
    service.end(to, b'{"choices": [oops]}')


@fault
def no_choices(service: Faulty, to: Connection, body: Body) -> None:
    service.end(to, b'{"id": "stub", "choices": []}')


@fault
def null_content(service: Faulty, to: Connection, body: Body) -> None:
    message = b'{"role": "assistant", "content": null}'
    choice = b'{"index": 0, "message": %b, "finish_reason": "stop"}' % message
    service.end(to, b'{"id": "stub", "choices": [%b]}' % choice)


@fault
def a_web_page(service: Faulty, to: Connection, body: Body) -> None:
    service.end(to, b"<html>Sign in</html>", 200, "Content-Type: text/html\r\n")


@fault
def slow_bytes(service: Faulty, to: Connection, body: Body) -> None:
    """A byte at a time, so slowly that only a limit on the whole request helps."""
    content = completion(body, service.settings, service.counts)[0]
    whole = head_of(len(content)) + content

    def drip(at: int) -> None:
        if to.transport is None or to.transport.is_closing() or at >= len(whole):
            service.counts.under_way -= 1
            return
        to.transport.write(whole[at : at + 1])
        asyncio.get_running_loop().call_later(0.05, drip, at + 1)

    drip(0)


def main() -> None:
    parser = arguments((__doc__ or "").partition("\n")[0])
    parser.add_argument("--share", type=float, default=0.2, help="of replies that go wrong")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--capacity", type=int, help="requests under way before it says 429")
    given = parser.parse_args()
    settings = Settings(delay=given.delay, vary=given.vary, single=given.single)
    service = Faulty(settings, given.share, given.seed, given.capacity)
    asyncio.run(listen(service, given.port))


if __name__ == "__main__":
    main()
