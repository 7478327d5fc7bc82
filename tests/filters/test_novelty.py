"""Examples unlike those kept before, decided alike however often the run is killed."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from harness import Bench, answers, defined, made, step

from understudy.call.model import Model
from understudy.filters.novelty import Config, Index, novelty
from understudy.providers.scripted import Scripted
from understudy.runs.step import BoundStep
from understudy.runs.strategies import BATCH
from understudy.types import Call, Example, Task, Verdict, assistant, system, user


def example(prompt: str, answer: str = "yes") -> Example:
    return Example(messages=(user(prompt), assistant(answer)))


def remembering(*kept: Example, config: Config | None = None) -> Index:
    index = Index(config or Config())
    for one in kept:
        index.add(one)
    return index


def test_a_prompt_that_is_too_similar_is_rejected_with_its_similarity() -> None:
    index = remembering(example("Write a poem about the sea."), example("Sort the list."))

    verdict = novelty(example("Write a short poem about the open sea."), index, Config())

    assert verdict == Verdict(False, "too similar", 0.8571428571428571)


def test_exactly_the_threshold_is_kept() -> None:
    index = remembering(example("a b c d e f g h i j"))
    new = example("a b c d e f g x y z")

    assert novelty(new, index, Config()).keep
    assert not novelty(new, index, Config(threshold=0.69)).keep


def test_the_similarity_of_what_is_kept_is_measured_only_if_asked() -> None:
    index = remembering(example("a b c d"))
    assert novelty(example("a x y z"), index, Config()) == Verdict(True)
    assert novelty(example("a x y z"), index, Config(measure=True)) == Verdict(True, "", 0.25)
    assert novelty(example("x"), index, Config(measure=True)) == Verdict(True, "", 0.0)


def test_answers_can_be_compared_instead() -> None:
    config = Config(of="answer")
    index = remembering(example("one", "a b c d"), config=config)

    assert novelty(example("one", "x y z"), index, config).keep
    assert not novelty(example("two", "a b c d"), index, config).keep


def test_all_turns_before_the_answer_are_compared() -> None:
    talk = (system("Be brief."), user("What is rain?"), assistant("Water."), user("And snow?"))
    index = remembering(Example(messages=(*talk, assistant("Ice."))))

    assert not novelty(Example(messages=talk), index, Config()).keep
    assert novelty(example("And snow?"), index, Config()).keep


def test_reference_words_see_no_other_script() -> None:
    for config, keep in ((Config(), False), (Config(words="reference"), True)):
        index = remembering(example("请写一首关于大海的诗。"), config=config)
        assert novelty(example("请写一首关于大海的诗。"), index, config).keep is keep


# As a step


TASKS = [Task(id=f"t{i}", prompt=f"question {i}") for i in range(2 * BATCH + 7)]


def slow_first(call: Call) -> str:
    return " ".join(f"w{int(call.task[1:]) // 3}{c}" for c in "abcd")


async def session(path: Path, stop_after: int | None = None) -> int:
    """Three tasks in a row have the same answer; early tasks answer last."""

    async def answer(call: Call) -> str:
        if stop_after is not None and len(provider.calls) > stop_after:
            raise Stop
        for _ in range(3 - int(call.task[1:]) % 3):
            await asyncio.sleep(0)
        return slow_first(call)

    provider = Scripted(answer)
    async with Bench(path) as bench:
        model = bench.model(provider)
        with suppress(Stop):
            await bench.run(steps(model), TASKS, concurrency=8)
    return len(provider.calls)


class Stop(BaseException):
    """Like SIGKILL, nobody catches it."""


def steps(model: Model) -> list[BoundStep]:
    return [step(defined(ask), model), step("novelty", of="answer")]


async def ask(task: Task, teacher: Model) -> Example:
    return task.example(await teacher.ask(task.prompt))


async def test_the_first_of_similar_ones_is_kept_whichever_came_first(tmp_path: Path) -> None:
    await session(tmp_path / "j.db")

    kept = made(tmp_path / "j.db", "novelty")
    assert [e.id for e in kept.examples] == [t.id for t in TASKS[::3]]
    assert len(kept.rejections) == len(TASKS) - len(TASKS[::3])


@pytest.mark.parametrize("killed_after", [0, 5, BATCH, len(TASKS) - 1])
async def test_a_killed_run_decides_as_one_that_never_was(
    tmp_path: Path, killed_after: int
) -> None:
    await session(tmp_path / "whole.db")
    await session(tmp_path / "j.db", killed_after)
    await session(tmp_path / "j.db")

    assert made(tmp_path / "j.db", "novelty") == made(tmp_path / "whole.db", "novelty")


async def test_seeds_can_be_judged_by_themselves_and_go_on_to_the_next_step(tmp_path: Path) -> None:
    provider = Scripted(lambda call: "The answer is 1.")
    seeds = [Task(id=f"s{i}", prompt=p) for i, p in enumerate(("a b c", "a b c", "x y z"))]
    for _ in range(2):
        async with Bench(tmp_path / "j.db") as bench:
            model = bench.model(provider)
            await bench.run([step("novelty"), step(defined(ask), model)], seeds)

    assert len(provider.calls) == 2
    assert len(answers(tmp_path / "j.db", "ask")) == 2


async def test_rows_decided_before_a_kill_are_remembered(tmp_path: Path) -> None:
    first = [Task(id="s0", prompt="a b c d")]
    more = [*first, Task(id="s1", prompt="a b c d"), Task(id="s2", prompt="q r s t")]
    for seeds in (first, more):
        async with Bench(tmp_path / "j.db") as bench:
            await bench.run([step("novelty")], seeds)

    assert [e.id for e in made(tmp_path / "j.db", "novelty").examples] == ["s0", "s2"]


async def test_it_stops_at_as_many_as_were_asked_for(tmp_path: Path) -> None:
    seeds = [Task(id=f"s{i}", prompt=f"w{i}") for i in range(9)]
    async with Bench(tmp_path / "j.db") as bench:
        await bench.run([step("novelty")], seeds, n=4)

    assert len(made(tmp_path / "j.db", "novelty").examples) == 4
