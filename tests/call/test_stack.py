"""The layers between a method and a provider, put together."""

import asyncio
from pathlib import Path

import pytest
from harness import Bench, asked

from understudy.call.model import gather
from understudy.errors import Rejected, Unavailable
from understudy.providers.negotiate import Features
from understudy.providers.scripted import Scripted
from understudy.types import Call, Reply, Usage, WireCall


def draws(provider: Scripted) -> list[tuple[int, int]]:
    """First draw and number of each call."""
    return [(call.draw, call.n) for call in provider.calls]


def by_draw(call: Call) -> str:
    return f"draw {call.draw}"


async def test_n_draws_are_one_call_where_the_endpoint_can(tmp_path: Path) -> None:
    provider = Scripted(by_draw)
    async with Bench(tmp_path / "j.db") as bench:
        model = bench.model(provider).at("s", "t")
        assert [r.text for r in await model.sample("x", 5)] == [f"draw {i}" for i in range(5)]
        assert draws(provider) == [(0, 5)]
        assert (bench.tally.sent, bench.notices) == (1, [])


async def test_an_endpoint_that_ignores_n_is_asked_one_by_one_and_that_is_said_once(
    tmp_path: Path,
) -> None:
    provider = Scripted(by_draw, features=Features(n=False))
    async with Bench(tmp_path / "j.db") as bench:
        model = bench.model(provider).at("s", "t")
        assert [r.text for r in await model.sample("x", 3)] == ["draw 0", "draw 1", "draw 2"]
        assert [r.text for r in await model.sample("y", 2)] == ["draw 0", "draw 1"]
        assert draws(provider) == [(0, 3), (1, 1), (2, 1), (0, 1), (1, 1)]
        assert bench.notices == ["asked for 3 replies at once, got 1: asking one by one"]


async def test_an_endpoint_that_brings_a_part_of_n_is_asked_for_the_rest(tmp_path: Path) -> None:
    async def at_most_two(call: WireCall) -> list[Reply]:
        return [Reply(text=f"draw {d}") for d in range(call.draw, call.draw + min(call.n, 2))]

    async with Bench(tmp_path / "j.db") as bench:
        model = bench.model(at_most_two).at("s", "t")
        assert [r.text for r in await model.sample("x", 5)] == [f"draw {i}" for i in range(5)]
        assert [c.draw for c in bench.journal.records.calls()] == [0, 1, 2, 3, 4]


async def test_an_endpoint_that_brings_more_than_n_is_cut_short(tmp_path: Path) -> None:
    async def generous(call: WireCall) -> list[Reply]:
        return [Reply(text=f"draw {call.draw + i}") for i in range(4)]

    async with Bench(tmp_path / "j.db") as bench:
        model = bench.model(generous).at("s", "t")
        assert [r.text for r in await model.sample("x", 2)] == ["draw 0", "draw 1"]
        assert (await model.chat("x")).text == "draw 2"


@pytest.mark.parametrize("n", [True, False])
async def test_only_the_draws_that_the_journal_lacks_are_asked_for(n: bool, tmp_path: Path) -> None:
    def fails_on_odd(call: Call) -> str:
        if call.draw % 2:
            raise Rejected("odd")
        return by_draw(call)

    first = Scripted(fails_on_odd, features=Features(n=False))
    async with Bench(tmp_path / "j.db") as bench:
        with pytest.raises(Rejected, match="odd"):
            await bench.model(first).at("s", "t").sample("x", 6)
        kept = [call.draw for call in bench.journal.records.calls()]
    assert kept == [0, 2, 4]  # what came before the error was raised, and after it, is kept

    second = Scripted(by_draw, features=Features(n=n))
    async with Bench(tmp_path / "j.db") as bench:
        replies = await bench.model(second).at("s", "t").sample("x", 7)
        assert [reply.text for reply in replies] == [f"draw {i}" for i in range(7)]
        assert {c.draw for wire in second.calls for c in wire.calls} == {1, 3, 5, 6}
        assert bench.tally.replayed == 3


async def test_a_longer_sample_continues_a_shorter_one(tmp_path: Path) -> None:
    for n, sent in ((3, [(0, 3)]), (5, [(3, 2)]), (2, [])):
        provider = Scripted(by_draw)
        async with Bench(tmp_path / "j.db") as bench:
            replies = await bench.model(provider).at("s", "t").sample("x", n)
            assert [reply.text for reply in replies] == [f"draw {i}" for i in range(n)]
        assert draws(provider) == sent


async def test_tokens_and_cost_of_several_draws_stand_once(tmp_path: Path) -> None:
    async with Bench(tmp_path / "j.db") as bench:
        await bench.model(Scripted(lambda call: "a b")).at("s", "t").sample("x y z", 4)
        (total,) = bench.journal.records.totals()
        assert (total.sent, total.tokens_in, total.tokens_out) == (1, 3, 8)
        assert (bench.tally.tokens_in, bench.tally.tokens_out) == (3, 8)


async def test_a_replay_is_the_reply_in_all_its_parts(tmp_path: Path) -> None:
    reply = Reply(
        text="x", reasoning="why", stop="length", refusal="no", logprobs=(), model="m-2025",
        usage=Usage(tokens_in=1, tokens_out=2, cached=1, reasoning=1),
    )  # fmt: skip
    for script in ([reply], []):
        async with Bench(tmp_path / "j.db") as bench:
            assert await bench.model(Scripted(script)).at("s", "t").chat("x") == reply


async def test_retries_are_one_call_of_the_journal(tmp_path: Path) -> None:
    provider = Scripted([Unavailable("?", 0.0, answered=True), "good"])
    async with Bench(tmp_path / "j.db") as bench:
        assert await bench.model(provider).at("s", "t").ask("x") == "good"
        assert len(provider.calls) == 2
        assert len(list(bench.journal.records.calls())) == bench.tally.sent == 1


async def test_identical_questions_asked_at_once_are_different_draws(tmp_path: Path) -> None:
    async def late(call: Call) -> str:
        for _ in range(5 - call.draw):
            await asyncio.sleep(0)
        return by_draw(call)

    for _ in range(2):
        async with Bench(tmp_path / "j.db") as bench:
            model = bench.model(Scripted(late)).at("s", "t")
            assert await gather(model.ask("x") for _ in range(5)) == [f"draw {i}" for i in range(5)]


async def test_roles_steps_and_tasks_have_their_own_draws(tmp_path: Path) -> None:
    def says(call: Call) -> str:
        return f"{call.step} {call.task} {call.role} {call.draw} {asked(call)}"

    async with Bench(tmp_path / "j.db") as bench:
        model = bench.model(Scripted(says))
        pro, con = model.at("s", "t", "pro"), model.at("s", "t", "con")
        assert await pro.ask("x") == "s t pro 0 x"
        assert await con.ask("x") == "s t con 0 x"
        assert await pro.ask("x") == "s t pro 1 x"
        assert await model.at("s", "u", "pro").ask("x") == "s u pro 0 x"
        assert await model.at("r", "t", "pro").ask("x") == "r t pro 0 x"
