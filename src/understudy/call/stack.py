"""What stands between a method and a provider, outermost first.

    fanned -> journaled -> metered -> retried -> limited -> provider

A reply reaches its method only from the journal's side of the disk. `fanned` stands outside the
journal so that, where an endpoint serves one draw per request, each is kept as it comes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from understudy.call.budget import Budget, Price, metered
from understudy.call.limits import Endpoint, limited
from understudy.call.model import gather
from understudy.call.retry import retried
from understudy.journal.effect import Effect, Journal, Stored, pack, unpack
from understudy.journal.keys import Canonical, canonical, effect_key
from understudy.sandbox.handle import Execute, Execution
from understudy.sandbox.protocol import Outcome, Program
from understudy.types import Call, Generate, Reply, Usage

_decode_outcome = msgspec.json.Decoder(Outcome).decode
_encode = msgspec.json.Encoder().encode


@dataclass
class Tally:
    """What the calls of this session came to, for the progress display."""

    sent: int = 0
    """Wire calls answered."""
    replayed: int = 0
    """Replies taken from the journal, or from another run's."""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    unpriced: int = 0
    """Answered calls whose price is unknown."""
    executed: int = 0
    """Programs run in the sandbox."""


def assemble(
    provider: Generate,
    journal: Journal,
    endpoint: Endpoint,
    budget: Budget,
    price: Price | None,
    tally: Tally,
    notice: Callable[[str], None],
    *,
    attempts: int = 8,
) -> Generate:
    """The whole stack over one provider."""
    wire = retried(limited(provider, endpoint), endpoint, attempts=attempts, sleep=endpoint.rest)
    return fanned(journaled(metered(wire, budget, price), journal, price, tally), notice)


def journaled(generate: Generate, journal: Journal, price: Price | None, tally: Tally) -> Generate:
    """Answer from the journal; what it lacks, ask, write, and answer."""

    async def answer(call: Call) -> Sequence[Reply]:
        body = canonical(call.request)
        hashed = request_hash(body)
        keys = call_keys(call, hashed)
        replies: list[Reply | None] = [None] * call.n
        taken: list[Entry] = []
        for i, key in enumerate(keys):
            if (found := journal.get(key)) is not None:
                stored, source = found
                replies[i] = _decode(stored)
                tally.replayed += 1
                if source:
                    entry = _entry(call, i, key, hashed, body, stored, source=source)
                    taken.append(entry)
        if taken:
            await journal.put(taken)
        for start, stop in _gaps(replies):
            part = call
            if stop - start < call.n:
                part = msgspec.structs.replace(call, draw=call.draw + start, n=stop - start)
            brought = (await generate(part))[: stop - start]
            await journal.put(_entries(call, start, keys, hashed, body, brought, price, tally))
            replies[start : start + len(brought)] = brought
            if len(brought) < stop - start:
                break  # a reply short: later draws wait until the earlier ones are there
        missing = replies.index(None) if None in replies else len(replies)
        return [reply for reply in replies[:missing] if reply is not None]

    return answer


def recalled(execute: Execute, journal: Journal, tally: Tally) -> Execute:
    """Have a program's outcome from the journal; what it lacks, run, write, and tell."""

    async def outcome(execution: Execution) -> Outcome:
        step, task, program = execution
        body = _encode(given(program))
        key = execution_key(step, task, body)
        if (kept := journal.outcome(key)) is not None:
            return _decode_outcome(kept)
        found = await execute(execution)
        tally.executed += 1
        await journal.keep(Executed(key, step, task, found.isolation, body, _encode(found)))
        return found

    return outcome


def given(program: Program) -> dict[str, object]:
    """What a program sets. A setting at its default is left out, so that a new one orphans none."""
    fields = msgspec.structs.fields(Program)
    values = {field.name: getattr(program, field.name) for field in fields}
    return {f.name: values[f.name] for f in fields if values[f.name] != f.default}


def fanned(generate: Generate, notice: Callable[[str], None]) -> Generate:
    """All `n` draws of a call, from endpoints that bring fewer at a time than they are asked for."""
    single = False

    async def spread(call: Call) -> Sequence[Reply]:
        nonlocal single
        if call.n == 1:
            return await generate(call)
        replies: list[Reply] = []
        if not single:
            replies += await generate(call)
            if len(replies) == call.n:
                return replies
            # A few short of n, some choices came broken; one alone, the endpoint ignores n.
            if len(replies) == 1 and not single:
                notice(f"asked for {call.n} replies at once, got 1: asking one by one")
                single = True
        rest = range(call.draw + len(replies), call.draw + call.n)
        parts = await gather(generate(msgspec.structs.replace(call, draw=d, n=1)) for d in rest)
        return replies + [reply for part in parts for reply in part]

    return spread


def _gaps(replies: Sequence[Reply | None]) -> list[tuple[int, int]]:
    """The runs of None, as (first, one past the last)."""
    gaps: list[tuple[int, int]] = []
    for i, reply in enumerate(replies):
        if reply is None:
            if gaps and gaps[-1][1] == i:
                gaps[-1] = (gaps[-1][0], i + 1)
            else:
                gaps.append((i, i + 1))
    return gaps


def _entries(
    call: Call,
    start: int,
    keys: Sequence[bytes],
    hashed: bytes,
    body: bytes,
    replies: Sequence[Reply],
    price: Price | None,
    tally: Tally,
) -> list[Entry]:
    entries: list[Entry] = []
    for i, reply in enumerate(replies):
        usage = reply.usage or Usage()
        cost = price.of(usage) if price and reply.usage is not None else None
        entries.append(
            _entry(
                call, start + i, keys[start + i], hashed, body, _encode(reply),
                usage=usage, cost=cost, sent=i == 0,
            )
        )  # fmt: skip
        tally.tokens_in += usage.tokens_in
        tally.tokens_out += usage.tokens_out
        tally.cost += cost or 0.0
    tally.sent += 1
    tally.unpriced += entries[0].cost is None
    return entries


def _entry(
    call: Call,
    i: int,
    key: bytes,
    hashed: bytes,
    body: bytes,
    reply: bytes,
    *,
    usage: Usage = Usage(),
    cost: float | None = None,
    sent: bool = True,
    source: str = "",
) -> Entry:
    return Entry(
        key=key,
        step=call.step,
        task=call.task,
        role=call.role,
        draw=call.draw + i,
        request_hash=hashed,
        request=body,
        reply=reply,
        endpoint=call.request.endpoint,
        model=call.request.model,
        usage=usage,
        cost=cost,
        sent=sent,
        source=source,
    )
