"""What Self-Debug says of a program, kind by kind of feedback.

A kind is some questions to the model about its program, and the message that then asks for a better
one. Real turns and demonstrations are made by the same two functions.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from understudy.prompts import fill

from .problem import Language, Observation, Problem, Question
from .prompts import Prompts
from .syntax import find_call

Kind: TypeAlias = Literal[
    "simple", "unit_test", "explanation", "unit_test_explanation", "trace", "unit_test_trace",
    "execution_trace",
]  # fmt: skip

UNEXECUTED: dict[Kind, Kind] = {
    "unit_test": "simple",
    "unit_test_explanation": "explanation",
    "unit_test_trace": "trace",
    "execution_trace": "simple",
}
"""What is left of a kind where nothing is executed."""


@dataclass(frozen=True)
class FeedbackStyle:
    """How a task's programs are talked about."""

    kind: Kind
    language: Language
    prompts: Prompts
    executes: bool
    """Whether programs are run in the loop, so that the tests give the verdict."""
    example: str = ""
    """A visible test to trace where none is known to fail."""


def choose_style(kind: Kind, problem: Problem, *, execute: bool) -> FeedbackStyle:
    """The kind of feedback, without what needs execution or a test where there is none."""
    executes = execute and kind not in ("explanation", "trace") and problem.observable
    kind = kind if executes else UNEXECUTED.get(kind, kind)
    if kind == "trace" and not problem.visible:
        kind = "simple"
    example = next(iter(problem.visible), "")
    return FeedbackStyle(kind, problem.language, problem.bench.prompts, executes, example)


def build_questions(style: FeedbackStyle, observation: Observation | None) -> list[Question]:
    """What is asked about a program; a verdict only where no test gives one."""
    kind, prompts = style.kind, style.prompts
    undecided = observation is None or observation.passed is None
    lead = ""
    if observation is not None and kind.startswith("unit_test") and observation.text:
        lead = f"{observation.text}\n" if undecided else f"{prompts.wrong} {observation.text}\n"
    questions = list[Question]()
    if kind in ("explanation", "unit_test_explanation"):
        *questions, explanation = style.language.explain(prompts)
        questions.append(Question(explanation.topic, lead + explanation.prompt))
    elif kind in ("trace", "unit_test_trace"):
        test = (observation.test if observation else "") or style.example
        trace = fill(prompts.trace, call=find_call(test) or test)
        questions.append(Question("trace", lead + trace))
    if undecided and questions:
        questions.append(style.language.judge(prompts))
    elif undecided:
        questions.append(Question("verdict", lead + prompts.verdict))
    return questions


def build_repair(style: FeedbackStyle, observation: Observation | None) -> str:
    """The message that asks for a better program."""
    prompts = style.prompts
    if observation is None or observation.passed is not False:
        return prompts.repair
    if style.kind == "execution_trace" and observation.trace:
        return fill(prompts.repair_trace, outcome=observation.text, trace=observation.trace)
    if style.kind in ("unit_test", "execution_trace"):
        return fill(prompts.repair_outcome, outcome=observation.text)
    return prompts.repair
