"""A task in one language: its program is run only where there is one."""

from dataclasses import replace

import pytest
from debug_bench import HUMANEVAL, PETS, RIGHT, SPEC, TASK, VISIBLE, WRONG, Fake

from understudy.handles.sandbox import Sandbox
from understudy.methods.self_debug.languages import LANGUAGES
from understudy.methods.self_debug.problem import Bench, Candidate, Observation, Problem, Score
from understudy.methods.self_debug.prompts import Prompts
from understudy.types import Task, assistant, user


async def problem(task: Task, fake: Fake, language: str = "python") -> Problem:
    bench = Bench(Sandbox(fake), Prompts.load(), visible=1, prelude="", seconds=3)
    return await LANGUAGES[language].pose(task, bench)


@pytest.mark.parametrize("empty", ["", " \n"])
async def test_a_reply_without_a_program_fails_without_being_run(empty: str) -> None:
    fake = Fake()
    posed = await problem(TASK, fake)
    none = Candidate(empty)

    observation = await posed.observe(none)

    assert observation == Observation("no program", False, Prompts.load().no_program, VISIBLE)
    assert await posed.trace(none, observation) == observation
    assert await posed.score(none, observation) == Score(False, False)
    assert fake.programs == []


@pytest.mark.parametrize(
    ("task", "hidden"),
    [(TASK, False), (Task(prompt=SPEC), None), (Task(prompt=SPEC, reference="r"), False)],
)
async def test_no_program_fails_the_hidden_tests_where_there_are_any(
    task: Task, hidden: bool | None
) -> None:
    assert await (await problem(task, Fake())).score(Candidate(""), None) == Score(False, hidden)


async def test_what_is_known_of_the_visible_tests_is_not_run_again() -> None:
    fake = Fake()
    posed = await problem(TASK, fake)
    observation = await posed.observe(Candidate(RIGHT))

    assert await posed.score(Candidate(RIGHT), observation) == Score(True, True)
    assert [program.tests for program in fake.programs] == [(VISIBLE,), TASK.tests]
    assert await posed.score(Candidate(WRONG), None) == Score(False, False)
    assert len(fake.programs) == 4


async def test_the_trace_is_of_the_test_that_failed_and_joins_what_was_observed() -> None:
    fake = Fake()
    posed = await problem(TASK, fake)
    observation = await posed.observe(Candidate(WRONG))

    traced = await posed.trace(Candidate(WRONG), observation)

    assert traced == observation._replace(trace="Line 2: (a trace of f(3))")


async def test_a_language_that_cannot_be_followed_has_no_trace() -> None:
    fake = Fake()
    posed = await problem(TASK, fake)
    posed = replace(posed, language=replace(posed.language, trace=None))
    observation = await posed.observe(Candidate(WRONG))

    assert await posed.trace(Candidate(WRONG), observation) is observation
    assert LANGUAGES["sql"].trace is None


async def test_the_model_is_told_the_statement_in_place_of_the_question() -> None:
    turns = (user("Hi"), assistant("Hello"), user(SPEC))
    posed = await problem(Task(messages=turns, tests=(VISIBLE,)), Fake())

    assert posed.conversation == (*turns[:2], user(posed.statement))
    assert posed.statement.endswith(VISIBLE)


async def test_a_reply_is_read_in_the_language_of_the_problem() -> None:
    python, head = await problem(TASK, Fake()), await problem(HUMANEVAL, Fake())
    sql = await problem(PETS, Fake(), "sql")
    reply = "```\nreturn 2 * x\n```"

    assert python.read(reply) == Candidate("return 2 * x")
    assert head.read(reply).code.startswith("import math")
    assert sql.read("```sql\nSELECT 1;\n```").code.startswith("SELECT 1")
