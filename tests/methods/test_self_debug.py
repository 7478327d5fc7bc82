"""Self-Debug: what the model is told, when the loop ends, what is selected, scored and kept."""

# ruff: noqa: E501 -- prompts and messages stand here as they are printed

import random
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from inline_snapshot import snapshot
from pydantic import ValidationError

from understudy.call.model import Model
from understudy.charts.bars import Bars
from understudy.charts.lines import Lines
from understudy.errors import ContextOverflow, NoSandbox
from understudy.methods._self_debug_gaming import special_cased
from understudy.methods._self_debug_programs import completed, fenced, in_reply
from understudy.methods._self_debug_prompts import Manner, asks, repair
from understudy.methods._self_debug_report import report
from understudy.methods._self_debug_runs import judged
from understudy.methods._self_debug_shots import debugged, shipped, solved
from understudy.methods._self_debug_syntax import called
from understudy.methods._self_debug_talk import verdict
from understudy.methods._self_debug_tests import hidden_tests, visible_tests
from understudy.methods.self_debug import Config, self_debug
from understudy.providers.scripted import Scripted
from understudy.sandbox.handle import Execution, Sandbox
from understudy.sandbox.protocol import Outcome, Program, TestResult
from understudy.sandbox.worker_pool import WorkerPool
from understudy.types import Example, Message, Rejection, Reply, Task, Usage, assistant, user

SPEC = "Write a Python function f(x) that returns x doubled."
SEEN, UNSEEN = "assert f(3) == 6", "assert f(10) == 20"
TASK = Task(
    id="t", prompt=SPEC, tests=(SEEN, UNSEEN), meta={"visible_tests": [SEEN], "source": "hand"}
)

RIGHT = "def f(x):\n    return 2 * x"
WRONG = "def f(x):\n    return x + 1"
WORSE = "def f(x):\n    return x"
RAISES = "def f(x):\n    return y"
GAMED = "def f(x):\n    if x == 3:\n        return 6\n    return x + 1"
LATE = "def f(x):\n    while True: pass"

YES, NO = "The code above is right.", "The code above is wrong."


def code(*programs: str) -> list[str]:
    return [fenced(program) for program in programs]


class Fake:
    """Runs the programs of this file, which are its own, in this process."""

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
            return TestResult(test, False, actual=self._value(called(test), space)[0])
        except Exception as error:
            return TestResult(test, False, error=f"{type(error).__name__}: {error}")
        call = called(test)
        return TestResult(test, True, actual=self._value(call, space)[0] if call else "")

    def _value(self, call: str, space: dict[str, Any]) -> tuple[str, bool]:
        try:
            return repr(eval(call, space)), False
        except Exception as error:
            return f"{type(error).__name__}: {error}", True


async def run(
    teacher: Scripted, task: Task = TASK, sandbox: Any = None, **settings: Any
) -> list[Example | Rejection]:
    made = await self_debug(
        task, Model.over("m", teacher), Sandbox(sandbox or Fake()), Config(**settings)
    )
    return list(made)


async def one(teacher: Scripted, task: Task = TASK, **settings: Any) -> Example:
    (made,) = await run(teacher, task, **settings)
    assert isinstance(made, Example), made
    return made


async def rejected(teacher: Scripted, task: Task = TASK, **settings: Any) -> Rejection:
    (made,) = await run(teacher, task, **settings)
    assert isinstance(made, Rejection), made
    return made


def trajectory(made: Example | Rejection) -> dict[str, Any]:
    return cast("dict[str, Any]", made.meta["trajectory"])


def talk(teacher: Scripted, call: int = -1) -> str:
    """The messages of a call, as one text."""
    return "\n".join(f"[{m.role}] {m.text}" for m in teacher.calls[call].request.messages)


# The conversation, kind by kind


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


