"""What users write must infer. Never run, only type-checked."""

from collections.abc import AsyncIterator, Sequence
from random import Random
from typing import Any, assert_type

from pydantic import BaseModel, Field

from understudy import (
    Example,
    Message,
    Model,
    Rejection,
    Reply,
    Sampling,
    Scripted,
    Settings,
    Task,
    Verdict,
    gather,
    method,
    open_run,
    rule,
    run,
    run_async,
)
from understudy.filters import length
from understudy.methods import self_consistency
from understudy.runs.attempt import Summary


class Config(Settings):
    rounds: int = 3
    """How often."""
    share: float = Field(default=0.5, ge=0, le=1)
    """How much."""


class Person(BaseModel):
    name: str


@method(paper="arXiv:0000.00000")
async def refine(
    task: Task, teacher: Model, critic: Model, rng: Random, config: Config
) -> Example | Rejection:
    assert_type(await teacher.ask("x"), str)
    assert_type(await teacher.chat([Message("user", "x")], Sampling(temperature=0.5)), Reply)
    assert_type(await teacher.sample(task.prompt, 4), list[Reply])
    assert_type(await teacher.parse("x", Person), Person)
    assert_type(await teacher.parse("x", {"type": "object"}), Any)
    assert_type(await critic.choose("x", ["A", "B"]), dict[str, float])
    assert_type(await gather(critic.ask(str(i)) for i in range(config.rounds)), list[str])
    assert_type(await gather([teacher.chat("x"), critic.chat("y")]), list[Reply])
    if rng.random() < 0.5:
        return Rejection(reason="chance", score=0.5)
    return task.example("answer", rounds=config.rounds)


@method(paper="arXiv:0000.00000")
async def grow(tasks: Sequence[Task], teacher: Model, config: Config) -> AsyncIterator[Example]:
    for task in tasks:
        yield task.example(await teacher.ask(task.prompt))


@rule
def short(example: Example, config: Config) -> Verdict:
    return Verdict(len(example.answer) < config.rounds, "too long", len(example.answer))


@rule
async def judged(example: Example, judge: Model) -> Verdict:
    return Verdict(keep=await judge.ask(example.answer) == "yes")


async def untouched() -> None:
    """The decorators hand functions back as they are."""
    model = Model.over("m", Scripted(["x"]))
    task = Task(prompt="x")
    assert_type(await refine(task, model, model, Random(0), Config()), Example | Rejection)
    assert_type(short(task.example("x"), Config()), Verdict)
    async for example in grow([task], model, Config()):
        assert_type(example, Example)


async def shipped() -> None:
    """Settings have defaults that type checkers know of."""
    model = Model.over("m", Scripted(["x"]))
    config = self_consistency.Config(samples=3, vote="verifier")
    made = await self_consistency.self_consistency(Task(prompt="x"), model, model, config)
    assert_type(made, Example | Rejection | list[Example])
    assert_type(length.length(Example(messages=()), length.Config()), Verdict)


async def runs() -> None:
    assert_type(run(seeds="x.jsonl", steps=["length"]), Summary)
    summary = await run_async(seeds=[{"prompt": "x"}], steps=[{"length": {}}])
    assert_type(summary, Summary)
    for example in open_run(summary.out).examples():
        assert_type(example.messages, tuple[Message, ...])
        assert_type(example.scores, dict[str, float])


def script(call: Any) -> str:
    return "x"


SCRIPTS = [Scripted(script), Scripted(["a", ["b", "c"], Reply(text="d"), ValueError("e")])]
