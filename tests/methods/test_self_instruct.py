"""When Self-Instruct ends, what is in flight, and what a refusal costs."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from harness import Bench, defined, made, step
from instruct_bench import FRESH, PROMPTS, SEEDS, Teacher, numbered, prompt_of, run

from understudy.call.model import Model, Prefetch
from understudy.errors import ConfigError, Rejected, Unauthorized
from understudy.methods import method, methods
from understudy.methods.self_instruct import self_instruct
from understudy.providers.scripted import Scripted
from understudy.reports.plan import estimate
from understudy.runs.recipe import Recipe, load
from understudy.runs.resolve import resolve
from understudy.types import Call, Reply


async def test_a_request_that_is_refused_brings_nothing_and_the_others_go_on() -> None:
    teacher = Teacher(FRESH[0])
    answer = teacher.provider

    async def refuses(call: Call) -> Sequence[Reply]:
        if "Come up with a series" in prompt_of(call) and not answer.calls:
            await answer(call)
            raise Rejected("too long")
        return await answer(call)

    teacher.model = Model.over("m", refuses)
    teacher.lists.insert(0, "unseen")

    examples, rejections = await run(teacher, n=1)

    assert len(examples) == 1
    assert [r.reason for r in rejections] == ["request refused"]
    assert rejections[0].meta["error"] == "too long"


async def test_a_task_whose_instances_are_refused_is_told_apart() -> None:
    def refuses(call: Call) -> str:
        if prompt_of(call).startswith("Come up with examples"):
            raise Rejected("no such content")
        return "No" if prompt_of(call).endswith("?") else FRESH[0]

    teacher = Teacher()
    teacher.model = Model.over("m", Scripted(refuses))

    _, rejections = await run(teacher, n=1)

    assert rejections[0].reason == "request refused"
    assert rejections[0].meta["error"] == "no such content"


async def test_a_wrong_key_ends_the_run() -> None:
    def locked(call: Call) -> str:
        raise Unauthorized("no key")

    teacher = Teacher()
    teacher.model = Model.over("m", Scripted(locked))

    with pytest.raises(Unauthorized):
        await run(teacher, n=1)


async def test_it_stops_at_n_and_asks_for_no_instances_beyond() -> None:
    teacher = Teacher(numbered(*FRESH))

    examples, _ = await run(teacher, n=3)

    assert len(examples) == 3
    assert (
        len([c for c in teacher.provider.calls if prompt_of(c).startswith(PROMPTS.classify)]) == 3
    )


async def test_it_gives_up_after_batches_without_anything_new() -> None:
    teacher = Teacher(FRESH[0], "", FRESH[0], "")

    examples, rejections = await run(teacher, n=9, patience=3)

    assert len(examples) == 1
    assert [r.reason for r in rejections] == ["too similar"]
    assert len(teacher.prompts("Come up with a series")) == 4


async def test_it_gives_up_where_no_task_has_an_instance() -> None:
    teacher = Teacher(*FRESH, instances="?")

    examples, rejections = await run(teacher, n=9, patience=4)

    assert not examples
    assert len(rejections) == 4


async def test_without_seeds_there_is_nothing_to_start_from() -> None:
    teacher = Teacher(FRESH[0])
    assert await run(teacher, seeds=[]) == ([], [])
    assert not teacher.provider.calls


async def test_batches_are_under_way_at_once_and_no_more_than_are_needed() -> None:
    for n, ahead, at_first in ((1000, 4, 4), (1000, 1, 1), (3, 4, 2)):
        teacher = Teacher(labels="No")
        await run(teacher, n=n, ahead=ahead, batch=1, patience=1)
        assert len(teacher.prompts("Come up with a series")) == at_first


async def test_identical_prompts_are_different_draws() -> None:
    teacher = Teacher(FRESH[0], FRESH[1], FRESH[2])

    await run(teacher, seeds=SEEDS[:1], n=3, batch=3, shown_machine=0)

    calls = [c for c in teacher.provider.calls if "Come up with a series" in prompt_of(c)]
    assert [call.draw for call in calls[0].calls] == [0, 1, 2]
    assert len({prompt_of(call) for call in calls}) == 1


async def test_work_that_nobody_takes_is_given_up() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    ahead = Prefetch[None]()
    ahead.start(forever())
    assert len(ahead) == 1
    await ahead.close()
    assert len(ahead) == 0


async def test_it_runs_as_a_step(tmp_path: Path) -> None:
    teacher = Teacher(numbered(*FRESH[:4]))
    async with Bench(tmp_path / "j.db") as bench:
        model = bench.model(teacher.provider)
        await bench.run([step("self_instruct", model, n=3, batch=1, ahead=1)], SEEDS)

    rows = made(tmp_path / "j.db", "self_instruct").examples
    assert [e.meta["instruction"] for e in rows] == FRESH[:3]


def test_its_own_seeds_are_taken_where_a_recipe_names_none(tmp_path: Path) -> None:
    own = "builtin:self_instruct"
    assert resolve(load("self_instruct", ["n=5"])).recipe.seeds == own
    assert load("self_instruct", ["seeds=mine.jsonl"]).seeds == "mine.jsonl"
    assert resolve(Recipe.of({"steps": ["self_instruct"]})).recipe.seeds == own
    (file := tmp_path / "r.yaml").write_text("steps: [self_instruct, length]")
    assert resolve(load(str(file), [])).recipe.seeds == own


async def test_a_plan_from_a_few_seeds_is_refused() -> None:
    with pytest.raises(ConfigError, match="small n"):
        await estimate(resolve(Recipe.of({"steps": ["self_instruct"]})), 3, notice=print)


def test_a_method_may_bring_no_seeds() -> None:
    assert methods.get("self_instruct") is not None
    assert defined(self_instruct).seeds == ""
    assert callable(method(paper="arXiv:0000.00000"))