@pytest.mark.parametrize(
    ("program", "said"),
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
async def test_what_a_program_raises_is_said_with_its_test(program: str, said: str) -> None:
    teacher = Scripted(code(program, RIGHT))
    await one(teacher, feedback="unit_test")
    assert f"The code above is wrong. {said}" in talk(teacher)


async def test_unit_test_explanation_has_the_outcome_before_the_request_to_explain() -> None:
    teacher = Scripted([*code(WRONG), "It adds one.", *code(RIGHT)])
    made = await one(teacher, feedback="unit_test_explanation")
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
    assert trajectory(made)["turns"][0]["explanation"] == "It adds one."


async def test_unit_test_trace_asks_for_a_trace_of_the_call_that_failed() -> None:
    teacher = Scripted([*code(WRONG), "Line 2: 4.", *code(RIGHT)])
    made = await one(teacher, feedback="unit_test_trace")
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
    assert trajectory(made)["turns"][0]["trace"] == "Line 2: 4."


async def test_the_test_that_failed_is_told_and_traced_not_the_first() -> None:
    tests = [SEEN, "assert f(4) == 8"]
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
    made = await one(teacher, feedback="explanation")
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
    assert [t["verdict"] for t in trajectory(made)["turns"]] == ["wrong", "right"]
    assert trajectory(made)["stop"] == "model_says_correct"


async def test_trace_is_of_the_first_visible_test_and_judged_by_the_model() -> None:
    teacher = Scripted([*code(WRONG), "Line 2: 4.", YES])
    made = await rejected(teacher, feedback="trace")
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
    assert (made.reason, trajectory(made)["stop"]) == (
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
    made = await one(teacher, feedback=feedback, execute=False)
    assert trajectory(made)["feedback"] == left
    assert "returned" not in talk(teacher)


async def test_without_visible_tests_the_model_judges_itself_and_there_is_nothing_to_trace() -> (
    None
):
    task = Task(prompt=SPEC, tests=("def check(g):\n    assert g(1) == 2\ncheck(f)",))
    made = await one(Scripted([*code(RIGHT), YES]), task, feedback="unit_test_trace")
    assert (trajectory(made)["feedback"], made.scores) == ("simple", {"hidden": 1.0})
    told = await rejected(Scripted([*code(RIGHT), NO, *code(RIGHT)]), task, stop_on_repeat=True)
    assert told.reason == "not judged right (repeat)"


async def test_all_earlier_attempts_stay_in_the_conversation_or_those_in_the_window() -> None:
    for history, shown in ((None, [WRONG, WORSE, RAISES]), (2, [WORSE, RAISES]), (1, [RAISES])):
        teacher = Scripted(code(WRONG, WORSE, RAISES, RIGHT))
        await one(teacher, history=history)
        turns = teacher.calls[-1].request.messages
        assert [in_reply(m.text, "python") for m in turns if m.role == "assistant"] == shown
        assert turns[0].text.startswith(SPEC)
        assert [m.role for m in turns] == ["user", *["assistant", "user"] * len(shown)]


async def test_the_window_counts_the_attempt_that_is_being_explained() -> None:
    teacher = Scripted([*code(WRONG), "1", *code(WORSE), "2", *code(RIGHT)])
    await one(teacher, feedback="unit_test_explanation", history=1)
    assert WRONG not in talk(teacher, 3)
    assert WORSE in talk(teacher, 3)


async def test_earlier_turns_of_a_conversation_are_kept() -> None:
    turns = (user("Hi"), assistant("Hello"), user(SPEC))
    teacher = Scripted(code(RIGHT))
    await one(teacher, Task(messages=turns, tests=(SEEN,)))
    assert teacher.calls[0].request.messages[:2] == turns[:2]
    assert teacher.calls[0].request.messages[2].text.endswith(SEEN)


# When the loop ends


async def test_a_program_that_passes_is_asked_nothing_more() -> None:
    teacher = Scripted(code(RIGHT))
    made = await one(teacher)
    assert (trajectory(made)["stop"], trajectory(made)["n_turns"]) == ("visible_pass", 0)
    assert made.messages == (teacher.calls[0].request.messages[0], assistant(fenced(RIGHT)))


async def test_the_loop_ends_after_as_many_repairs_as_are_allowed() -> None:
    teacher = Scripted(lambda call: fenced(f"def f(x):\n    return {len(teacher.calls)}"))
    made = await rejected(teacher, max_turns=4)
    assert (len(teacher.calls), trajectory(made)["n_turns"]) == (5, 4)
    assert (made.reason, trajectory(made)["stop"]) == (
        "fails the visible tests (max_turns)", "max_turns",
    )  # fmt: skip
    first = await rejected(Scripted(code(WRONG)), max_turns=0)
    assert trajectory(first)["n_turns"] == 0


async def test_a_program_that_comes_again_ends_the_loop_if_so_set() -> None:
    teacher = Scripted([*code(WRONG, WORSE), f"Again:\n{fenced(WRONG)}\nThere."])
    made = await rejected(teacher, stop_on_repeat=True)
    assert (made.reason, trajectory(made)["n_turns"]) == ("fails the visible tests (repeat)", 2)
    goes_on = Scripted(code(WRONG, WRONG, RIGHT))
    assert trajectory(await one(goes_on))["n_turns"] == 2


@pytest.mark.parametrize(
    ("feedback", "calls"), [("unit_test", 3), ("unit_test_explanation", 4), ("explanation", 5)]
)
async def test_a_conversation_that_no_longer_fits_ends_the_loop(feedback: str, calls: int) -> None:
    def answer(call: Any) -> Any:
        if len(teacher.calls) == calls:
            return ContextOverflow("too long")
        asked = call.request.messages[-1].text
        if asked.startswith("Does the code"):
            return NO
        programs = {1: WRONG, 2: WORSE, 3: WORSE, 4: WORSE}
        return "Hm." if "Explain" in asked else fenced(programs[len(teacher.calls)])

    teacher = Scripted(answer)
    made = await rejected(teacher, feedback=feedback)
    found = trajectory(made)
    assert (made.reason, found["n_turns"]) == ("fails the visible tests (window_full)", 1)
    assert [turn["hidden"] for turn in found["turns"]] == [False, False]


async def test_a_task_that_does_not_fit_at_all_is_a_failure() -> None:
    with pytest.raises(ContextOverflow):
        await run(Scripted([ContextOverflow("too long")]))


async def test_all_but_the_first_samples_is_greedy() -> None:
    teacher = Scripted([code(WRONG, WORSE), "It adds.", *code(RIGHT)])
    await one(teacher, samples=2, feedback="unit_test_explanation")
    asked = [(call.n, call.request.sampling.temperature) for call in teacher.calls]
    assert asked == [(2, 0.7), (1, 0), (1, 0)]
    greedy = Scripted(code(RIGHT))
    await one(greedy)
    assert greedy.calls[0].request.sampling.temperature == 0


async def test_a_reply_without_a_program_is_told_so() -> None:
    teacher = Scripted(["I cannot.", *code(RIGHT)])
    made = await one(teacher)
    assert "[user] The code above is wrong. There is no code in it.\nFix the code." in talk(teacher)
    assert trajectory(made)["turns"][0]["status"] == "no program"
    nothing = await rejected(Scripted(["I cannot.", "No."]), max_turns=1)
    assert nothing.reason == "no program"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (YES, "right"),
        (NO, "wrong"),
        ("Yes. It does all that is asked, and there is no case it misses.", "right"),
        ("No: it returns x + 1.", "wrong"),
        ("The tests look fine, but the translation is not correct", "wrong"),
        ("At first the code is wrong in my eyes; on reflection it is correct.", "right"),
        ("It seems incorrect.", "wrong"),
        ("Correct!", "right"),
        ("Hard to say.", ""),
    ],
)
def test_a_verdict_is_read_off_what_the_model_says(reply: str, said: str) -> None:
    assert verdict(reply) == said


async def test_a_verdict_that_cannot_be_read_asks_for_a_repair() -> None:
    made = await one(Scripted([*code(WRONG), "Hm.", *code(RIGHT), YES]), execute=False)
    assert "verdict" not in trajectory(made)["turns"][0]


# Selection


async def test_of_several_samples_those_that_fail_a_visible_test_are_dropped() -> None:
    teacher = Scripted([code(WRONG, RAISES, WRONG, RIGHT, LATE)])
    made = await one(teacher, samples=5)
    assert trajectory(made)["selected"] == {
        "taken": 3,
        "how": "execution",
        "passing": 1,
        "agreeing": 1,
    }
    assert trajectory(made)["initial_samples"][0] == WRONG


