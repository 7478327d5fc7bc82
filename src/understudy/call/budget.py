"""What calls cost, and a hard limit on it.

Before a call is sent, the most it can cost is set aside: its prompt, at no more than one token per
two bytes, and its `max_tokens`, or where that is unset the longest reply seen so far of that model.
The sum of what was spent and what is set aside never exceeds the budget. Prices come from the dated
file `prices.yaml`, in dollars per million tokens; a recipe's `prices` go first. A model without a
price costs "unknown", never nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Any, TypeVar, cast

import yaml
from pydantic import Field

from understudy.call.canonical import canonical_of
from understudy.errors import BudgetExhausted
from understudy.types import Call, Generate, Reply, Settings, Usage

T = TypeVar("T")


class Price(Settings):
    """Dollars per million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached: float | None = Field(default=None, ge=0)
    """For prompt tokens that the endpoint had cached; `input` if unset."""

    def of(self, usage: Usage) -> float:
        """Dollars."""
        cached = self.input if self.cached is None else self.cached
        fresh = usage.tokens_in - usage.cached
        return (fresh * self.input + usage.cached * cached + usage.tokens_out * self.output) / 1e6


class Prices:
    """The price of every model that has one."""

    def __init__(self, own: Mapping[str, Price] | None = None) -> None:
        table = cast("dict[str, Any]", yaml.safe_load(_TABLE.read_text("utf-8")))
        self.date = str(table["date"])
        self._shipped = {name: Price(**price) for name, price in table["models"].items()}
        self._own = dict(own or {})

    def price(self, model: str, provider: str) -> Price | None:
        """`provider` is the model string's first part and, where one is set, its base URL: the
        shipped prices are those of the vendors' own endpoints and hold for no other."""
        if (price := self._own.get(model)) is not None:
            return price
        return self._shipped.get(f"{provider}:{model}")


_TABLE = files("understudy.call") / "prices.yaml"


@dataclass(frozen=True)
class BudgetLease:
    """A slice of a budget, for work that counts by itself, e.g. a shard on another machine."""

    budget: "Budget"
    """What the work spends from."""
    give_back: Callable[[], None]
    """To be called once, when it is done: what it spent is spent, the rest is free again."""


class Budget:
    """Dollars that all attempts of a run may spend, and have spent."""

    def __init__(self, limit: float | None, cost: float = 0.0) -> None:
        self.limit = limit
        self.cost = cost
        """Dollars spent so far."""
        self._reserved = 0.0
        self._freed: list[asyncio.Future[None]] = []

    async def reserve(self, bound: float) -> None:
        """Set `bound` aside; waits while calls in flight may still turn out cheaper.

        Raises:
            BudgetExhausted: it does not fit.
        """
        if self.limit is None:
            return
        limit = self.limit + _ROUNDING
        while self.cost + self._reserved + bound > limit:
            if self.cost + bound > limit or self._reserved <= _ROUNDING:
                raise BudgetExhausted(
                    f"${self.cost:.4f} of the budget of ${self.limit:.2f} is spent and the next call "
                    f"may cost ${bound:.4f}. Raise it (`budget={max(2 * self.limit, 1):g}`) and run "
                    "the same command: it continues."
                )
            freed = asyncio.get_running_loop().create_future()
            self._freed.append(freed)
            await freed
        self._reserved += bound

    def take(self, dollars: float) -> BudgetLease:
        """Set a slice aside for work that counts by itself. Does not wait.

        Raises:
            BudgetExhausted: that much is not free.
        """
        if self.limit is not None:
            free = self.limit - self.cost - self._reserved
            if dollars > free + _ROUNDING:
                raise BudgetExhausted(
                    f"expected at most ${max(free, 0):.4f}, which is free of the budget of "
                    f"${self.limit:.2f}, found ${dollars:.4f} asked for. Take less, or raise it."
                )
            self._reserved += dollars
        lease = Budget(dollars if self.limit is not None else None)
        leased = [dollars]

        def give_back() -> None:
            if not leased:
                raise ValueError("this slice of the budget was given back before")
            self.settle(leased.pop(), lease.cost)

        return BudgetLease(lease, give_back)

    def settle(self, bound: float, cost: float) -> None:
        """Note what the call that `bound` was reserved for has cost."""
        self.cost += cost
        if self.limit is None:
            return
        self._reserved -= bound
        waiting, self._freed = self._freed, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


def metered(generate: Generate, budget: Budget, price: Price | None) -> Generate:
    """Stop before the call that could cross the budget."""
    longest = DEFAULT_REPLY

    def cost(reply: Reply) -> float:
        nonlocal longest
        if reply.usage is None:
            return 0.0
        longest = max(longest, reply.usage.tokens_out)
        return price.of(reply.usage) if price else 0.0

    async def pay(call: Call) -> Reply:
        if budget.limit is None:  # nothing to set aside
            reply = await generate(call)
            budget.settle(0.0, cost(reply))
            return reply
        bound = most(call, price, longest) if price else 0.0
        return await spend(budget, bound, partial(generate, call), cost)

    return pay


async def spend(
    budget: Budget, bound: float, do: Callable[[], Awaitable[T]], cost: Callable[[T], float]
) -> T:
    """The result of `do`, run once `bound` dollars are reserved for it; its cost is booked.

    Raises:
        BudgetExhausted: the bound does not fit.
    """
    await budget.reserve(bound)
    dollars = 0.0
    try:
        outcome = await do()
        dollars = cost(outcome)
    finally:
        budget.settle(bound, dollars)
    return outcome


_ROUNDING = 1e-12
"""Dollars by which sums of floats may be off."""
DEFAULT_REPLY = 4_096
"""Assumed most tokens of a reply without `max_tokens`, until a longer one is seen."""


def most(call: Call, price: Price, longest: int) -> float:
    """Dollars that one draw can cost at most, images and audio aside."""
    tokens_in = canonical_of(call).size / 2
    tokens_out = call.request.sampling.max_tokens or longest
    return (tokens_in * price.input + tokens_out * price.output) / 1e6
