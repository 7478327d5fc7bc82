"""A task as Self-Debug sees it, and what its programs do in the sandbox."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from understudy.call.model import gather
from understudy.handles.sandbox import Sandbox
from understudy.methods import _self_debug_programs as programs
from understudy.methods import _self_debug_sql as sql
from understudy.methods._self_debug_prompts import (
    CODE_BROKEN,
    CODE_FAILED,
    CODE_RAISED,
    CODE_RETURNED,
    NO_CODE,
    UNEXECUTED,
    Kind,
    Language,
    Manner,
    Seen,
    queried,
    stated,
)
from understudy.methods._self_debug_syntax import called
from understudy.methods._self_debug_tests import hidden_tests, visible_tests, with_setup
from understudy.sandbox.protocol import Outcome, Program
from understudy.types import Message, Task, user


@dataclass(frozen=True)
class Problem:
    """A task, its tests taken apart, and how it is to be debugged."""

    task: Task
    sandbox: Sandbox
    conversation: tuple[Message, ...]
    """What the model is given, visible tests included."""
    manner: Manner
    executes: bool
    """Whether the loop is told what execution shows."""
    visible: tuple[str, ...]
    hidden: tuple[str, ...]
    prelude: str
    seconds: float
    harness: str = ""
    """Of a task in SQL."""

    def program(self, reply: str) -> programs.Source:
        """The program of a reply."""
        entry = self.task.meta.get("entry_point")
        if self.manner.language == "python" and programs.is_head(self.task.question, entry):
            return programs.completed(self.task.question, entry, reply)
        language = "sql" if self.manner.language == "sql" else "python"
        return programs.Source(programs.in_reply(reply, language))


async def posed(
    task: Task, sandbox: Sandbox, feedback: Kind, language: Language, *,
    execute: bool, visible: int, prelude: str, seconds: float,
) -> Problem:  # fmt: skip
    """The task as a problem.

    Raises:
        ValueError: it has no database that its query could be run on.
    """
    shown = () if language == "sql" else visible_tests(
        task, None if language == "translation" else visible
    )  # fmt: skip
    executes = execute and feedback not in ("explanation", "trace")
    executes = executes and (language == "sql" or bool(shown))
    kind = feedback if executes else UNEXECUTED.get(feedback, feedback)
    if kind == "trace" and not shown:
        kind = "simple"
    harness, first = "", stated(task.question.strip(), shown, language)
    if language == "sql":
        harness = sql.database(task)
        first = queried(task.question.strip(), await sql.described(harness, sandbox, seconds))
    return Problem(
        task, sandbox, (*task.messages[:-1], user(first, *task.images)),
        Manner(kind, language, shown[0] if shown else ""), executes, shown, hidden_tests(task),
        prelude, seconds, harness,
    )  # fmt: skip


async def see(problem: Problem, source: programs.Source) -> Seen:
    """What running the program against the visible tests shows."""
    if not source.code.strip():
        return Seen("no program", False, NO_CODE, next(iter(problem.visible), ""))
    if problem.manner.language == "sql":
        run = sql.program(problem.harness, [sql.asked(source.code)], problem.seconds)
        return sql.seen(await problem.sandbox.run(run), source.code)
    run = _program(problem, source, [with_setup(problem.task, test) for test in problem.visible])
    return judged(await problem.sandbox.run(run), problem.visible)


async def traced(problem: Problem, source: programs.Source, seen: Seen) -> Seen:
    """What was seen, with the trace of the call in the test that failed."""
    call = called(seen.test)
    if not call or not source.code.strip():
        return seen
    outcome = await problem.sandbox.run(_program(problem, source, (), trace=call))
    return seen._replace(trace=outcome.trace)


def judged(outcome: Outcome, tests: Sequence[str]) -> Seen:
    """What an outcome says of the tests it was asked for, in their order."""
    found = outcome.tests
    result = tuple(test.actual for test in found)
    raised = len(found) < len(tests) or any(test.error for test in found)
    if outcome.passed:
        return Seen("passed", True if tests else None, result=result)
    failed = next((i for i, test in enumerate(found) if not test.passed), len(found))
    test, error = tests[failed] if failed < len(tests) else "", ""
    if outcome.status == "timeout":
        error = "TIMEOUT"
    elif failed < len(found):
        error = found[failed].error
    else:
        error = outcome.error or outcome.status.upper()
    if test and failed < len(found) and found[failed].actual and not error:
        text = CODE_RETURNED.format(test=test, actual=found[failed].actual)
    elif test and error:
        text = CODE_RAISED.format(test=test, error=error)
    else:
        text = CODE_FAILED.format(test=test) if test else CODE_BROKEN.format(error=error)
    return Seen(outcome.status, False, text, test, result=None if raised else result)


def _program(
    problem: Problem, source: programs.Source, tests: Sequence[str], trace: str = ""
) -> Program:
    before = "\n".join(part for part in (problem.prelude, source.before) if part)
    return Program(
        source=source.code, prelude=before, tests=tuple(tests), trace=trace, seconds=problem.seconds
    )


class Score(NamedTuple):
    """Whether a program passes; None where there are no such tests."""

    visible: bool | None
    hidden: bool | None


async def score(problem: Problem, source: programs.Source, seen: Seen | None) -> Score:
    """The program's worth by all tests; `seen` where the loop has run it already."""
    seen = seen or await see(problem, source)
    if not source.code.strip():
        return Score(False, False if problem.hidden or problem.task.reference else None)
    if problem.manner.language == "sql":
        if not problem.task.reference:
            return Score(seen.passed, None)
        call = sql.matched(source.code, problem.task.reference)
        outcome = await problem.sandbox.run(sql.program(problem.harness, [call], problem.seconds))
        return Score(seen.passed, outcome.values == ("True",))
    if not problem.hidden:
        return Score(seen.passed, None)
    outcome = await problem.sandbox.run(_program(problem, source, problem.hidden))
    return Score(seen.passed, outcome.passed)


class Selection(NamedTuple):
    """Which of several programs is taken, and why."""

    taken: int
    how: Literal["greedy", "first", "execution"]
    passing: int = 0
    """How many pass the visible tests."""
    agreeing: int = 0
    """How many of the eligible give the chosen one's result."""


async def select(problem: Problem, sources: Sequence[programs.Source]) -> Selection:
    """Of the programs that pass the visible tests (of all, where none does) the first of those whose
    result is the most frequent among results that are no error."""
    seen = await gather(see(problem, source) for source in sources)
    passing = [i for i, one in enumerate(seen) if one.passed is not False]
    eligible = passing or range(len(seen))
    results = [seen[i].result for i in eligible]
    counts = Counter(result for result in results if result is not None)
    if not counts:
        return Selection(eligible[0], "execution", len(passing))
    ((winner, votes),) = counts.most_common(1)
    return Selection(eligible[results.index(winner)], "execution", len(passing), votes)