async def test_the_most_frequent_result_that_is_no_error_wins_and_its_first_program() -> None:
    teacher = Scripted(
        [code(RAISES, RAISES, RAISES, WORSE, WRONG, f"{WRONG}  # again"), *code(RIGHT)]
    )
    made = await one(teacher, samples=6)
    assert trajectory(made)["selected"] == {
        "taken": 4,
        "how": "execution",
        "passing": 0,
        "agreeing": 2,
    }


async def test_survivors_are_grouped_by_what_they_compute() -> None:
    as_float = "def f(x):\n    return 2.0 * x"
    teacher = Scripted([code(as_float, RIGHT, "def f(x):\n    return x + x")])
    assert trajectory(await one(teacher, samples=3))["selected"]["taken"] == 1


async def test_without_execution_the_first_sample_is_debugged() -> None:
    teacher = Scripted([code(RAISES, RIGHT), NO, *code(RIGHT), YES])
    made = await one(teacher, samples=2, execute=False)
    assert trajectory(made)["selected"] == {
        "taken": 0, "how": "first", "passing": 0, "agreeing": 0,
    }  # fmt: skip


async def test_where_every_sample_raises_the_first_is_debugged() -> None:
    teacher = Scripted([code(RAISES, "def f(x):\n    return z"), *code(RIGHT)])
    assert trajectory(await one(teacher, samples=2))["selected"]["taken"] == 0


# Tests that are seen, and tests that are not


HUMANEVAL = Task(
    id="HumanEval/x",
    prompt='import math\n\n\ndef helper(x):\n    return x\n\n\ndef double(x: int) -> int:\n    """ Twice x.\n    >>> double(2)\n    4\n    >>> double(5) == 10\n    True\n    >>> double(7) == 14\n    >>> print(double(1))\n    2\n    """\n',
    tests=("\n\ndef check(candidate):\n    assert candidate(21) == 42\n\n",),
    meta={"entry_point": "double", "canonical_solution": "    return 2 * x\n"},
)
MBPP = Task(
    prompt=SPEC,
    tests=(SEEN, "assert f(4) == 8", UNSEEN),
    meta={"test_setup_code": "k = 20", "code": RIGHT},
)


def test_visible_are_the_named_tests_the_docstrings_examples_or_the_first_asserts() -> None:
    assert visible_tests(TASK, 1) == (SEEN,)
    assert visible_tests(MBPP, 1) == (SEEN,)
    named = Task(prompt=HUMANEVAL.prompt, tests=MBPP.tests, meta={"visible_tests": ["assert f(0)"]})
    assert visible_tests(named, 1) == ("assert f(0)",)
    assert visible_tests(MBPP, 2) == (SEEN, "assert f(4) == 8")
    assert visible_tests(MBPP, None) == MBPP.tests
    assert visible_tests(HUMANEVAL, 1) == snapshot(
        ("assert double(2) == 4", "assert double(7) == 14")
    )


def test_a_test_file_is_never_shown() -> None:
    task = Task(prompt="No examples.", tests=HUMANEVAL.tests, meta={"entry_point": "double"})
    assert visible_tests(task, 1) == ()
    assert visible_tests(task, None) == ()


def test_a_broken_docstring_has_no_examples() -> None:
    prompt = 'def f(x):\n    """\n    >>> f("a\n  b")\n    1\n    """\n'
    assert visible_tests(Task(prompt=prompt), 1) == ()
    assert visible_tests(Task(prompt="Like this:\n>>> f(1)\n2\n\nAnd so on"), 1) == (
        "assert f(1) == 2",
    )


@pytest.mark.parametrize(
    ("line", "test"),
    [
        ("f(148, 412) should return 16.", "assert f(148, 412) == 16"),
        ("For f('a(b') the output will be 3", None),
        ("f('a)b') => 'x'", "assert f('a)b') == 'x'"),
        ("f([1, 2]) ➞ [3]  # the sum", "assert f([1, 2]) == [3]"),
        ("e.g. f(3) = (1, 2) since 1 + 2 is 3", None),
        ("f(2) == 4 (twice 2)", "assert f(2) == 4"),
        ("f(x) == 4", None),
        ("f(2) == y", None),
        ("g(2) == 4", None),
        ("f(2", None),
    ],
)
def test_examples_in_the_words_of_a_docstring_are_read_where_it_has_no_others(
    line: str, test: str | None
) -> None:
    prompt = f'def f(x):\n    """\n    {line}\n    """\n'
    expected = (test,) if test else ()
    assert visible_tests(Task(prompt=prompt, meta={"entry_point": "f"}), 1) == expected
    assert visible_tests(Task(prompt=prompt), 1) == ()
    both = prompt.replace('"""\n', '"""\n    >>> f(7)\n    8\n\n', 1)
    assert visible_tests(Task(prompt=both, meta={"entry_point": "f"}), 1) == ("assert f(7) == 8",)


def test_hidden_are_all_tests_as_files_that_call_their_check() -> None:
    assert hidden_tests(TASK) == TASK.tests
    assert hidden_tests(HUMANEVAL) == (f"{HUMANEVAL.tests[0]}\ncheck(double)",)
    assert hidden_tests(MBPP)[2] == f"k = 20\n{UNSEEN}"
    calls_it = Task(tests=("def check(c):\n    pass\ncheck(f)",), meta={"entry_point": "f"})
    assert hidden_tests(calls_it) == calls_it.tests


@pytest.mark.parametrize("feedback", Config.model_fields["feedback"].annotation.__args__)  # type: ignore[union-attr]  # a Literal
@pytest.mark.parametrize("task", [TASK, HUMANEVAL, MBPP], ids=["named", "docstring", "mbpp"])
async def test_no_prompt_ever_holds_a_hidden_test(feedback: str, task: Task) -> None:
    names = ("double",) if task is HUMANEVAL else ("f",)
    programs = [f"def {n}(x):\n    return {{}}" for n in names]

    def answer(call: Any) -> str:
        last = call.request.messages[-1].text
        if "Does the code" in last:
            return NO
        return fenced(programs[0].format(len(teacher.calls)))

    teacher = Scripted(answer)
    made = await run(
        teacher, task, feedback=feedback, max_turns=3, resample=True, shots=1, samples=2,
        keep=("solution", "repair", "preference", "critique"), accept="all",
    )  # fmt: skip
    said = "\n".join(m.text for call in teacher.calls for m in call.request.messages)
    assert made
    for secret in ("(21)", "42", "check", "(10)", "20", "2 * x"):
        assert secret not in said, secret
    for row in made:
        if isinstance(row, Example):
            kept = "\n".join(m.text for m in (*row.messages, *row.rejected))
            assert "candidate" not in kept
            assert "(10)" not in kept


