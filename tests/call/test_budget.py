"""Money has a limit, and an unknown price is unknown."""

import asyncio
from typing import Any

import pytest
from harness import Bench, now, virtually
from hypothesis import given
from hypothesis import strategies as st

from understudy.call.budget import DEFAULT_REPLY, Budget, Price, Prices, metered, most
from understudy.call.group import grouped
from understudy.errors import BudgetExhausted, ConfigError, Rejected
from understudy.providers.scripted import Scripted
from understudy.runs.recipe import Recipe
from understudy.types import Call, Reply, Request, Sampling, Usage, user

PRICE = Price(input=1.0, output=4.0)


def call(max_tokens: int | None = 100, text: str = "hello") -> Call:
    request = Request(model="m", messages=(user(text),), sampling=Sampling(max_tokens=max_tokens))
    return Call(request=request)


def test_a_price_is_dollars_per_million_tokens() -> None:
    usage = Usage(tokens_in=1_000_000, tokens_out=500_000, cached=400_000)
    assert PRICE.of(usage) == pytest.approx(1.0 + 2.0)
    assert Price(input=1, output=4, cached=0.1).of(usage) == pytest.approx(0.6 + 0.04 + 2.0)


@given(text=st.text(max_size=400), tokens=st.integers(1, 9_999))
def test_the_bound_holds_the_whole_reply_and_half_a_token_per_byte(text: str, tokens: int) -> None:
    bound = most(call(tokens, text), PRICE, 0)
    usage = Usage(tokens_in=len(text.encode()) // 2, tokens_out=tokens)
    assert bound >= PRICE.of(usage)


def test_a_reply_without_a_bound_is_taken_for_the_longest_so_far() -> None:
    async def main() -> None:
        budget, long = Budget(100.0), DEFAULT_REPLY * 3

        async def generate(call: Call) -> Reply:
            return Reply(usage=Usage(tokens_out=long))

        pay = metered(generate, budget, PRICE)
        await pay(call(None))
        assert budget.cost == pytest.approx(long * 4 / 1e6)
        tight = budget.cost + most(call(None), PRICE, long)
        budget.limit = tight - 1e-9
        with pytest.raises(BudgetExhausted):
            await pay(call(None))
        budget.limit = tight + 1e-9
        await pay(call(None))

    virtually(main())


COST = st.integers(0, 100)


@given(
    limit=st.integers(0, 1_000),
    calls=st.lists(st.tuples(COST, st.floats(0, 1), st.integers(0, 5), st.booleans()), max_size=40),
)
def test_what_is_spent_never_crosses_the_budget_whatever_runs_at_once(
    limit: int, calls: list[tuple[int, float, int, bool]]
) -> None:
    async def main() -> None:
        budget = Budget(limit * 1e-6 * 4)
        refused = 0

        async def generate(call: Call) -> Reply:
            tokens, part, seconds, fails = calls[int(call.task)]
            await asyncio.sleep(seconds)
            if fails:
                raise Rejected("400")
            return Reply(usage=Usage(tokens_out=int(tokens * part)))

        pay = metered(generate, budget, Price(input=0, output=4))

        async def one(number: int) -> None:
            nonlocal refused
            tokens = calls[number][0]
            sampling = Sampling(max_tokens=tokens or 1)
            try:
                await pay(Call(task=str(number), request=Request(model="m", sampling=sampling)))
            except Rejected:
                pass
            except BudgetExhausted:
                refused += 1
            assert budget.cost <= budget.limit + 1e-12  # type: ignore[operator]  # it has one

        await asyncio.gather(*(one(i) for i in range(len(calls))))
        worth = sum(max(tokens, 1) for tokens, *_ in calls)
        assert not refused or worth > limit  # nobody is refused where all fits

    virtually(main())


def test_a_call_waits_where_those_under_way_may_turn_out_cheaper() -> None:
    async def main() -> None:
        async def cheap(call: Call) -> Reply:
            await asyncio.sleep(1)
            return Reply(usage=Usage(tokens_out=1))

        bound = most(call(), PRICE, 0)
        pay = metered(cheap, Budget(bound * 1.5), PRICE)
        await asyncio.gather(*(pay(call()) for _ in range(5)))
        assert now() == pytest.approx(5)  # one after the other, none refused

    virtually(main())


def test_a_call_that_is_cancelled_while_it_waits_or_runs_frees_what_it_set_aside() -> None:
    async def main() -> None:
        async def slow(call: Call) -> Reply:
            await asyncio.sleep(100)
            return Reply()

        bound = most(call(), PRICE, 0)
        budget = Budget(bound * 1.5)
        pay = metered(slow, budget, PRICE)
        going = [asyncio.ensure_future(pay(call())) for _ in range(3)]
        await asyncio.sleep(1)
        for task in (going[1], going[0]):
            task.cancel()
        await going[2]
        assert now() == pytest.approx(101)

    virtually(main())


def test_what_earlier_sessions_spent_counts() -> None:
    async def main() -> None:
        pay = metered(grouped(Scripted(["x"])), Budget(1.0, cost=0.9999), PRICE)
        with pytest.raises(BudgetExhausted) as raised:
            await pay(call(100_000))
        assert str(raised.value) == (
            "$0.9999 of the budget of $1.00 is spent and the next call may cost $0.4000. "
            "Raise it (`budget=2`) and run the same command: it continues."
        )

    virtually(main())


def test_the_shipped_prices_are_those_of_the_vendors_own_endpoints_and_dated() -> None:
    prices = Prices({"mine": PRICE, "gpt-5": PRICE})
    assert prices.price("gpt-5-mini", "openai") == Price(input=0.25, cached=0.025, output=2)
    assert prices.price("gpt-5-mini", "openai@http://localhost:8000/v1") is None
    assert prices.price("mine", "anything") == PRICE
    assert prices.price("gpt-5", "openai") == PRICE  # the user's own go first
    assert prices.date.count("-") == 2


async def test_a_model_without_a_price_costs_unknown_never_nothing(tmp_path: Any) -> None:
    from understudy.runs.facts import cost_of

    async with Bench(tmp_path / "j.db") as bench:
        await bench.model(Scripted(lambda c: "x")).at("s", "t").sample("hello", 3)
        (total,) = bench.journal.records.totals()
        assert (total.sent, total.unpriced, bench.tally.unpriced) == (1, 1, 1)
        assert str(cost_of([total])) == "unknown"
        priced = total._replace(cost=0.25, unpriced=0)
        assert str(cost_of([priced])) == "$0.2500"
        assert str(cost_of([total, priced])) == "$0.2500 and 1 calls of unknown price"
        assert str(cost_of([])) == "$0.0000"


async def test_replies_from_the_journal_cost_nothing(tmp_path: Any) -> None:
    spent = list[float]()
    for _ in range(2):
        async with Bench(tmp_path / "j.db", price=PRICE) as bench:
            await bench.model(Scripted(lambda c: "x y")).at("s", "t").sample("hello", 3)
            spent.append(bench.budget.cost)
            assert bench.journal.records.sum_cost() == pytest.approx((1 + 6 * 4) / 1e6)
    assert spent == [pytest.approx((1 + 6 * 4) / 1e6), 0]


def test_a_negative_price_or_budget_is_refused() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        Price(input=-1, output=0)
    with pytest.raises(ConfigError, match="recipe: budget: input should be greater than or equal"):
        Recipe.of({"seeds": "x", "steps": ["length"], "budget": -1})


async def test_a_slice_of_the_budget_is_spent_by_itself_and_the_rest_comes_back() -> None:
    budget = Budget(10.0, cost=2.0)
    lease = budget.take(5.0)
    with pytest.raises(BudgetExhausted, match=r"at most \$3.0000, .* found \$3.5000 asked for"):
        budget.take(3.5)
    with pytest.raises(BudgetExhausted):
        await lease.budget.reserve(5.5)
    await lease.budget.reserve(4.0)
    lease.budget.settle(4.0, 1.5)
    lease.give_back()
    assert budget.cost == 3.5
    budget.take(6.5)
    with pytest.raises(ValueError, match="given back before"):
        lease.give_back()


def test_what_a_slice_gives_back_lets_waiting_calls_go_on() -> None:
    async def main() -> None:
        budget = Budget(1.0)
        lease = budget.take(0.9)
        waiting = asyncio.ensure_future(budget.reserve(0.5))
        await asyncio.sleep(1)
        assert not waiting.done()
        lease.give_back()
        await waiting

    virtually(main())


def test_a_slice_of_no_limit_has_none_and_counts_all_the_same() -> None:
    budget = Budget(None)
    lease = budget.take(1.0)
    lease.budget.settle(0.0, 7.0)
    lease.give_back()
    assert (lease.budget.limit, budget.cost) == (None, 7.0)
