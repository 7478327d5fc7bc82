"""Self-Debug with a scripted teacher, on programs that this file knows, and short ways to run it."""

from typing import Any, cast

from understudy.call.model import Model
from understudy.handles.sandbox import Sandbox
from understudy.methods._shared.programs import fence
from understudy.methods.self_debug import Config, self_debug
from understudy.methods.self_debug.syntax import find_call
from understudy.providers.scripted import Scripted
from understudy.sandbox.protocol import Execution, Outcome, Program, TestResult
from understudy.types import Example, Rejection, Reply, Task, Usage

SPEC = "Write a Python function f(x) that returns x doubled."
VISIBLE, HIDDEN = "assert f(3) == 6", "assert f(10) == 20"
TASK = Task(
    id="t",
    prompt=SPEC,
    tests=(VISIBLE, HIDDEN),
    meta={"visible_tests": [VISIBLE], "source": "hand"},
)

RIGHT = "def f(x):\n    return 2 * x"
WRONG = "def f(x):\n    return x + 1"
WORSE = "def f(x):\n    return x"
RAISES = "def f(x):\n    return y"
GAMED = "def f(x):\n    if x == 3:\n        return 6\n    return x + 1"
LATE = "def f(x):\n    while True: pass"

YES, NO = "The code above is right.", "The code above is wrong."

HUMANEVAL = Task(
    id="HumanEval/x",
    prompt='import math\n\n\ndef helper(x):\n    return x\n\n\ndef double(x: int) -> int:\n    """ Twice x.\n    >>> double(2)\n    4\n    >>> double(5) == 10\n    True\n    >>> double(7) == 14\n    >>> print(double(1))\n    2\n    """\n',  # noqa: E501 -- as its data set has it
    tests=("\n\ndef check(candidate):\n    assert candidate(21) == 42\n\n",),
    meta={"entry_point": "double", "canonical_solution": "    return 2 * x\n"},
)
MBPP = Task(
    prompt=SPEC,
    tests=(VISIBLE, "assert f(4) == 8", HIDDEN),
    meta={"test_setup_code": "k = 20", "code": RIGHT},
)

TABLES = """\
CREATE TABLE pet (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
INSERT INTO pet VALUES (1, 'Ada', 3), (2, 'Bo', 5), (3, 'Cy', 5), (4, 'Di', 1);"""
PETS = Task(
    id="s", prompt="How old are the pets?", meta={"schema": TABLES},
    reference="SELECT age FROM pet",
)  # fmt: skip
GOOD, REVERSED, BAD = (
    "SELECT age FROM pet",
    "SELECT age FROM pet ORDER BY id DESC",
    "SELECT years FROM pet",
)


def code(*programs: str) -> list[str]:
    """Replies with these programs."""
    return [fence(program) for program in programs]


def sql(*queries: str) -> list[str]:
    """Replies with these queries."""
    return [fence(query, "sql") for query in queries]


def priced(program: str, tokens: int) -> Reply:
    """A reply that cost this many tokens."""
    return Reply(text=fence(program), usage=Usage(tokens_out=tokens))


class Fake:
    """Runs the programs of these tests, which are our own, in this process."""

    def __init__(self) -> None:
        self.programs = list[Program]()

    async def __call__(self, execution: Execution) -> Outcome:
        program = execution.program
        self.programs.append(program)
        if "while True" in program.source:
            return Outcome(status="timeout", error="TIMEOUT: it ran longer than 3 s")
        space: dict[str, Any] = {}
        try:
            exec(f"{program.prelude}\n{program.source}", space)
        except Exception as error:
            return Outcome(status="error", error=f"{type(error).__name__}: {error}")
        tests = tuple(self._test(test, space) for test in program.tests)
        values = [self._value(call, space) for call in program.calls]
        return Outcome(
            status="passed" if all(test.passed for test in tests) else "failed",
            tests=tests,
            values=tuple(value for value, _ in values),
            raised=tuple(raised for _, raised in values),
            trace=f"Line 2: (a trace of {program.trace})" if program.trace else "",
        )

    def _test(self, test: str, space: dict[str, Any]) -> TestResult:
        space = dict(space)
        try:
            exec(test, space)
        except AssertionError:
            return TestResult(test, False, actual=self._value(find_call(test), space)[0])
        except Exception as error:
            return TestResult(test, False, error=f"{type(error).__name__}: {error}")
        call = find_call(test)
        return TestResult(test, True, actual=self._value(call, space)[0] if call else "")

    def _value(self, call: str, space: dict[str, Any]) -> tuple[str, bool]:
        try:
            return repr(eval(call, space)), False
        except Exception as error:
            return f"{type(error).__name__}: {error}", True


async def run(
    teacher: Scripted, task: Task = TASK, sandbox: Any = None, **settings: Any
) -> list[Example | Rejection]:
    model, box = Model.over("m", teacher), Sandbox(sandbox or Fake())
    return list(await self_debug(task, model, box, Config(**settings)))


async def one(teacher: Scripted, task: Task = TASK, **settings: Any) -> Example:
    """The one example that comes out."""
    (row,) = await run(teacher, task, **settings)
    assert isinstance(row, Example), row
    return row


async def rejected(teacher: Scripted, task: Task = TASK, **settings: Any) -> Rejection:
    (row,) = await run(teacher, task, **settings)
    assert isinstance(row, Rejection), row
    return row


def trajectory(row: Example | Rejection) -> dict[str, Any]:
    return cast("dict[str, Any]", row.meta["trajectory"])


def talk(teacher: Scripted, call: int = -1) -> str:
    """The messages of a call, as one text."""
    return "\n".join(f"[{m.role}] {m.text}" for m in teacher.calls[call].request.messages)