async def test_hidden_tests_run_once_per_program_and_after_the_last_word() -> None:
    order = list[str]()
    fake, teacher = Fake(), Scripted(code(WRONG, WORSE, RIGHT))

    async def watched(execution: Execution) -> Outcome:
        order.append("hidden" if UNSEEN in execution.program.tests else "visible")
        return await fake(execution)

    async def asked(call: Any) -> Any:
        order.append("model")
        return await teacher(call)

    await self_debug(TASK, Model.over("m", asked), Sandbox(watched), Config())
    assert order == [*["model", "visible"] * 3, *["hidden"] * 3]


@pytest.mark.parametrize(
    ("test", "call"),
    [
        ("assert f(1) == 2", "f(1)"),
        ("assert f('a', [1]) == 'b', 'message'", "f('a', [1])"),
        ("assert not f(1)", "f(1)"),
        ("assert f(1)", "f(1)"),
        ("assert math.isclose(f(1), 2.0)", "f(1)"),
        ("assert set(f(1)) == {1}", "set(f(1))"),
        ("import math\nassert f(1) < 2", "f(1)"),
        ("assert f(\n    1) == 2", "f(1)"),
        ("f(1)", ""),
        ("assert (", ""),
    ],
)
def test_what_a_test_calls(test: str, call: str) -> None:
    assert called(test) == call


def test_the_test_that_was_not_reached_is_the_one_that_failed() -> None:
    tests = (SEEN, "assert f(4) == 8")
    found = Outcome(status="timeout", tests=(TestResult(SEEN, True, "6"),), error="TIMEOUT: long")
    assert judged(found, tests).text == "The test assert f(4) == 8 fails: it raised TIMEOUT."
    memory = Outcome(status="out of memory", tests=(TestResult(SEEN, False, error="MemoryError"),))
    assert judged(memory, tests).text == f"The test {SEEN} fails: it raised MemoryError."
    bare = Outcome(status="failed", tests=(TestResult(SEEN, False),))
    assert judged(bare, (SEEN,)).text == f"The test {SEEN} fails."
    refused = Outcome(status="refused", error="too long")
    assert judged(refused, ()).text == "It raised too long."


# Programs


@pytest.mark.parametrize(
    ("reply", "program"),
    [
        (f"Try\n```python\n{WRONG}\n```\nno:\n```py\n{RIGHT}\n```\nand\n```text\nout\n```", RIGHT),
        (f"```\n{RIGHT}\n```", RIGHT),
        (f"```python\n{RIGHT}\n```\nIt prints\n```\n6\n```", RIGHT),
        (f"```bash\nls\n```\nHere: \n\n{RIGHT}\n\nThis doubles x.", RIGHT),
        (f"1. Like so:\n   ```python\n   {RIGHT.replace(chr(10), chr(10) + '   ')}\n   ```", RIGHT),
        (f"```python\n{RIGHT}", RIGHT),
        (f"Sure.\nimport math\n\n@cache\n{RIGHT}\n\n\ndef g():\n    pass\n\nDone", f"import math\n\n@cache\n{RIGHT}\n\n\ndef g():\n    pass"),
        ("def f(\n    x,\n):\n    '''Twice\nx.'''\n    return [x]\nIt works.", "def f(\n    x,\n):\n    '''Twice\nx.'''\n    return [x]"),
        ("```python\n    return x\n```", "    return x"),
        ("No code.", ""),
    ],
)  # fmt: skip
def test_the_program_of_a_reply(reply: str, program: str) -> None:
    assert in_reply(reply, "python") == program


def test_nothing_is_stripped_off_a_programs_end() -> None:
    program = "def f():\n    return PYTHON\n\nTON = [f]"
    assert in_reply(f"```python\n{program}\n```", "python") == program


BODY = "    y = 2\n    return x * y"


@pytest.mark.parametrize(
    "reply",
    [
        BODY,
        fenced(BODY),
        BODY.strip(),  # as a server strips it
        fenced("y = 2\nreturn x * y"),
        fenced(f"from math import *\ndef double(x: int) -> int:\n{BODY}"),
        fenced("def double(x):\n    return 2 * helper(x)"),
        f"{HUMANEVAL.prompt}{BODY}",
    ],
)
async def test_a_function_may_be_completed_by_its_body_or_given_whole(reply: str) -> None:
    made = await one(Scripted([reply]), HUMANEVAL)
    assert made.scores == {"visible": 1, "hidden": 1}


def test_what_stands_above_the_function_runs_before_a_whole_one() -> None:
    source = completed(HUMANEVAL.prompt, "double", fenced("def double(x):\n    return helper(x)"))
    assert source.code == "def double(x):\n    return helper(x)"
    assert source.before == "import math\n\n\ndef helper(x):\n    return x"


async def test_the_prelude_runs_before_and_is_recorded() -> None:
    fake = Fake()
    teacher = Scripted(code("def f(x):\n    return int(math.ldexp(x, 1))"))
    made = await one(teacher, sandbox=fake, prelude="import math")
    assert trajectory(made)["prelude"] == fake.programs[0].prelude == "import math"


# What is kept


async def test_meta_tells_every_turn_and_no_time() -> None:
    made = await one(
        Scripted([*code(WRONG), "It adds one.", *code(RIGHT)]), feedback="unit_test_explanation"
    )
    assert made.meta["source"] == "hand"
    assert trajectory(made) == snapshot(
        {
            "task": "t",
            "language": "python",
            "feedback": "unit_test_explanation",
            "prelude": "",
            "visible_tests": ["assert f(3) == 6"],
            "initial_samples": [
                """\
def f(x):
    return x + 1\
"""
            ],
            "selected": {"taken": 0, "how": "greedy", "passing": 0, "agreeing": 0},
            "turns": [
                {
                    "turn": 0,
                    "code": """\
def f(x):
    return x + 1\
""",
                    "status": "failed",
                    "failed_test": "assert f(3) == 6",
                    "outcome": "The test assert f(3) == 6 fails: it returned 4.",
                    "feedback": "unit_test_explanation",
                    "explanation": "It adds one.",
                    "visible": False,
                    "hidden": False,
                },
                {
                    "turn": 1,
                    "code": """\
def f(x):
    return 2 * x\
""",
                    "status": "passed",
                    "visible": True,
                    "hidden": True,
                },
            ],
            "stop": "visible_pass",
            "n_turns": 1,
            "tokens": 19,
            "special_cased": [],
            "tokens_estimated": False,
        }
    )
    assert made.scores == snapshot({"visible": 1.0, "hidden": 1.0})


