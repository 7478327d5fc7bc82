"""Python programs: read, completed, run, described."""

# ruff: noqa: E501 -- prompts and messages stand here as they are printed

import pytest
from debug_bench import (
    HUMANEVAL,
    LATE,
    RAISES,
    RIGHT,
    VISIBLE,
    WRONG,
    Fake,
    code,
    one,
    talk,
    trajectory,
)
from inline_snapshot import snapshot

from understudy.methods._shared.programs import fence
from understudy.methods.self_debug.languages.python import complete, describe_outcome
from understudy.methods.self_debug.prompts import Prompts
from understudy.providers.scripted import Scripted
from understudy.sandbox.protocol import Outcome, TestResult
from understudy.sandbox.worker_pool import WorkerPool


@pytest.mark.parametrize(
    ("program", "outcome"),
    [
        (RAISES, "The test assert f(3) == 6 fails: it raised NameError: name 'y' is not defined."),
        (LATE, "The test assert f(3) == 6 fails: it raised TIMEOUT."),
        (
            "def f(x:",
            "The test assert f(3) == 6 fails: it raised SyntaxError: '(' was never closed",
        ),
        ("import nothing", "The test assert f(3) == 6 fails: it raised ModuleNotFoundError: No"),
    ],
)
async def test_what_a_program_raises_stands_beside_its_test(program: str, outcome: str) -> None:
    teacher = Scripted(code(program, RIGHT))
    await one(teacher, feedback="unit_test")
    assert f"The code above is wrong. {outcome}" in talk(teacher)


def test_the_test_that_was_not_reached_is_the_one_that_failed() -> None:
    def text(outcome: Outcome, *tests: str) -> str:
        return describe_outcome(outcome, tests, Prompts.load()).text

    late = Outcome(status="timeout", tests=(TestResult(VISIBLE, True, "6"),), error="TIMEOUT: long")
    second = "assert f(4) == 8"
    assert text(late, VISIBLE, second) == f"The test {second} fails: it raised TIMEOUT."
    memory = Outcome(
        status="out of memory", tests=(TestResult(VISIBLE, False, error="MemoryError"),)
    )
    assert text(memory, VISIBLE) == f"The test {VISIBLE} fails: it raised MemoryError."
    bare = Outcome(status="failed", tests=(TestResult(VISIBLE, False),))
    assert text(bare, VISIBLE) == f"The test {VISIBLE} fails."
    assert text(Outcome(status="refused", error="too long")) == "It raised too long."


BODY = "    y = 2\n    return x * y"


@pytest.mark.parametrize(
    "reply",
    [
        BODY,
        fence(BODY),
        BODY.strip(),  # as a server strips it
        fence("y = 2\nreturn x * y"),
        fence(f"from math import *\ndef double(x: int) -> int:\n{BODY}"),
        fence("def double(x):\n    return 2 * helper(x)"),
        f"{HUMANEVAL.prompt}{BODY}",
    ],
)
async def test_a_function_may_be_completed_by_its_body_or_given_whole(reply: str) -> None:
    example = await one(Scripted([reply]), HUMANEVAL)
    assert example.scores == {"visible": 1, "hidden": 1}


def test_what_stands_above_the_function_runs_before_a_whole_one() -> None:
    source = complete(HUMANEVAL.prompt, "double", fence("def double(x):\n    return helper(x)"))
    assert source.code == "def double(x):\n    return helper(x)"
    assert source.above == "import math\n\n\ndef helper(x):\n    return x"


async def test_the_prelude_runs_before_and_is_recorded() -> None:
    fake = Fake()
    teacher = Scripted(code("def f(x):\n    return int(math.ldexp(x, 1))"))
    example = await one(teacher, sandbox=fake, prelude="import math")
    assert trajectory(example)["prelude"] == fake.programs[0].prelude == "import math"


async def test_programs_are_debugged_in_a_real_sandbox(pool: WorkerPool) -> None:
    teacher = Scripted(code(WRONG, RAISES, RIGHT))
    example = await one(teacher, sandbox=pool.execute, feedback="execution_trace")
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
It returns 4.
Fix the code.
[assistant] ```python
def f(x):
    return y
```
[user] The code above is wrong. The test assert f(3) == 6 fails: it raised NameError: name 'y' is not defined.
Trace:
It raises NameError: name 'y' is not defined.
Fix the code.\
""")
    assert example.scores == {"visible": 1, "hidden": 1}


async def test_a_function_is_completed_and_checked_in_a_real_sandbox(pool: WorkerPool) -> None:
    example = await one(Scripted(["    return x", BODY]), HUMANEVAL, sandbox=pool.execute)
    assert example.scores == {"visible": 1, "hidden": 1}
