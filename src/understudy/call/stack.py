"""What stands between a method and a provider, outermost first.

    journaled -> metered -> grouped -> retried -> limited -> provider

The first two handle one draw at a time. `grouped` makes one wire call of draws that are asked for
together; what is below it handles wire calls. A reply reaches its method only from the journal's
side of the disk.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from understudy.call.budget import Budget, Price, metered
from understudy.call.group import grouped
from understudy.call.limits import Endpoint, limited
from understudy.call.retry import retried
from understudy.journal.write import (
    Entry,
    Executed,
    Journal,
    call_key,
    canonical,
    execution_key,
    request_hash,
)
from understudy.sandbox.protocol import Execute, Execution, Outcome, Program
from understudy.types import FREE, Call, Generate, Provide, Reply, Usage

_decode = msgspec.json.Decoder(Reply).decode
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
    provider: Provide,
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
    return journaled(metered(grouped(wire, notice), budget, price), journal, price, tally)


def journaled(generate: Generate, journal: Journal, price: Price | None, tally: Tally) -> Generate:
    """Answer from the journal; what it lacks, ask, write, and answer."""

    async def answer(call: Call) -> Reply:
        body = canonical(call.request)
        hashed = request_hash(body)
        key = call_key(call, hashed)
        if (row := journal.get(key)) is not None:
            stored, source = row
            tally.replayed += 1
            if source:
                await journal.put([_entry(call, key, hashed, body, stored, source=source)])
            return _decode(stored)
        reply = await generate(call)
        usage, sent = reply.usage or Usage(), reply.usage is not FREE
        cost = price.of(usage) if price and reply.usage is not None else None
        entry = _entry(
            call, key, hashed, body, _encode(reply),
            usage=usage, cost=cost if sent else 0.0, sent=sent,
        )  # fmt: skip
        tally.tokens_in += usage.tokens_in
        tally.tokens_out += usage.tokens_out
        tally.cost += cost or 0.0
        tally.sent += sent
        tally.unpriced += sent and cost is None
        await journal.put([entry])
        return reply

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


def _entry(
    call: Call,
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
        draw=call.draw,
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