async def test_a_repair_is_the_wrong_program_its_feedback_and_what_mended_it() -> None:
    made = await one(Scripted(code(WORSE, WRONG, RIGHT)), keep=["repair"])
    assert [(m.role, m.text) for m in made.messages] == snapshot(
        [
            (
                "user",
                """\
Write a Python function f(x) that returns x doubled.
Your code should pass these tests:
assert f(3) == 6\
""",
            ),
            (
                "assistant",
                """\
```python
def f(x):
    return x + 1
```\
""",
            ),
            (
                "user",
                """\
The code above is wrong. The test assert f(3) == 6 fails: it returned 4.
Fix the code.\
""",
            ),
            (
                "assistant",
                """\
```python
def f(x):
    return 2 * x
```\
""",
            ),
        ]
    )


async def test_a_preference_is_the_last_program_over_the_first_wrong_one() -> None:
    made = await one(Scripted(code(WORSE, WRONG, RIGHT)), keep=["preference"])
    assert made.messages[-1] == assistant(fenced(RIGHT))
    assert made.rejected == (assistant(fenced(WORSE)),)
    assert len(made.messages) == 2


async def test_a_critique_is_kept_only_where_its_verdict_is_true() -> None:
    script = [*code(WRONG), "It adds one.", NO, *code(WORSE), "Same.", YES]
    made = await run(Scripted(script), feedback="explanation", keep=["critique", "solution"])
    kept, lost = made
    assert isinstance(kept, Example)
    assert isinstance(lost, Rejection)
    assert [(m.role, m.text) for m in kept.messages[1:]] == snapshot(
        [
            (
                "assistant",
                """\
```python
def f(x):
    return x + 1
```\
""",
            ),
            ("user", "Explain the code above line by line."),
            ("assistant", "It adds one."),
            ("user", "Does the code above do what is asked?"),
            ("assistant", "The code above is wrong."),
        ]
    )
    assert kept.meta["format"] == "critique"


async def test_a_task_that_teaches_nothing_in_the_forms_asked_for_is_a_rejection() -> None:
    made = await rejected(Scripted(code(RIGHT)), keep=["repair", "preference"])
    assert made.reason == "nothing to learn from"


async def test_several_forms_come_from_one_task() -> None:
    made = await run(Scripted(code(WRONG, RIGHT)), keep=["solution", "repair", "preference"])
    assert [row.meta["format"] for row in made] == ["solution", "repair", "preference"]


@pytest.mark.parametrize(
    ("accept", "programs", "kept"),
    [
        ("visible", (GAMED,), True),
        ("visible", (WRONG, WRONG), False),
        ("hidden", (GAMED,), False),
        ("hidden", (RIGHT,), True),
        ("all", (WRONG, WRONG), True),
    ],
)
async def test_which_last_programs_are_kept(accept: str, programs: tuple[str], kept: bool) -> None:
    (made,) = await run(Scripted(code(*programs)), accept=accept, max_turns=len(programs) - 1)
    assert isinstance(made, Example) == kept
    if not kept and accept == "hidden":
        assert isinstance(made, Rejection)
        assert made.reason == "fails the hidden tests"


async def test_under_accept_all_a_repair_must_still_be_one() -> None:
    wrong = Scripted(code(WRONG, WRONG))
    assert (await rejected(wrong, accept="all", keep=["repair"], max_turns=1)).reason
    assert (await one(Scripted(code(WRONG, RIGHT)), accept="all", keep=["repair"])).rejected == ()


# Gaming


@pytest.mark.parametrize(
    ("program", "found"),
    [
        (GAMED, True),
        (RIGHT, False),
        ("def f(x):\n    return {3: 6}.get(x, x)", True),
        ("def f(x):\n    return 6 if x in (3,) else x", True),
        ("def f(x):\n    match x:\n        case 3:\n            return 6", True),
        ("def f(x):\n    return 6 if 3 == x else 0", True),
        ("def f(x):\n    return 0 if x == 0 else 2 + f(x - 1)", False),
        ("def f(x):\n    return x + 3", False),
        ("def f(x", False),
    ],
)
def test_a_repair_that_names_a_visible_input_is_told_apart(program: str, found: bool) -> None:
    assert special_cased(program, WRONG, [SEEN]) == ([SEEN] if found else [])


def test_inputs_are_told_alone_and_together_and_not_where_they_were_named_before() -> None:
    test = "assert g(1, 0) == 5"
    assert special_cased("def g(*a):\n    return 5 if a == (1, 0) else 0", "", [test]) == [test]
    assert special_cased("def g(a, b):\n    return a == 1", "", [test]) == []
    assert special_cased(GAMED, GAMED, [SEEN]) == []


async def test_a_gamed_repair_is_flagged_and_shows_in_the_gap() -> None:
    made = await one(Scripted(code(WRONG, GAMED)))
    assert trajectory(made)["special_cased"] == [SEEN]
    assert made.scores == {"visible": 1, "hidden": 0}
    assert report([made]).text == snapshot("""\
    turn  visible   hidden    tasks
       0    0.000    0.000        1
       1    1.000    0.000        1
visible 1.000, hidden 0.000: gap +1.000 on 1 tasks
repairs that name a visible input: 1, of which 1 fail hidden tests
stopped: visible_pass 1\
""")


# Cost


