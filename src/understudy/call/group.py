"""Draws asked for at the same moment share one wire call.

Above this layer everything is one draw: the journal, the budget, the records. Here the draws of an
equal request that are asked for within one turn of the event loop become one request for `n`
replies, whichever tasks, roles and scopes they belong to: a prompt that is read once is paid for once.
Where the request has a seed, only consecutive draws of one scope are put together, since draw d is
sent as seed + d.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from understudy.errors import Rejected
from understudy.journal.keys import canonical
from understudy.types import FREE, Call, Generate, Provide, Reply, Usage, WireCall

MOST_DRAWS = 128
"""Replies asked for at once (the most that OpenAI allows)."""


def grouped(provide: Provide, notice: Callable[[str], None] = lambda _: None) -> Generate:
    """One draw at a time, from a provider that is asked for several at once where it can.

    A provider that gives fewer than it was asked for is asked for the rest one by one. One that
    gives a single reply where several were asked for ignores `n`, and is not asked so again.
    """
    return _Grouping(provide, notice).draw


@dataclass(slots=True)
class _Group:
    """Draws that go out together. The first caller sends, the others wait for it."""

    calls: list[Call]
    waiters: list[asyncio.Future[Reply | None]] = field(
        default_factory=list[asyncio.Future[Reply | None]]
    )
    """One per call after the first. None: ask alone."""

    def takes(self, call: Call) -> bool:
        """Whether `call` may go out with these."""
        if len(self.calls) >= MOST_DRAWS:
            return False
        return call.request.sampling.seed is None or call.draw == self.calls[-1].draw + 1

    @property
    def is_mixed(self) -> bool:
        """Whether the draws are of several tasks, roles or workers."""
        return len({_owner(call) for call in self.calls}) > 1

    def share(self, replies: list[Reply]) -> None:
        """A reply to each who waits; those for whom there is none ask alone."""
        for i, waiter in enumerate(self.waiters):
            if not waiter.done():  # its caller was cancelled
                waiter.set_result(replies[i] if i < len(replies) else None)

    def fail(self, error: BaseException) -> None:
        """What failed, failed for all of them."""
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_exception(error)


class _Grouping:
    """The groups that are open in this turn of the loop, and what the provider is known to do."""

    def __init__(self, provide: Provide, notice: Callable[[str], None]) -> None:
        self._provide, self._notice = provide, notice
        self._open = dict[bytes, _Group]()
        self._ignores_n = False

    async def draw(self, call: Call) -> Reply:
        if self._ignores_n:
            return await self._alone(call)
        key = _key(call)
        group = self._open.get(key)
        if group is None or not group.takes(call):
            return await self._lead(key, call)
        waiter: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        group.calls.append(call)
        group.waiters.append(waiter)
        reply = await waiter
        return await self._alone(call) if reply is None else reply

    async def _lead(self, key: bytes, call: Call) -> Reply:
        group = self._open[key] = _Group([call])
        try:
            replies = await self._send(key, group)
        except asyncio.CancelledError:
            group.share([])  # the sender is cancelled, not those who wait for it
            raise
        except Rejected as error:
            if not group.is_mixed:
                group.fail(error)
                raise
            group.share([])  # whatever is wrong, no task fails for being asked with another
            return await self._alone(call)
        except BaseException as error:
            group.fail(error)
            raise
        group.share(replies[1:])
        # Returned before the others wake: the reply that carries the usage of all is paid for first.
        return replies[0]

    async def _send(self, key: bytes, group: _Group) -> list[Reply]:
        try:
            await asyncio.sleep(0)  # everything that is ready now may join
        finally:
            if self._open.get(key) is group:
                del self._open[key]
        n = len(group.calls)
        replies = _carry(list(await self._provide(WireCall(tuple(group.calls))))[:n])
        if len(replies) == 1 < n and not self._ignores_n:
            # A few short of n, some choices came broken; one alone, the endpoint ignores n.
            self._ignores_n = True
            self._notice(f"asked for {n} replies at once, got 1: asking one by one")
        return replies

    async def _alone(self, call: Call) -> Reply:
        return (await self._provide(WireCall((call,))))[0]


def _carry(replies: list[Reply]) -> list[Reply]:
    """The replies with the first carrying the usage of all."""
    if len(replies) == 1:
        return replies
    usages = [reply.usage for reply in replies if reply.usage is not None]
    total = sum(usages, Usage()) if usages else None
    return [
        msgspec.structs.replace(reply, usage=FREE if i else total)
        for i, reply in enumerate(replies)
    ]


def _key(call: Call) -> bytes:
    """Equal for draws that can go out together."""
    request = call.request
    names = [request.endpoint, request.model, request.revision]
    if request.sampling.seed is not None:
        names += _owner(call)
    return "\0".join(names).encode() + canonical(request).hash


def _owner(call: Call) -> tuple[str, str, str, str]:
    return call.step, call.task, call.scope, call.role
