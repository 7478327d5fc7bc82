"""What stands between a method and a provider, outermost first.

    a user's own -> journaled -> metered -> grouped -> retried -> limited -> provider

The first three handle one draw at a time. `grouped` makes one wire call of draws that are asked for
together; what is below it handles wire calls. A reply reaches its method only from the journal's
side of the disk.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce

from understudy.call.budget import Budget, Price, metered
from understudy.call.canonical import canonical_of
from understudy.call.group import grouped
from understudy.call.limits import Endpoint, limited
from understudy.call.replay import question, replay
from understudy.call.retry import retried
from understudy.journal.blobs import attach_media, without_bytes
from understudy.journal.effect import Effect, Journal, Stored, pack, unpack
from understudy.types import FREE, Call, Generate, Layer, Provide, Reply, Usage


@dataclass
class Tally:
    """Totals of this attempt's calls, for the progress display."""

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
    embedded: int = 0
    """Texts embedded."""


def stack(generate: Generate, layers: Sequence[Layer]) -> Generate:
    """`layers` around `generate`, the first of them outermost."""
    return reduce(lambda inner, layer: layer(inner), reversed(layers), generate)


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
    layers: Sequence[Layer] = (),
) -> Generate:
    """The whole stack over one provider.

    `layers` are a user's own. They stand outermost: they see every call, also those that the journal
    answers, and what they return is what the method gets, in a resumed run too. A request that a
    layer changes is journaled as it was changed; a reply that it makes itself is not journaled.
    """
    wire = retried(limited(provider, endpoint), endpoint, attempts=attempts, sleep=endpoint.rest)
    ours: list[Layer] = [
        partial(journaled, journal=journal, price=price, tally=tally),
        partial(metered, budget=budget, price=price),
    ]
    wire = attach_media(wire, journal.records.blob)
    return stack(grouped(wire, notice), [*layers, *ours])


def journaled(generate: Generate, journal: Journal, price: Price | None, tally: Tally) -> Generate:
    """Answer from the journal. Send what it lacks, write the reply, and then return it."""

    async def ask(call: Call, effect: Effect) -> tuple[Effect, Reply]:
        reply = await generate(call)
        usage, sent = reply.usage or Usage(), reply.usage is not FREE
        cost = price.of(usage) if price and reply.usage is not None else None
        tally.tokens_in += usage.tokens_in
        tally.tokens_out += usage.tokens_out
        tally.cost += cost or 0.0
        tally.sent += sent
        tally.unpriced += sent and cost is None
        packed = pack(reply)
        effect = effect._replace(
            reply=packed.reply, text=packed.text, media=packed.media, usage=usage,
            cost=cost if sent else 0.0, sent=sent,
        )  # fmt: skip
        return effect, without_bytes(reply) if packed.media else reply

    def read(stored: Stored) -> Reply:
        tally.replayed += 1
        return unpack(stored)

    async def answer(call: Call) -> Reply:
        request = call.request
        effect = question(
            "call", canonical_of(call), step=call.step, task=call.task, scope=call.scope,
            role=call.role, draw=call.draw, model=request.model, endpoint=request.endpoint,
            revision=request.revision, usage=Usage(),
        )  # fmt: skip
        return await replay(journal, effect, partial(ask, call), read)

    return answer
