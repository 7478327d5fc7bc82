"""Translation: the prompt is a program in another language, to be written in Python.

Its tests can be had by running that program, so all of them are visible, as in TransCoder.
"""

from dataclasses import replace

from understudy.methods._shared.programs import read_program
from understudy.prompts import fill
from understudy.types import Task

from ..problem import Bench, Candidate, Problem, Question
from ..prompts import Prompts
from ..tests import visible_tests
from .python import PYTHON, format_task


async def pose(task: Task, bench: Bench) -> Problem:
    """The program, and all tests of its translation."""
    tests = visible_tests(task, None)
    request = fill(bench.prompts.translate, program=task.question.strip())
    statement = format_task(request, tests, bench.prompts)
    return Problem(task, TRANSLATION, bench, statement, tests, observable=bool(tests))


def read(task: Task, reply: str) -> Candidate:
    return Candidate(read_program(reply))


def explain(prompts: Prompts) -> list[Question]:
    return [Question("explanation", prompts.explain_translation)]


TRANSLATION = replace(PYTHON, pose=pose, read=read, explain=explain)
