"""The conversation, kind by kind of feedback, and what the model may see of it."""

from typing import Any

import pytest
from debug_bench import (
    GAMED,
    NO,
    RAISES,
    RIGHT,
    SPEC,
    TASK,
    VISIBLE,
    WORSE,
    WRONG,
    YES,
    Fake,
    code,
    one,
    rejected,
    talk,
    trajectory,
)
from inline_snapshot import snapshot

from understudy.methods._shared.programs import read_program
from understudy.methods.self_debug.feedback import FeedbackStyle, build_questions, build_repair
from understudy.methods.self_debug.languages.python import PYTHON
from understudy.methods.self_debug.prompts import Prompts
from understudy.providers.scripted import Scripted
from understudy.types import Task, assistant, user


async def test_the_task_comes_with_its_visible_tests_only() -> None:
    teacher = Scripted(code(RIGHT))
    await one(teacher)
    assert talk(teacher) == snapshot("""\
[user] Write a Python function f(x) that returns x doubled.
Your code should pass these tests:
assert f(3) == 6\
""")


async def test_simple_says_that_it_is_wrong_and_no_more() -> None:
    teacher = Scripted(code(WRONG, RIGHT))
    await one(teacher, feedback="simple")
    assert talk(teacher) == snapshot("""\
[user] Write a Python function f(x) that returns x doubled.
Your code should pass these tests:
assert f(3) == 6
[assistant] ```python
def f(x):
    return x + 1
```
[user] The code above is wrong. Fix the code.\
""")


async def test_unit_test_says_what_the_test_returned() -> None:
    teacher = Scripted(code(WRONG, RIGHT))
    await one(teacher, feedback="unit_test")
    assert talk(teacher) == snapshot("""\
[user] Write a Python function f(x) that returns x doubled.
Your code should pass these tests:
assert f(3) == 6
[assistant] ```python
def f(x):
    return x + 1
```
[user] The code above is wrong. The test assert f(3) == 6 fails: it returned 4.
Fix the code.\
""")


async def test_unit_test_explanation_has_the_outcome_before_the_request_to_explain() -> None:
    teacher = Scripted([*code(WRONG), "It adds one.", *code(RIGHT)])
    example = await one(teacher, feedback="unit_test_explanation")
    assert talk(teacher) == snapshot("""\
[user] Write a Python function f(x) that returns x doubled.
Your code should pass these tests:
assert f(3) == 6
[assistant] ```python
def f(x):
    return x + 1
```
[user] The code above is wrong. The test assert f(3) == 6 fails: it returned 4.
Explain the code above line by line.
[assistant] It adds one.
[user] The code above is wrong. Fix the code.\
""")
    assert trajectory(example)["turns"][0]["explanation"] == "It adds one."


async def test_unit_test_trace_asks_for_a_trace_of_the_call_that_failed() -> None:
    teacher = Scripted([*code(WRONG), "Line 2: 4.", *code(RIGHT)])
    example = await one(teacher, feedback="unit_test_trace")
    assert talk(teacher) == snapshot("""\
[user] Write a Python function f(x) that returns x doubled.
Your code should pass these tests:
assert f(3) == 6
[assistant] ```python
def f(x):
    return x + 1
```
[user] The code above is wrong. The test assert f(3) == 6 fails: it returned 4.
Trace the code above line by line for f(3).
[assistant] Line 2: 4.
[user] The code above is wrong. Fix the code.\
""")
    assert trajectory(example)["turns"][0]["trace"] == "Line 2: 4."


async def test_the_test_that_failed_is_told_and_traced_not_the_first() -> None:
    tests = [VISIBLE, "assert f(4) == 8"]
    teacher = Scripted([*code(GAMED), "Line 2: 5.", *code(RIGHT)])
    task = Task(prompt=SPEC, tests=TASK.tests, meta={"visible_tests": tests})
    await one(teacher, task, feedback="unit_test_trace")
    assert "The test assert f(4) == 8 fails: it returned 5." in talk(teacher)
    assert "Trace the code above line by line for f(4)." in talk(teacher)


async def test_execution_trace_shows_what_the_sandbox_saw() -> None:
    teacher, fake = Scripted(code(WRONG, RIGHT)), Fake()
    await one(teacher, sandbox=fake, feedback="execution_trace")
    assert talk(teacher) == snapshot("""\
[user] Write a Python function f(x) that returns x doubled.
Your code should pass these tests:
assert f(3) == 6
[assistant] ```python
def f(x):
    return x + 1
```
[user] The code above is wrong. The test assert f(3) == 6 fails: it returned 4.
Trace:
Line 2: (a trace of f(3))
Fix the code.\
""")
    assert [p.trace for p in fake.programs if p.trace] == ["f(3)"]


