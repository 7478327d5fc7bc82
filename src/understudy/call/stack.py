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
from understudy.journal.effect import Effect, Journal, Packed, pack, unpack
from understudy.journal.keys import canonical, effect_key, plain
from understudy.sandbox.protocol import Execute, Execution, Outcome, Program
from understudy.types import FREE, Call, Canonical, Generate, Provide, Reply, Usage

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
        request = call.request
        asked = canonical(request)
        who = "\0".join((request.endpoint, request.model, request.revision))
        key = effect_key(
            "call", call.step, call.task, call.scope, call.role, who, asked.hash, call.draw
        )
        if (stored := journal.get(key)) is not None:
            tally.replayed += 1
            if stored.source:
                packed = Packed(stored.reply, stored.text)
                await journal.put([_effect(call, key, asked, packed, source=stored.source)])
            return unpack(stored)
        reply = await generate(call)
        usage, sent = reply.usage or Usage(), reply.usage is not FREE
        cost = price.of(usage) if price and reply.usage is not None else None
        effect = _effect(
            call, key, asked, pack(reply), usage=usage, cost=cost if sent else 0.0, sent=sent
        )
        tally.tokens_in += usage.tokens_in
        tally.tokens_out += usage.tokens_out
        tally.cost += cost or 0.0
        tally.sent += sent
        tally.unpriced += sent and cost is None
        await journal.put([effect])
        return reply

    return answer


def recalled(execute: Execute, journal: Journal, tally: Tally) -> Execute:
    """Have a program's outcome from the journal; what it lacks, run, write, and tell."""

    async def outcome(execution: Execution) -> Outcome:
        step, task, program = execution
        asked = plain(_encode(given(program)))
        key = effect_key("sandbox", step, task, "", "sandbox", "", asked.hash, 0)
        stored = journal.get(key)
        if stored is not None:
            reply, source = stored.reply, stored.source
            result = _decode_outcome(reply)
        else:
            result = await execute(execution)
            reply, source = _encode(result), ""
            tally.executed += 1
        if stored is None or source:
            effect = Effect(
                key, "sandbox", step, task, "", "sandbox", 0, result.isolation, asked, reply,
                source=source,
            )  # fmt: skip
            await journal.put([effect])
        return result

    return outcome


def given(program: Program) -> dict[str, object]:
    """What a program sets. A setting at its default is left out, so that a new one orphans none."""
    fields = msgspec.structs.fields(Program)
    values = {field.name: getattr(program, field.name) for field in fields}
    return {f.name: values[f.name] for f in fields if values[f.name] != f.default}


def _effect(
    call: Call,
    key: bytes,
    asked: Canonical,
    reply: Packed,
    *,
    usage: Usage = Usage(),
    cost: float | None = None,
    sent: bool = True,
    source: str = "",
) -> Effect:
    return Effect(
        key=key,
        kind="call",
        step=call.step,
        task=call.task,
        scope=call.scope,
        role=call.role,
        draw=call.draw,
        model=call.request.model,
        request=asked,
        reply=reply.reply,
        usage=usage,
        cost=cost,
        sent=sent,
        source=source,
        endpoint=call.request.endpoint,
        text=reply.text,
        media=reply.media,
    )
