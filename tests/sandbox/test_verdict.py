"""The outcome of a program: status, values, errors, and where values were compared."""

import asyncio

import pytest

from understudy.sandbox.handle import Sandbox
from understudy.sandbox.protocol import Outcome, Program

ADD = "def f(x):\n    return x + 1"


async def run(sandbox: Sandbox, source: str, *tests: str, **fields: object) -> Outcome:
    return await sandbox.run(Program(source=source, tests=tests, **fields))  # type: ignore[arg-type]  # each test names its own


async def test_each_test_has_its_verdict_with_both_values(sandbox: Sandbox) -> None:
    outcome = await run(sandbox, ADD, "assert f(1) == 2", "assert f(2) == 4", "assert f('a') == 1")
    assert outcome.status == "failed"
    assert [(t.passed, t.actual, t.expected, t.error) for t in outcome.tests] == [
        (True, "2", "2", ""),
        (False, "3", "4", ""),
        (False, "", "1", 'TypeError: can only concatenate str (not "int") to str'),
    ]
    assert outcome.first_failure == outcome.tests[1]
    assert outcome.mode == "outside"


VALUES = [
    ("[1, 2]", "[1, 2]", True), ("[1, 2]", "(1, 2)", False), ("{1, 2}", "{2, 1}", True),
    ("{'a': [1]}", "{'a': [1]}", True), ("1", "True", True), ("1.0", "1", True),
    ("0.1 + 0.2", "0.3", False),
    ("'é\\ud800'", "'é\\ud800'", True), ("b'x'", "b'x'", True), ("None", "None", True),
    ("3j", "3j", True),
    ("10 ** 30", "1000000000000000000000000000000", True), ("float('nan')", "1.0", False),
    ("range(3)", "[0, 1, 2]", False), ("object", "1", False), ("[lambda: 1]", "[1]", False),
    ("frozenset([1])", "{1}", True), ("-0.0", "0.0", True),
]  # fmt: skip


@pytest.mark.parametrize(("gives", "wanted", "passes"), VALUES)
@pytest.mark.parametrize("apart", [False, True], ids=["outside", "apart"])
async def test_values_compare_as_they_do_in_python(
    gives: str, wanted: str, passes: bool, apart: bool, sandbox: Sandbox
) -> None:
    test = f"assert f() == {wanted}"
    outcome = await run(
        sandbox, f"def f():\n    return {gives}", f"if True:\n    {test}" if apart else test
    )
    assert outcome.mode == ("apart" if apart else "outside")
    assert outcome.passed == passes, outcome


@pytest.mark.parametrize(
    "test",
    [
        "assert abs(f(1) - 2.0000001) < 1e-3",
        "import math\nassert math.isclose(f(1), 2)",
        "assert f(1) == f(0) + 1",
        "assert not f(1) != 2",
        "for i in range(3):\n    assert f(i) == i + 1",
        "try:\n    f(None)\n    assert False\nexcept TypeError:\n    pass",
        "assert LIMIT == 7",
        "def check(candidate):\n    assert candidate(1) == 2, 'why'\ncheck(f)",
        "assert sorted([f(2), f(1)]) == [2, 3]",
        "assert f(f(0)) == 2",
    ],
)
async def test_tests_that_cannot_be_taken_apart_run_apart(test: str, sandbox: Sandbox) -> None:
    outcome = await run(sandbox, f"LIMIT = 7\n{ADD}", test)
    assert (outcome.status, outcome.mode) == ("passed", "apart"), outcome
    wrong = await run(sandbox, "LIMIT = 8\ndef f(x):\n    return 99", test)
    assert wrong.status == "failed", wrong


async def test_a_failed_assert_of_a_file_is_reported_with_both_values(sandbox: Sandbox) -> None:
    file = "def check(c):\n    assert c(1) == 2\n    assert c(5) == 7, 'five'\ncheck(f)"
    failed = (await run(sandbox, ADD, file)).first_failure
    assert failed is not None
    assert failed.test == "assert c(5) == 7, 'five'"
    assert (failed.actual, failed.expected, failed.error) == ("6", "7", "AssertionError: five")


async def test_an_expected_exception_does_not_hide_that_the_program_ended(sandbox: Sandbox) -> None:
    test = "try:\n    f(1)\nexcept Exception:\n    pass"
    outcome = await run(sandbox, "import os\ndef f(x):\n    os._exit(0)", test)
    assert outcome.status == "failed"
    assert "ended its process" in outcome.tests[0].error


