"""Python: functions from a description, or the rest of a function whose head is the prompt."""

import ast
import re
from collections.abc import Sequence

from understudy.methods._shared.programs import read_program
from understudy.prompts import fill
from understudy.sandbox.protocol import Outcome, Program
from understudy.types import Task

from ..problem import Bench, Candidate, Language, Observation, Problem, Question
from ..prompts import Prompts
from ..syntax import find_call, parse
from ..tests import add_setup, hidden_tests, visible_tests


async def pose(task: Task, bench: Bench) -> Problem:
    """The description, with its visible tests."""
    tests = visible_tests(task, bench.visible)
    statement = format_task(task.question.strip(), tests, bench.prompts)
    return Problem(task, PYTHON, bench, statement, tests, observable=bool(tests))


def format_task(prompt: str, tests: Sequence[str], prompts: Prompts) -> str:
    """The task with the tests that the model sees."""
    return fill(prompts.tests, prompt=prompt, tests="\n".join(tests)) if tests else prompt


def read(task: Task, reply: str) -> Candidate:
    """The program of a reply, below its prompt where that is the head of a function."""
    prompt, entry = task.question, task.meta.get("entry_point")
    if is_head(prompt, entry):
        return complete(prompt, entry, reply)
    return Candidate(read_program(reply))


async def observe(problem: Problem, candidate: Candidate) -> Observation:
    """The first visible test that fails."""
    visible, bench = problem.visible, problem.bench
    tests = [add_setup(problem.task, test) for test in visible]
    outcome = await bench.sandbox.run(_program(bench, candidate, tests))
    return describe_outcome(outcome, visible, bench.prompts)


async def trace(problem: Problem, candidate: Candidate, test: str) -> str:
    """The sandbox's trace of what a test calls."""
    call, bench = find_call(test), problem.bench
    return (await bench.sandbox.run(_program(bench, candidate, (), call))).trace if call else ""


async def check(problem: Problem, candidate: Candidate) -> bool | None:
    """Whether all hidden tests pass."""
    tests, bench = hidden_tests(problem.task), problem.bench
    return (await bench.sandbox.run(_program(bench, candidate, tests))).passed if tests else None


PYTHON = Language(
    label="python",
    pose=pose,
    read=read,
    observe=observe,
    trace=trace,
    check=check,
    explain=lambda prompts: [Question("explanation", prompts.explain)],
    judge=lambda prompts: Question("verdict", prompts.verdict),
)


def describe_outcome(outcome: Outcome, tests: Sequence[str], prompts: Prompts) -> Observation:
    """What an outcome shows of the tests that were run, in their order."""
    if outcome.passed:
        result = tuple(test.actual for test in outcome.tests)
        return Observation("passed", True if tests else None, result=result)
    results = outcome.tests
    first = next((i for i, one in enumerate(results) if not one.passed), len(results))
    one = results[first] if first < len(results) else None
    test = tests[first] if first < len(tests) else ""
    if outcome.status == "timeout":
        error = "TIMEOUT"
    else:
        error = one.error if one else outcome.error or outcome.status.upper()
    if not test:
        text = fill(prompts.program_raised, error=error)
    elif error:
        text = fill(prompts.test_raised, test=test, error=error)
    elif one and one.actual:
        text = fill(prompts.test_returned, test=test, actual=one.actual)
    else:
        text = fill(prompts.test_failed, test=test)
    raised = len(results) < len(tests) or any(one.error for one in results)
    result = None if raised else tuple(one.actual for one in results)
    return Observation(outcome.status, False, text, test, result=result)


def _program(bench: Bench, candidate: Candidate, tests: Sequence[str], trace: str = "") -> Program:
    prelude = "\n".join(part for part in (bench.prelude, candidate.above) if part)
    return Program(
        source=candidate.code,
        prelude=prelude,
        tests=tuple(tests),
        trace=trace,
        seconds=bench.seconds,
    )


def complete(prompt: str, entry: object, reply: str) -> Candidate:
    """The program of a reply to a prompt that is itself the head of the function `entry`. The reply may
    be the whole function or only its body, with or without its indentation."""
    code = read_program(reply)
    if re.search(rf"^(async )?def {entry}\b", code, re.MULTILINE):
        return Candidate(code, above(prompt, entry))
    body = (code or reply).strip("\n")
    head = prompt if prompt.endswith("\n") else f"{prompt}\n"
    indented = "\n".join(f"    {line}" if line.strip() else line for line in body.split("\n"))
    # Chat servers strip replies, and with that the indentation of the first line.
    ways = [head + body, f"{head}    {body.lstrip()}", head + indented]
    return Candidate(next((way for way in ways if _ends_in(way, entry)), ways[0]))


def is_head(prompt: str, entry: object) -> bool:
    """Whether a prompt is the head of the function `entry`, to be completed."""
    tree = parse(prompt)
    return tree is not None and any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == entry
        for node in tree.body
    )


def above(prompt: str, entry: object) -> str:
    """The part of such a prompt before the function."""
    start = re.search(rf"^(@|(async )?def {entry}\b)", prompt, re.MULTILINE)
    return prompt[: start.start()].strip("\n") if start else ""


def _ends_in(text: str, entry: object) -> bool:
    """Whether a text is a program whose last statement is the function `entry`."""
    tree = parse(text)
    return tree is not None and getattr(tree.body[-1], "name", None) == entry