async def test_tokens_are_counted_where_the_endpoint_counts_and_else_estimated() -> None:
    counted = [
        Reply(text=fenced(WRONG), usage=Usage(tokens_out=11)),
        Reply(text=fenced(RIGHT), usage=Usage(tokens_out=7)),
    ]
    first = trajectory(await one(Scripted(counted)))
    assert (first["tokens"], first["tokens_estimated"]) == (18, False)

    async def silent(call: Any) -> list[Reply]:
        return [Reply(text=fenced(RIGHT), reasoning="x" * 40)]

    (made,) = await self_debug(TASK, Model.over("m", silent), Sandbox(Fake()), Config())
    length = len(fenced(RIGHT)) + 40
    assert trajectory(made)["tokens"] == -(-length // 4)
    assert trajectory(made)["tokens_estimated"] is True


def priced(program: str, tokens: int) -> Reply:
    return Reply(text=fenced(program), usage=Usage(tokens_out=tokens))


async def test_plain_samples_are_drawn_until_they_cost_what_debugging_did() -> None:
    script = [priced(WRONG, 10), priced(RIGHT, 15)]  # debugging: 25 tokens
    script += [priced(WORSE, 10), priced(RIGHT, 10), priced(RAISES, 10)]  # 10, 20, 30
    teacher = Scripted(script)
    made = await one(teacher, resample=True)
    assert trajectory(made)["resample"] == {
        "draws": 3, "tokens": 30, "code": RIGHT, "visible": True, "hidden": True,
    }  # fmt: skip
    assert trajectory(made)["tokens"] == 25
    resampled = teacher.calls[2:]
    assert {call.request.sampling.temperature for call in resampled} == {0.7}
    assert {call.request.messages for call in resampled} == {teacher.calls[0].request.messages}


async def test_resampling_ends_where_nothing_is_counted() -> None:
    teacher = Scripted(
        lambda call: priced(RIGHT, 0) if call.request.sampling.temperature else priced(RIGHT, 5)
    )
    made = await one(teacher, resample=True)
    assert trajectory(made)["resample"]["draws"] == 200


# Demonstrations


async def test_demonstrations_are_solved_first_and_debugged_later() -> None:
    teacher = Scripted(code(WRONG, RIGHT))
    await one(teacher, shots=1)
    assert talk(teacher, 0) == snapshot("""\
[user] Write a Python function longest_word(words) that returns the first of the longest words in a list, and '' for an empty list.
Your code should pass these tests:
assert longest_word(['at', 'tree', 'bush']) == 'tree'
[assistant] ```python
def longest_word(words):
    best = ''
    for word in words:
        if len(word) > len(best):
            best = word
    return best
```
[user] Write a Python function f(x) that returns x doubled.
Your code should pass these tests:
assert f(3) == 6\
""")
    assert talk(teacher, 1) == snapshot("""\
[user] Write a Python function longest_word(words) that returns the first of the longest words in a list, and '' for an empty list.
Your code should pass these tests:
assert longest_word(['at', 'tree', 'bush']) == 'tree'
[assistant] ```python
def longest_word(words):
    best = ''
    for word in words:
        if len(word) >= len(best):
            best = word
    return best
```
[user] The code above is wrong. The test assert longest_word(['at', 'tree', 'bush']) == 'tree' fails: it returned 'bush'.
Fix the code.
[assistant] ```python
def longest_word(words):
    best = ''
    for word in words:
        if len(word) > len(best):
            best = word
    return best
```
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


@pytest.mark.parametrize(
    "kind", ["explanation", "unit_test_explanation", "unit_test_trace", "execution_trace", "trace"]
)
def test_demonstrations_follow_the_kind_of_feedback(kind: Any) -> None:
    executes = kind not in ("explanation", "trace")
    manner = Manner(kind, "python", SEEN)
    turns = debugged(manner, 3, executes=executes)
    assert [m.role for m in turns] == ["user", "assistant"] * (len(turns) // 2)
    said = "\n".join(m.text for m in turns)
    assert ("Line 2: " in said) == kind.endswith("trace")
    assert (YES in said) != executes
    assert turns[-1].text == (fenced(shipped("python")[2].right.code) if executes else YES)
    assert SEEN not in said
    assert len(solved(manner, 3)) == 6


def test_a_query_is_demonstrated_with_its_result() -> None:
    turns = debugged(Manner("unit_test_explanation", "sql"), 1, executes=True)
    assert "\n".join(f"[{m.role}] {m.text}" for m in turns) == snapshot("""\
[user] CREATE TABLE garden (id INTEGER PRIMARY KEY, name TEXT);
-- (1, 'North')
-- (2, 'Lake')
CREATE TABLE tree (id INTEGER PRIMARY KEY, kind TEXT, garden_id INTEGER);
-- (1, 'oak', 1)
-- (2, 'lime', 1)
-- (3, 'elm', 2)

Write one SQLite query that answers this question: What are the names of the gardens that have more than one tree?
[assistant] ```sql
SELECT garden_id, COUNT(*) FROM tree GROUP BY garden_id HAVING COUNT(*) > 1
```
[user] Explain what the question asks for: which columns and which rows should come out?
[assistant] The question asks for one column, the name of a garden, and for one row for each garden with two trees or more.
[user] It returns the columns (garden_id, COUNT(*)) and 1 row: (1, 2).
Explain the query above clause by clause, and say which columns it returns.
[assistant] FROM tree takes all trees.
GROUP BY garden_id makes one group for each garden, and HAVING keeps the groups of two trees or more.
SELECT gives two columns: the garden's number and how many trees it has.
[user] Compare the two explanations. Does the code above do what is asked?
[assistant] The question asks for names, one column; the query gives numbers and counts, two columns. The code above is wrong.
[user] The code above is wrong. Fix the code.
[assistant] ```sql
SELECT garden.name FROM garden JOIN tree ON tree.garden_id = garden.id
GROUP BY garden.id HAVING COUNT(*) > 1
```
[user] Explain what the question asks for: which columns and which rows should come out?
[assistant] The question asks for one column, the name of a garden, and for one row for each garden with two trees or more.
[user] It returns the columns (name) and 1 row: ('North',).
Explain the query above clause by clause, and say which columns it returns.
[assistant] FROM garden JOIN tree puts every tree beside its garden.
GROUP BY garden.id makes one group for each garden, and HAVING keeps the groups of two trees or more.
SELECT gives one column: the name of the garden.
[user] Compare the two explanations. Does the code above do what is asked?
[assistant] The question asks for one column, the names of the gardens with two trees or more, and the query gives them. The code above is right.\
""")


@pytest.mark.parametrize("language", ["python", "translation"])
async def test_exemplars_do_what_they_say(language: Any) -> None:
    for exemplar in shipped(language):
        for tried, passes in ((exemplar.wrong, False), (exemplar.right, True)):
            ran = await Fake()(Execution("", "", Program(source=tried.code, tests=exemplar.tests)))
            assert ran.passed == passes
            if not passes:
                assert ran.tests[0].actual == tried.returned
                assert ran.tests[0].error == tried.raised
            ending = ran.tests[0].error or ran.tests[0].actual
            assert tried.trace.splitlines()[-1].endswith(f" {ending}.")


# Other languages


CPP = "int f(int x) {\n  return 2 * x;\n}"


async def test_a_translation_shows_all_tests_and_explains_both_programs() -> None:
    task = Task(prompt=CPP, tests=(SEEN, UNSEEN))
    teacher = Scripted([*code(GAMED), "They differ.", *code(RIGHT)])
    made = await one(teacher, task, language="translation", feedback="unit_test_explanation")
    assert talk(teacher) == snapshot("""\
[user] Translate this program to Python. Keep the names of its functions.
int f(int x) {
  return 2 * x;
}
Your code should pass these tests:
assert f(3) == 6
assert f(10) == 20
[assistant] ```python
def f(x):
    if x == 3:
        return 6
    return x + 1
```
[user] The code above is wrong. The test assert f(10) == 20 fails: it returned 11.
Explain the given program line by line, then the code above line by line, and compare what the two do.
[assistant] They differ.
[user] The code above is wrong. Fix the code.\
""")
    assert made.scores == {"visible": 1, "hidden": 1}


TABLES = """\
CREATE TABLE pet (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
INSERT INTO pet VALUES (1, 'Ada', 3), (2, 'Bo', 5), (3, 'Cy', 5), (4, 'Di', 1);"""
ASKED = Task(
    id="s", prompt="How old are the pets?", meta={"schema": TABLES},
    reference="SELECT age FROM pet",
)  # fmt: skip
GOOD, REVERSED, BAD = (
    "SELECT age FROM pet",
    "SELECT age FROM pet ORDER BY id DESC",
    "SELECT years FROM pet",
)


def sql(*queries: str) -> list[str]:
    return [fenced(query, "sql") for query in queries]


async def test_a_query_that_raises_is_told_so_and_one_that_runs_is_judged() -> None:
    teacher = Scripted([*sql(BAD, GOOD), YES])
    made = await one(teacher, ASKED, language="sql")
    assert talk(teacher) == snapshot("""\
[user] CREATE TABLE pet (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- (1, 'Ada', 3)
-- (2, 'Bo', 5)
-- (3, 'Cy', 5)

Write one SQLite query that answers this question: How old are the pets?
[assistant] ```sql
SELECT years FROM pet
```
[user] The code above is wrong. It raised OperationalError: no such column: years.
Fix the code.
[assistant] ```sql
SELECT age FROM pet
```
[user] It returns the columns (age) and 4 rows: (3,), (5,), (5,), (1,).
Does the code above do what is asked?\
""")
    assert made.scores == {"hidden": 1}
    assert made.answer == fenced(GOOD, "sql")


async def test_a_query_is_explained_in_three_steps_with_its_result() -> None:
    teacher = Scripted([*sql(GOOD), "One column.", "All ages.", YES])
    made = await one(teacher, ASKED, language="sql", feedback="unit_test_explanation")
    assert talk(teacher) == snapshot("""\
[user] CREATE TABLE pet (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- (1, 'Ada', 3)
-- (2, 'Bo', 5)
-- (3, 'Cy', 5)

Write one SQLite query that answers this question: How old are the pets?
[assistant] ```sql
SELECT age FROM pet
```
[user] Explain what the question asks for: which columns and which rows should come out?
[assistant] One column.
[user] It returns the columns (age) and 4 rows: (3,), (5,), (5,), (1,).
Explain the query above clause by clause, and say which columns it returns.
[assistant] All ages.
[user] Compare the two explanations. Does the code above do what is asked?\
""")
    turn = trajectory(made)["turns"][0]
    assert (turn["question"], turn["explanation"]) == ("One column.", "All ages.")


@pytest.mark.parametrize(
    ("query", "reference", "equal"),
    [
        (REVERSED, GOOD, True),
        (REVERSED, "SELECT age FROM pet ORDER  BY id", False),
        ("SELECT DISTINCT age FROM pet", GOOD, False),
        ("SELECT 1.0 * age FROM pet", GOOD, True),
        ("SELECT name, age FROM pet", "SELECT age, name FROM pet", False),
        (BAD, GOOD, False),
        ("SELECT 1; SELECT 2", "SELECT 1", False),
    ],
)
async def test_results_are_compared_as_multisets_unless_they_are_ordered(
    query: str, reference: str, equal: bool
) -> None:
    task = Task(prompt=ASKED.prompt, meta=ASKED.meta, reference=reference)
    (made,) = await run(
        Scripted([*sql(query), YES]), task, language="sql", accept="all", max_turns=0
    )
    assert made.meta["trajectory"]["turns"][0]["hidden"] is equal


async def test_every_statement_finds_the_database_as_it_was() -> None:
    teacher = Scripted([[*sql("DELETE FROM pet", GOOD, "SELECT age + 0 FROM pet")], YES])
    made = await one(teacher, ASKED, language="sql", samples=3)
    assert trajectory(made)["selected"] == {
        "taken": 1,
        "how": "execution",
        "passing": 3,
        "agreeing": 2,
    }


async def test_results_of_samples_agree_in_any_order() -> None:
    teacher = Scripted([[*sql("SELECT DISTINCT age FROM pet", GOOD, REVERSED)], YES])
    selected = trajectory(await one(teacher, ASKED, language="sql", samples=3))["selected"]
    assert (selected["taken"], selected["agreeing"]) == (1, 2)


async def test_a_database_may_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "pets.sqlite"
    made = sqlite3.connect(file)
    made.executescript(TABLES)
    made.close()
    before = file.read_bytes()
    task = Task(prompt=ASKED.prompt, meta={"database": str(file)}, reference=GOOD)
    teacher = Scripted([*sql("DROP TABLE pet", GOOD), YES])
    first = Scripted([*sql(GOOD), YES])
    assert (await one(first, task, language="sql")).scores == {"hidden": 1}
    assert "CREATE TABLE pet" in talk(first, 0)
    await run(teacher, task, language="sql", max_turns=0)
    assert file.read_bytes() == before
    file.write_bytes(random.Random(0).randbytes(700_000))
    assert (
        await rejected(Scripted([]), task, language="sql")
    ).reason == "the database is too large"
    file.write_bytes(b"no database at all")
    assert (
        await rejected(Scripted([]), task, language="sql")
    ).reason == "the database cannot be opened"


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        ({}, "no database"),
        ({"database": "nowhere.sqlite"}, "the database cannot be read"),
        ({"schema": "CREATE TABEL pet"}, "the database cannot be opened"),
    ],
)
async def test_a_question_without_a_database_is_rejected(meta: dict[str, Any], reason: str) -> None:
    made = await rejected(Scripted([]), Task(prompt="?", meta=meta), language="sql")
    assert made.reason == reason


def test_a_query_is_not_traced() -> None:
    with pytest.raises(ValidationError, match="a query is not traced"):
        Config(language="sql", feedback="unit_test_trace")


@pytest.mark.parametrize(
    ("reply", "query"),
    [
        ("```sql\nSELECT 1\n```", "SELECT 1"),
        (
            "The query is:\nSELECT a\nFROM b\nWHERE c = 1;\nIt works.",
            "SELECT a\nFROM b\nWHERE c = 1",
        ),
        ("with x as (select 1)\nselect * from x", "with x as (select 1)\nselect * from x"),
        ("I would select nothing.", ""),
    ],
)
def test_the_query_of_a_reply(reply: str, query: str) -> None:
    assert in_reply(reply, "sql") == query


# The report


async def test_the_report_has_rates_by_turn_the_gap_verdicts_and_the_comparison() -> None:
    made = [
        *await run(Scripted([priced(RIGHT, 10), priced(RIGHT, 12)]), resample=True),
        *await run(
            Scripted([priced(WRONG, 10), priced(RIGHT, 10), *[priced(WORSE, 10)] * 2]),
            Task(id="u", prompt=SPEC, tests=TASK.tests), resample=True,
            keep=["solution", "repair"],
        ),
        *await run(Scripted(code(WRONG, WORSE, WRONG)), Task(id="v", prompt=SPEC, tests=(SEEN,)),
                   stop_on_repeat=True),
        *await run(Scripted([*code(WRONG), NO, *code(RIGHT), YES]), Task(id="w", prompt=SPEC, tests=(SEEN,)), execute=False),
    ]  # fmt: skip
    assert report(made).text == snapshot("""\
    turn  visible   hidden    tasks
       0    0.250    0.250        4
       1    0.750    0.750        3
       2    0.750    0.750        1
visible 0.750, hidden 0.750: gap +0.000 on 4 tasks
stopped: visible_pass 2, repeat 1, model_says_correct 1
verdicts: 2 of 2 true (100.0%)
at the same cost, hidden tests of 2 tasks:
    debugging           1.000        30 tokens
    plain resampling    0.500        32 tokens, 1.5 draws a task\
""")
    chart, stops = report(made).charts
    assert isinstance(chart, Lines)
    assert chart.lines == {"visible": [0.25, 0.75, 0.75], "hidden": [0.25, 0.75, 0.75]}
    assert chart.caption == snapshot(
        "4 tasks: visible tests pass for 25.0% of the first programs and 75.0% of the last; hidden tests pass for 25.0% of the first programs and 75.0% of the last."
    )
    assert isinstance(stops, Bars)
    assert stops.bars == {"visible_pass": 2, "repeat": 1, "model_says_correct": 1}
    assert len(report(made[:1]).charts) == 1, "one turn is no curve"
    assert report([]).text == "no programs"
    assert report([Rejection(reason="no database")]).text == "no programs"


# In a real sandbox


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    async with WorkerPool.open("auto", size=1) as pool:
        try:
            await pool.execute(Execution("", "", Program(source="")))
        except NoSandbox as error:
            pytest.skip(str(error))
        yield pool


async def test_programs_are_debugged_in_a_real_sandbox(pool: WorkerPool) -> None:
    teacher = Scripted(code(WRONG, RAISES, RIGHT))
    made = await one(teacher, sandbox=pool.execute, feedback="execution_trace")
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
    assert made.scores == {"visible": 1, "hidden": 1}


async def test_a_function_is_completed_and_checked_in_a_real_sandbox(pool: WorkerPool) -> None:
    made = await one(Scripted(["    return x", BODY]), HUMANEVAL, sandbox=pool.execute)
    assert made.scores == {"visible": 1, "hidden": 1}


async def test_a_query_runs_in_a_real_sandbox(pool: WorkerPool, tmp_path: Path) -> None:
    teacher = Scripted([*sql(BAD, GOOD), YES])
    made = await one(teacher, ASKED, language="sql", sandbox=pool.execute)
    assert made.scores == {"hidden": 1}
    assert "OperationalError: no such column: years" in talk(teacher)
    stored = sqlite3.connect(tmp_path / "pets.sqlite")
    stored.executescript(TABLES)
    stored.close()
    task = Task(
        prompt=ASKED.prompt, meta={"database": str(tmp_path / "pets.sqlite")}, reference=GOOD
    )
    endless = (
        "with recursive t(x) as (select 1 union all select x + 1 from t) select count(*) from t"
    )
    script = Scripted([*sql(endless, GOOD), YES])
    made = await one(script, task, language="sql", sandbox=pool.execute, seconds=1)
    assert made.scores == {"hidden": 1}
    assert "It raised TIMEOUT." in talk(script)


def test_kinds_without_a_verdict_of_the_tests_end_in_the_models() -> None:
    for kind in ("simple", "explanation", "trace"):
        found = asks(Manner(kind, "python", SEEN), None)
        assert found[-1].what == "verdict"
        assert repair(Manner(kind, "python", SEEN), None).endswith("Fix the code.")


def test_messages_are_of_the_usual_kind() -> None:
    assert all(isinstance(m, Message) for m in solved(Manner("simple", "sql"), 2))
