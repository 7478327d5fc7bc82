"""Demonstrations: our own tasks and programs, in turns made by the code that makes real ones."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from understudy.methods._shared.programs import fence
from understudy.prompts import read_yaml
from understudy.types import Message, Settings, assistant, user

from .feedback import FeedbackStyle, build_questions, build_repair
from .problem import Observation


class DemoProgram(Settings):
    """A program, and what there is to say about it."""

    code: str
    passes: bool | None = None
    """Whether its tests pass; None for a query."""
    outcome: str = ""
    """What execution shows."""
    question: str = ""
    explanation: str = ""
    trace: str = ""
    verdict: str
    """Answers, by topic."""


class Demonstration(Settings):
    """A task, a wrong program and a right one."""

    task: str
    test: str = ""
    """The visible test that the wrong program fails."""
    wrong: DemoProgram
    right: DemoProgram


def demonstrate_solving(style: FeedbackStyle, demos: Sequence[Demonstration]) -> list[Message]:
    """Tasks and their right programs: before the first program is asked for."""
    return [turn for demo in demos for turn in (user(demo.task), _show(demo.right, style))]


def demonstrate_debugging(style: FeedbackStyle, demos: Sequence[Demonstration]) -> list[Message]:
    """Tasks, a wrong program, its feedback, and the right one: before a program is debugged."""
    turns = list[Message]()
    for demo in demos:
        own = replace(style, example=demo.test)
        turns += [user(demo.task), *_debug(demo, demo.wrong, own), *_debug(demo, demo.right, own)]
    return turns


def _debug(demo: Demonstration, program: DemoProgram, style: FeedbackStyle) -> list[Message]:
    """A program with its feedback, and the request for a better one where it is wrong."""
    turns, observation = [_show(program, style)], None
    if style.executes:
        trace = program.trace.strip()
        observation = Observation("", program.passes, program.outcome, demo.test, trace)
        if program.passes:
            return turns
    answers = program.model_dump()
    for question in build_questions(style, observation):
        turns += [user(question.prompt), assistant(answers[question.topic].strip())]
    return turns if program is demo.right else [*turns, user(build_repair(style, observation))]


def _show(program: DemoProgram, style: FeedbackStyle) -> Message:
    return assistant(fence(program.code.strip(), style.language.label))


@cache
def load_demonstrations(language: str) -> tuple[Demonstration, ...]:
    """All that there are for a language, by the value of the setting."""
    demos = read_yaml(Path(__file__).with_name("demonstrations.yaml"))[language]
    return tuple(Demonstration.model_validate(demo) for demo in demos)
