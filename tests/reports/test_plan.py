"""What a run will cost, from a few of its seeds."""

from collections.abc import Callable
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from understudy.errors import ConfigError
from understudy.reports.plan import estimate
from understudy.runs.recipe import Recipe
from understudy.runs.resolve import ResolvedRecipe, resolve

SCRIPT = """
from understudy.errors import BudgetExhausted, Rejected

def answer(call):
    return "The answer is 1."

def stops(call):
    if call.task == "t1":
        raise BudgetExhausted("no money left")
    return "The answer is 1."

def stops_at_once(call):
    raise BudgetExhausted("no money left")
"""
PRICES = {"script.py:answer": {"input": 1_000, "output": 10_000}}


@pytest.fixture(autouse=True)
def script(own_folder: None) -> None:
    Path("script.py").write_text(SCRIPT)


def recipe(**changes: object) -> ResolvedRecipe:
    raw = Recipe.of(
        {
            "seeds": [{"id": f"t{i}", "prompt": f"{i}?"} for i in range(40)],
            "models": {"teacher": "scripted:script.py:answer"},
            "steps": [{"self_consistency": {"samples": 2, "shots": 0}}],
            "out": "out",
            "concurrency": 4,
            "prices": PRICES,
            **changes,
        }
    )
    return resolve(raw)


def stopwatch(*times: float) -> Callable[[], float]:
    return iter(times).__next__


async def plan(tasks: int = 5, *, seconds: float = 10.0, **changes: object) -> str:
    return await estimate(
        recipe(**changes), tasks, notice=print, clock=stopwatch(100, 100 + seconds)
    )


async def test_calls_tokens_cost_and_time_are_extrapolated_to_all_seeds() -> None:
    assert await plan() == snapshot("""\
5 of 40 seeds gave 5 examples, 0 rejected, 0 failed; 5 calls, cost $0.4300.
All 40: about 40 calls, 240 tokens in, 320 tokens out.
Cost: about $3.44.
Time for the rest: at least 45 s if the endpoint takes 4 tasks at once, about 70 s if no more than 4.
The run itself continues from these 5; nothing is paid twice.\
""")


async def test_a_missing_price_makes_the_cost_unknown_but_not_the_rest() -> None:
    text = await plan(prices={})
    assert "Cost: unknown; a price is missing (table of " in text
    assert "All 40: about 40 calls" in text


async def test_a_sample_that_is_all_says_nothing_about_the_time_of_the_rest() -> None:
    text = await plan(40)
    assert "40 of 40 seeds gave 40 examples" in text
    assert "Time for the rest" not in text


async def test_a_second_plan_counts_what_the_first_has_run() -> None:
    await plan(5)
    text = await plan(10)
    assert text.startswith("10 of 40 seeds gave ")
    assert "10 calls, cost" in text
    assert "All 40: about 40 calls" in text


async def test_nothing_left_to_run_says_nothing_about_time() -> None:
    await plan(5)
    assert "Time for the rest" not in await plan(5)


async def test_a_sample_that_stops_early_says_why() -> None:
    text = await plan(models={"teacher": "scripted:script.py:stops"}, concurrency=1, prices={})
    assert "Stopped early: no money left" in text


async def test_a_sample_without_a_finished_seed_extrapolates_nothing() -> None:
    text = await plan(models={"teacher": "scripted:script.py:stops_at_once"}, concurrency=1)
    assert text.startswith("0 of 40 seeds gave 0 examples")
    assert "No seed was finished, so there is nothing to extrapolate from." in text
    assert "All 40" not in text
    assert "Time for the rest" not in text


async def test_no_more_seeds_are_planned_than_the_recipe_takes() -> None:
    assert "All 10: about 10 calls" in await plan(max_seeds=10)
    assert "All 40: about 40 calls" in await plan(max_seeds=100, out="more")


async def test_a_step_over_the_pool_cannot_be_planned() -> None:
    with pytest.raises(ConfigError, match="self_instruct works over all its tasks at once"):
        await estimate(
            recipe(seeds="builtin:self_instruct", steps=[{"self_instruct": {"n": 5}}]),
            5,
            notice=print,
        )
