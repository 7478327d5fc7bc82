"""The outcome of a program: status, values, errors, and where values were compared."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.handles.sandbox import Sandbox
from understudy.sandbox.codec import encode_line
from understudy.sandbox.protocol import Outcome, Program
from understudy.sandbox.verdict import CallTest, Report, build_job, parse_call_test, read_outcome

ADD = "def f(x):\n    return x + 1"


async def run(sandbox: Sandbox, source: str, *tests: str, **fields: object) -> Outcome:
    fields = {
        "seconds": 20.0,
        **fields,
    }  # whatever ends by itself does, however busy the machine is
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
    outcome = await run(sandbox, source, "assert f(0) == 0", "assert f(1) == 1", seconds=1.5)
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
    outcome = await run(sandbox, "x = bytearray(64 << 20)\nsum(range(3_000_000))")
    assert outcome.passed
    assert outcome.memory > 64 << 20
    assert 0.01 < outcome.cpu < 20
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


# Tests that are taken apart


@pytest.mark.parametrize(
    ("test", "parts"),
    [
        ("assert f(1) == 2", CallTest("f(1)", 2)),
        ("assert f(1) == -2", CallTest("f(1)", -2)),
        ("assert f(1, x=[1]) == 2, 'why'", CallTest("f(1, x=[1])", 2)),
        ("assert f() is None", CallTest("f()", None)),
        ("assert f() is True", CallTest("f()", True)),
        ("assert f()", CallTest("f()", True, truth=True)),
        ("assert not f()", CallTest("f()", False, truth=True)),
        ("assert f() is 2", None),
        ("assert f() != 2", None),
        ("assert 1 == f()", None),
        ("assert 0 < f() == 2", None),
        ("assert f() == g()", None),
        ("assert f() == x", None),
        ("assert f(x) == 2", None),
        ("assert f(*(1,)) == 2", None),
        ("assert f(x=g()) == 2", None),
        ("assert -f()", None),
        ("assert not not f()", None),
        ("assert a.f(1) == 2", None),
        ("assert isclose(f(1), 2)", None),
        ("assert x", None),
        ("assert not x", None),
        ("f(1)", None),
        ("", None),
        ("assert f(1) == 2\nassert f(2) == 3", None),
        ("assert f(1) ==", None),
        ("assert f(" + "-" * 100_000 + "1) == 1", None),
        ("assert f('\0') == 1", None),
        ("assert f('\ud800') == 1", None),
    ],
    ids=lambda case: repr(case)[:40],
)
def test_only_a_call_with_literals_is_taken_apart(test: str, parts: CallTest | None) -> None:
    assert parse_call_test(test) == parts


def test_a_truth_value_and_an_equal_number_are_told_apart() -> None:
    assert parse_call_test("assert f()") != parse_call_test("assert f() == True")


def test_one_test_that_cannot_be_taken_apart_takes_all_along() -> None:
    job = build_job(Program(source="", tests=("assert f() == 1", "import x"), calls=("g()",)), "n")
    assert (job.mode, job.files, job.call_tests) == ("apart", ["assert f() == 1", "import x"], ())
    assert (job.message["apart"], job.message["calls"]) == (True, ["g()"])


# Reports of hostile programs

PROGRAM = Program(source="", tests=("assert f() == 2", "assert g()"), calls=("h()",))


def read(*messages: Any, program: Program = PROGRAM, **fields: Any) -> Outcome:
    """The outcome, as the journal would give it back."""
    text = b"".join(encode_line("n", message) for message in messages).decode()
    job = build_job(program, "n")
    report = Report(messages=text, verdicts=text, **fields)
    outcome = read_outcome(program, job, report, "test")
    return msgspec.json.decode(msgspec.json.encode(outcome), type=Outcome)


VALUES_OF_ALL = [{"call": i, "value": value} for i, value in enumerate([7, 2, True])]


def test_a_report_becomes_an_outcome() -> None:
    outcome = read({"started": True}, *VALUES_OF_ALL)
    assert (outcome.status, outcome.values, outcome.raised) == ("passed", ("7",), (False,))
    assert [(t.passed, t.actual, t.expected) for t in outcome.tests] == [
        (True, "2", "2"),
        (True, "True", "True"),
    ]
    assert (outcome.mode, outcome.isolation) == ("outside", "test")


@pytest.mark.parametrize(
    "messages",
    [
        VALUES_OF_ALL,
        [{"started": 1}, *VALUES_OF_ALL],
        [{"started": True}, *VALUES_OF_ALL[1:]],
        [{"started": True}, *VALUES_OF_ALL[:2]],
        [{"started": True}, *VALUES_OF_ALL, {"raised": "E", "line": 1}],
    ],
)
def test_nothing_passes_that_is_not_complete(messages: list[Any]) -> None:
    assert read(*messages).status == "error"


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ({"raised": "E", "line": 3}, 3),
        ({"raised": "E", "line": None}, None),
        ({"raised": "E", "line": True}, None),
        ({"raised": "E", "line": -1}, None),
        ({"raised": "E", "line": 10**30}, None),
        ({"raised": "E", "line": [3]}, None),
    ],
)
def test_a_line_is_a_number_within_the_source(message: Any, line: int | None) -> None:
    outcome = read(message)
    assert (outcome.status, outcome.error, outcome.line) == ("error", "E", line)


def test_a_line_without_an_error_is_no_error() -> None:
    assert read({"line": 3}, {"started": True}, *VALUES_OF_ALL).status == "passed"


@pytest.mark.parametrize("text", ["E" * 1000, "\ud800" * 1000, ["E"], None, {"E": 1}, 10**300])
def test_an_error_is_a_short_text_that_can_be_written(text: Any) -> None:
    outcome = read({"raised": text, "line": 1})
    assert outcome.status == "error"
    assert 0 < len(outcome.error) <= 600
    outcome = read({"started": True}, {"call": 0, "raised": text}, {"call": 1, "raised": text})
    assert outcome.raised == (True,)
    assert 0 < len(outcome.values[0]) <= 600
    assert 0 < len(outcome.tests[0].error) <= 600


@pytest.mark.parametrize("trace", ["x", "\ud800", ["x"], 1])
def test_a_trace_is_a_text_that_can_be_written(trace: Any) -> None:
    expected = {"x": "x", "\ud800": "\\ud800"}.get(trace, "") if type(trace) is str else ""
    assert read({"trace": trace}).trace == expected


TEXTS: list[tuple[Any, str]] = [
    ({"int": hex(10**5000)}, "<int whose repr raises ValueError>"),
    ({"list": [{"int": hex(10**5000)}]}, "<list whose repr raises ValueError>"),
    ({"opaque": ["X", "\ud800"]}, "\\ud800"),
    ({"list": [{"opaque": ["X", "\ud800"]}]}, "[\\ud800]"),
    ({"set": [{"list": []}]}, "<a value that cannot be read: not an encoded value"),
    ("\ud800", "'\\ud800'"),
]


@pytest.mark.parametrize(("value", "text"), TEXTS, ids=lambda case: repr(case)[:30])
def test_a_value_that_cannot_be_shown_is_described(value: Any, text: str) -> None:
    outcome = read({"call": 0, "value": value}, {"call": 1, "value": value})
    assert outcome.values[0].startswith(text)
    assert outcome.tests[0].actual.startswith(text)
    assert not outcome.tests[0].passed


def test_an_expected_value_that_cannot_be_shown_is_described() -> None:
    program = Program(source="", tests=(f"assert f() == {hex(10**5000)}",))
    outcome = read({"started": True}, {"call": 0, "value": {"int": hex(10**5000)}}, program=program)
    assert outcome.passed
    assert outcome.tests[0].expected == "<int whose repr raises ValueError>"


@pytest.mark.parametrize("value", [{"opaque": ["X", "True"]}, {"wrong": 1}])
def test_an_opaque_value_is_neither_true_nor_false(value: Any) -> None:
    program = Program(source="", tests=("assert f()", "assert not g()"))
    outcome = read({"call": 0, "value": value}, {"call": 1, "value": value}, program=program)
    assert [test.passed for test in outcome.tests] == [False, False]


APART = Program(source="", tests=("import x",))


@pytest.mark.parametrize(
    ("message", "passes"),
    [
        ({"test": 0, "passed": True}, True),
        ({"test": 0, "passed": 1}, False),
        ({"test": 0, "passed": "yes"}, False),
        ({"test": 0}, False),
    ],
)
def test_only_true_is_a_pass(message: Any, passes: bool) -> None:
    assert read({"started": True}, message, program=APART).passed == passes


@pytest.mark.parametrize("index", [True, -1, "0", 1, None, 10**30])
def test_a_verdict_on_no_test_is_ignored(index: Any) -> None:
    outcome = read({"started": True}, {"test": index, "passed": True}, program=APART)
    assert (outcome.status, outcome.tests) == ("error", ())


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (0, "the program ended its own process before it was done"),
        (1, "the program ended its own process before it was done"),
        (125, "the program could not be isolated, and was not started"),
        (-9, "the program's process was ended by signal 9"),
    ],
)
def test_the_end_of_a_process_is_explained(status: int, error: str) -> None:
    outcome = read(status=status)
    assert (outcome.status, outcome.error) == ("error", error)


@pytest.mark.parametrize("limit", ["timeout", "output limit"])
def test_a_limit_is_named_before_anything_else(limit: str) -> None:
    outcome = read({"raised": "E", "line": 1}, limit=limit)
    assert outcome.status == limit
    assert ("3 s" if limit == "timeout" else "65,536 bytes") in outcome.error


def test_a_memory_error_of_the_program_or_of_a_test_is_out_of_memory() -> None:
    assert read({"raised": "MemoryError", "line": 1}).status == "out of memory"
    assert read({"started": True}, {"call": 1, "raised": "MemoryError"}).status == "out of memory"


keys = st.sampled_from(
    ["call", "test", "value", "raised", "line", "started", "trace", "assert", "actual", "passed"]
)
bodies = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    st.lists(st.dictionaries(keys, st.integers(0, 2) | bodies)), st.sampled_from([PROGRAM, APART])
)
def test_every_report_becomes_an_outcome_that_can_be_written(
    messages: list[Any], program: Program
) -> None:
    read(*json.loads(json.dumps(messages)), program=program)
