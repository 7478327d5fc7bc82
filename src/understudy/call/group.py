"""Draws asked for at the same moment share one wire call.

Above this layer everything is one draw: the journal, the budget, the records. Here the draws of an
equal request that are asked for within one turn of the event loop become one request for `n`
replies, whichever tasks, roles and scopes they belong to. So a shared prompt is paid for once.
Where the request has a seed, only consecutive draws of one scope are put together, since draw d is
sent as seed + d.
"""

from collections.abc import Callable, Sequence

import msgspec

from understudy.call.canonical import canonical_of
from understudy.call.together import Together
from understudy.types import FREE, Call, Generate, Provide, Reply, Usage, WireCall

MOST_DRAWS = 128
"""Replies asked for at once (the most that OpenAI allows)."""


def grouped(provide: Provide, notice: Callable[[str], None] = lambda _: None) -> Generate:
    """One draw at a time, from a provider that is asked for several at once where it can.

    A provider that gives fewer than it was asked for is asked for the rest one by one. One that
    gives a single reply where several were asked for ignores `n`, and is not asked for several again.
    """
    ignores_n = False

    async def send(calls: Sequence[Call]) -> Sequence[Reply]:
        nonlocal ignores_n
        n = len(calls)
        replies = _carry(list(await provide(WireCall(tuple(calls))))[:n])
        if len(replies) == 1 < n and not ignores_n:
            # A few short of n: some choices were broken. Only one: the endpoint ignores n.
            ignores_n = True
            notice(f"asked for {n} replies at once, got 1: asking one by one")
        return replies

    together = Together(send, _key, _fits, _is_mixed)

    async def draw(call: Call) -> Reply:
        return await (together.ask_alone(call) if ignores_n else together.ask(call))

    return draw


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
    request = call.request
    names = [request.endpoint, request.model, request.revision]
    if request.sampling.seed is not None:
        names += _owner(call)
    return "\0".join(names).encode() + canonical_of(call).hash


def _fits(calls: Sequence[Call], call: Call) -> bool:
    if len(calls) >= MOST_DRAWS:
        return False
    return call.request.sampling.seed is None or call.draw == calls[-1].draw + 1


def _is_mixed(calls: Sequence[Call]) -> bool:
    """Whether the draws are of several tasks, roles or workers."""
    return len({_owner(call) for call in calls}) > 1


def _owner(call: Call) -> tuple[str, str, str, str]:
    return call.step, call.task, call.scope, call.role
