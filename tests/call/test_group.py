"""Draws that go out together."""

import asyncio
from pathlib import Path

import pytest
from harness import Bench

from understudy.call.group import MOST_DRAWS, grouped
from understudy.call.model import Model, gather
from understudy.errors import Rejected, Unavailable
from understudy.providers.negotiate import Features
from understudy.providers.scripted import Scripted
from understudy.types import FREE, Call, Reply, Sampling, Usage, WireCall


def sizes(provider: Scripted) -> list[int]:
    return [call.n for call in provider.calls]


def label(call: Call) -> str:
    return f"{call.task} {call.role} {call.scope} {call.draw}"


def over(provider: Scripted) -> Model:
    return Model("m", grouped(provider))


async def test_equal_requests_of_tasks_roles_and_workers_share_a_call_and_keep_their_replies() -> (
    None
):
    provider = Scripted(label)
    model = over(provider)
    asks = [
        model.at("s", "t1", "pro"), model.at("s", "t2", "pro"), model.at("s", "t1", "con"),
        model.at("s", "t1", "pro").within("agent 7"),
    ]  # fmt: skip
    assert await gather(m.ask("x") for m in asks) == [
        "t1 pro  0", "t2 pro  0", "t1 con  0", "t1 pro agent 7 0",
    ]  # fmt: skip
    assert sizes(provider) == [4]


async def test_what_is_asked_differently_goes_out_apart() -> None:
    provider = Scripted(label)
    model = over(provider).at("s", "t")
    await gather([model.ask("x"), model.ask("y"), model.ask("x", Sampling(temperature=0.5))])
    assert sizes(provider) == [1, 1, 1]


async def test_what_is_asked_later_goes_out_later() -> None:
    provider = Scripted(label)
    model = over(provider).at("s", "t")
    await model.ask("x")
    await model.ask("x")
    assert sizes(provider) == [1, 1]


async def test_with_a_seed_only_consecutive_draws_of_one_scope_go_out_together() -> None:
    provider = Scripted(label)
    model, seeded = over(provider), Sampling(seed=5)
    one, other = model.at("s", "t1"), model.at("s", "t2")
    await gather([one.sample("x", 2, seeded), other.sample("x", 2, seeded), one.ask("x", seeded)])
    assert sorted((c.calls[0].task, c.draw, c.n) for c in provider.calls) == [
        ("t1", 0, 2), ("t1", 2, 1), ("t2", 0, 2),
    ]  # fmt: skip


async def test_a_call_has_at_most_so_many_draws() -> None:
    provider = Scripted(label)
    replies = await over(provider).sample("x", 2 * MOST_DRAWS + 1)
    assert len(replies) == 2 * MOST_DRAWS + 1
    assert sizes(provider) == [MOST_DRAWS, MOST_DRAWS, 1]


async def test_one_short_answer_is_no_reason_to_give_up_on_n() -> None:
    notices = list[str]()
    asked = list[int]()

    async def loses_some(call: WireCall) -> list[Reply]:
        asked.append(call.n)
        return [Reply(text=str(c.draw)) for c in call.calls[: max(2, call.n // 2)]][: call.n]

    model = Model("m", grouped(loses_some, notices.append))
    for _ in range(3):
        assert len(await model.sample("x", 6)) == 6
    assert asked == [6, 1, 1, 1] * 3
    assert notices == []


async def test_a_lone_reply_is_and_that_is_said_once() -> None:
    notices = list[str]()
    provider = Scripted(label, features=Features(n=False))
    model = Model("m", grouped(provider, notices.append))
    for _ in range(2):
        assert len(await model.sample("x", 3)) == 3
    assert sizes(provider) == [3, 1, 1, 1, 1, 1]
    assert notices == ["asked for 3 replies at once, got 1: asking one by one"]


async def test_the_first_of_a_call_carries_the_usage_of_all() -> None:
    provider = Scripted(
        [[Reply("a", usage=Usage(tokens_in=3)), Reply("b", usage=Usage(tokens_in=4))]]
    )
    first, second = await over(provider).sample("x", 2)
    assert first.usage == Usage(tokens_in=7)
    assert second.usage is FREE


async def test_a_refusal_of_several_tasks_together_is_asked_for_apart() -> None:
    def refuses(call: Call) -> str:
        if call.task == "bad":
            raise Rejected("no")
        return call.task

    provider = Scripted(refuses)
    model = over(provider)
    results = await asyncio.gather(
        *(model.at("s", task).ask("x") for task in ("a", "bad", "b")), return_exceptions=True
    )
    assert [str(result) for result in results] == ["a", "no", "b"]
    assert sizes(provider) == [3, 1, 1, 1]


async def test_a_refusal_of_one_tasks_draws_is_the_answer_to_all_of_them() -> None:
    provider = Scripted(lambda call: Rejected("no"))
    with pytest.raises(Rejected):
        await over(provider).at("s", "t").sample("x", 3)
    assert sizes(provider) == [3]


async def test_a_failure_that_may_pass_is_that_of_all() -> None:
    provider = Scripted(lambda call: Unavailable("503"))
    model = over(provider)
    results = await asyncio.gather(
        *(model.at("s", task).ask("x") for task in "ab"), return_exceptions=True
    )
    assert [type(result) for result in results] == [Unavailable, Unavailable]
    assert sizes(provider) == [2]


async def test_whoever_shares_a_call_does_not_end_with_the_one_who_sent_it() -> None:
    gate, begun = asyncio.Event(), asyncio.Event()

    async def slow(call: Call) -> str:
        begun.set()
        await gate.wait()
        return call.task

    provider = Scripted(slow)
    model = over(provider)
    sender, other = (asyncio.ensure_future(model.at("s", t).ask("x")) for t in ("first", "second"))
    await begun.wait()
    assert sizes(provider) == [2]
    sender.cancel()
    gate.set()
    assert await other == "second"
    assert sizes(provider) == [2, 1]


async def test_a_draw_that_came_with_another_costs_nothing_of_its_own(tmp_path: Path) -> None:
    async with Bench(tmp_path / "j.db") as bench:
        model = bench.model(Scripted(lambda call: "a b"))
        await gather(model.at("s", t).ask("x y z") for t in ("t1", "t2"))
        (total,) = bench.journal.records.totals()
        assert (total.sent, total.tokens_in, total.tokens_out) == (1, 3, 4)