async def test_what_the_program_raises_before_any_test_is_its_error(sandbox: Sandbox) -> None:
    outcome = await run(sandbox, "x = 1\ny = x +\n", "assert f(1) == 2")
    assert (outcome.status, outcome.line, outcome.tests) == ("error", 2, ())
    assert outcome.error.startswith("SyntaxError: invalid syntax")
    outcome = await run(sandbox, "def g():\n    return 1 / 0\n\ng()", "assert f(1) == 2")
    assert (outcome.status, outcome.line) == ("error", 2)
    assert outcome.error == "ZeroDivisionError: division by zero"


async def test_a_program_without_tests_passes_when_it_ends(sandbox: Sandbox) -> None:
    outcome = await run(sandbox, "if __name__ == '__main__':\n    print('hello')")
    assert (outcome.status, outcome.stdout, outcome.mode) == ("passed", "hello\n", "")
    outcome = await run(
        sandbox, f"{ADD}\nif __name__ == '__main__':\n    1 / 0", "assert f(1) == 2"
    )
    assert outcome.passed


async def test_calls_give_values_without_a_verdict(sandbox: Sandbox) -> None:
    outcome = await run(sandbox, ADD, calls=("f(1)", "f(None)", "[f(i) for i in range(3)]"))
    assert outcome.values == (
        "2",
        "TypeError: unsupported operand type(s) for +: 'NoneType' and 'int'",
        "[1, 2, 3]",
    )
    assert outcome.raised == (False, True, False)
    assert outcome.status == "passed"


async def test_the_first_tests_keep_their_verdicts_when_a_later_one_never_ends(
    sandbox: Sandbox,
) -> None:
    source = "def f(x):\n    while x:\n        pass\n    return 0"
    outcome = await run(sandbox, source, "assert f(0) == 0", "assert f(1) == 1", seconds=0.5)
    assert outcome.status == "timeout"
    assert [test.passed for test in outcome.tests] == [True]


async def test_a_trace_follows_each_assignment(sandbox: Sandbox) -> None:
    source = (
        "def f(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total"
    )
    assert (await run(sandbox, source, trace="f(3)")).trace == (
        "Line 2: total = 0\nLine 3: i = 0\nLine 3: i = 1\nLine 4: total = 1\n"
        "Line 3: i = 2\nLine 4: total = 3\nIt returns 3."
    )
    assert (await run(sandbox, source, trace="f('a')")).trace.endswith(
        "It raises TypeError: 'str' object cannot be interpreted as an integer."
    )
    endless = await run(
        sandbox, "def f():\n    while True:\n        x = 1", trace="f()", seconds=0.5
    )
    assert endless.status == "timeout"


async def test_a_prelude_comes_before_and_is_not_counted_in_lines(sandbox: Sandbox) -> None:
    source = "def f(x):\n    return math.floor(x) + y"
    outcome = await run(sandbox, source, "assert f(1.5) == 1", prelude="import math")
    assert outcome.tests[0].error == "NameError: name 'y' is not defined"
    broken = await run(sandbox, "x = 1\n1 / 0", prelude="import math\n\n")
    assert broken.line == 2


async def test_time_and_memory_are_measured(sandbox: Sandbox) -> None:
    outcome = await run(sandbox, "x = bytearray(64 << 20)\nsum(range(3_000_000))", seconds=10.0)
    assert outcome.passed
    assert outcome.memory > 64 << 20
    assert 0.01 < outcome.cpu < 10
    assert outcome.wall >= 0.01


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (Program(source="x" * 2_000_000), "more than 1,000,000"),
        (Program(source="a\0b"), "NUL"),
    ],
)
async def test_what_cannot_be_run_is_refused_with_the_reason(
    program: Program, why: str, sandbox: Sandbox
) -> None:
    outcome = await sandbox.run(program)
    assert outcome.status == "refused"
    assert why in outcome.error


async def test_many_programs_at_once_each_get_their_own_answer(sandbox: Sandbox) -> None:
    outcomes = await asyncio.gather(
        *(
            run(sandbox, f"def f():\n    return {i}", f"assert f() == {i - i % 2}")
            for i in range(40)
        )
    )
    assert [o.passed for o in outcomes] == [i % 2 == 0 for i in range(40)]