async def test_explanation_is_judged_by_the_model_and_never_executed_in_the_loop() -> None:
    teacher = Scripted([*code(WRONG), "It adds one.", NO, *code(RIGHT), "It doubles.", YES])
    example = await one(teacher, feedback="explanation")
    assert talk(teacher) == snapshot("""\
[user] Write a Python function f(x) that returns x doubled.
Your code should pass these tests:
assert f(3) == 6
[assistant] ```python
def f(x):
    return x + 1
```
[user] Explain the code above line by line.
[assistant] It adds one.
[user] Does the code above do what is asked?
[assistant] The code above is wrong.
[user] The code above is wrong. Fix the code.
[assistant] ```python
def f(x):
    return 2 * x
```
[user] Explain the code above line by line.
[assistant] It doubles.
[user] Does the code above do what is asked?\
""")
    assert [t["verdict"] for t in trajectory(example)["turns"]] == ["wrong", "right"]
    assert trajectory(example)["stop"] == "model_says_correct"


async def test_trace_is_of_the_first_visible_test_and_judged_by_the_model() -> None:
    teacher = Scripted([*code(WRONG), "Line 2: 4.", YES])
    rejection = await rejected(teacher, feedback="trace")
    assert talk(teacher) == snapshot("""\
[user] Write a Python function f(x) that returns x doubled.
Your code should pass these tests:
assert f(3) == 6
[assistant] ```python
def f(x):
    return x + 1
```
[user] Trace the code above line by line for f(3).
[assistant] Line 2: 4.
[user] Does the code above do what is asked?\
""")
    assert (rejection.reason, trajectory(rejection)["stop"]) == (
        "fails the visible tests (model_says_correct)", "model_says_correct",
    )  # fmt: skip


async def test_simple_without_execution_asks_the_model_for_the_verdict() -> None:
    teacher, fake = Scripted([*code(WRONG), NO, *code(RIGHT), YES]), Fake()
    await one(teacher, sandbox=fake, feedback="simple", execute=False)
    assert talk(teacher) == snapshot("""\
[user] Write a Python function f(x) that returns x doubled.
Your code should pass these tests:
assert f(3) == 6
[assistant] ```python
def f(x):
    return x + 1
```
[user] Does the code above do what is asked?
[assistant] The code above is wrong.
[user] The code above is wrong. Fix the code.
[assistant] ```python
def f(x):
    return 2 * x
```
[user] Does the code above do what is asked?\
""")


@pytest.mark.parametrize(
    ("feedback", "left"),
    [
        ("unit_test", "simple"),
        ("unit_test_explanation", "explanation"),
        ("unit_test_trace", "trace"),
        ("execution_trace", "simple"),
    ],
)
async def test_without_execution_a_kind_loses_what_needs_it(feedback: str, left: str) -> None:
    teacher = Scripted([*code(RIGHT), YES, YES])
    example = await one(teacher, feedback=feedback, execute=False)
    assert trajectory(example)["feedback"] == left
    assert "returned" not in talk(teacher)


async def test_without_visible_tests_the_model_judges_itself_and_there_is_nothing_to_trace() -> (
    None
):
    task = Task(prompt=SPEC, tests=("def check(g):\n    assert g(1) == 2\ncheck(f)",))
    example = await one(Scripted([*code(RIGHT), YES]), task, feedback="unit_test_trace")
    assert (trajectory(example)["feedback"], example.scores) == ("simple", {"hidden": 1.0})
    rejection = await rejected(
        Scripted([*code(RIGHT), NO, *code(RIGHT)]), task, stop_on_repeat=True
    )
    assert rejection.reason == "not judged right (repeat)"


async def test_all_earlier_attempts_stay_in_the_conversation_or_those_in_the_window() -> None:
    for history, programs in ((None, [WRONG, WORSE, RAISES]), (2, [WORSE, RAISES]), (1, [RAISES])):
        teacher = Scripted(code(WRONG, WORSE, RAISES, RIGHT))
        await one(teacher, history=history)
        turns = teacher.calls[-1].request.messages
        assert [read_program(m.text) for m in turns if m.role == "assistant"] == programs
        assert turns[0].text.startswith(SPEC)
        assert [m.role for m in turns] == ["user", *["assistant", "user"] * len(programs)]


async def test_the_window_counts_the_attempt_that_is_being_explained() -> None:
    teacher = Scripted([*code(WRONG), "1", *code(WORSE), "2", *code(RIGHT)])
    await one(teacher, feedback="unit_test_explanation", history=1)
    assert WRONG not in talk(teacher, 3)
    assert WORSE in talk(teacher, 3)


async def test_earlier_turns_of_a_conversation_are_kept() -> None:
    turns = (user("Hi"), assistant("Hello"), user(SPEC))
    teacher = Scripted(code(RIGHT))
    await one(teacher, Task(messages=turns, tests=(VISIBLE,)))
    assert teacher.calls[0].request.messages[:2] == turns[:2]
    assert teacher.calls[0].request.messages[2].text.endswith(VISIBLE)


@pytest.mark.parametrize("kind", ["simple", "explanation", "trace"])
def test_kinds_without_a_verdict_of_the_tests_ask_the_model_for_one_last(kind: Any) -> None:
    style = FeedbackStyle(kind, PYTHON, Prompts.load(), executes=False, example=VISIBLE)
    assert build_questions(style, None)[-1].topic == "verdict"
    assert build_repair(style, None).endswith("Fix the code.")
