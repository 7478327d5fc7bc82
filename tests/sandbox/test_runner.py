"""What the runner sends: the start or the error, a value per call, a trace, answers to questions."""

import json
import os
import socket
import threading
from typing import Any

import pytest

from understudy.sandbox.codec import decode_lines
from understudy.sandbox.runner import describe, run_program, trace

JOB: dict[str, Any] = {"prelude": "", "source": "", "calls": [], "trace": ""}


def run(source: str = "", **fields: Any) -> list[dict[str, Any]]:
    """The messages of a program that asks for no questions."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as messages:
        with os.fdopen(writer, "wb"):
            run_program({**JOB, "source": source, **fields}, "n", writer, None)
        return decode_lines("n", messages.read())


def test_a_program_that_runs_to_its_end_has_started() -> None:
    assert run("x = 1") == [{"started": True}]


@pytest.mark.parametrize(
    ("source", "error", "line"),
    [
        ("x = 1\ny = x +", "SyntaxError: invalid syntax (program.py, line 2)", 2),
        ("def f():\n    return 1 / 0\n\nf()", "ZeroDivisionError: division by zero", 2),
        ("\n\nraise SystemExit(0)", "SystemExit: 0", 3),
        ("import json\njson.loads('')", "JSONDecodeError: Expecting value", 2),
        ("eval('1 +')", "SyntaxError: invalid syntax (<string>, line 1)", 1),
    ],
)
def test_what_the_source_raises_comes_with_its_line(source: str, error: str, line: int) -> None:
    (message,) = run(source, calls=["1"])
    assert message["raised"].startswith(error)
    assert message["line"] == line


def test_a_prelude_that_raises_has_no_line_of_the_source() -> None:
    assert run("x = 1", prelude="1 / 0") == [
        {"raised": "ZeroDivisionError: division by zero", "line": None}
    ]


def test_calls_have_values_or_errors_in_their_order() -> None:
    assert run("def f(x):\n    return 6 // x", calls=["f(2)", "f(0)", "f(", "exit(1)"])[1:] == [
        {"call": 0, "value": 3},
        {"call": 1, "raised": "ZeroDivisionError: integer division or modulo by zero",
         "kind": "ZeroDivisionError"},
        {"call": 2, "raised": "SyntaxError: '(' was never closed (program.py, line 1)",
         "kind": "SyntaxError"},
        {"call": 3, "raised": "SystemExit: 1", "kind": "SystemExit"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "name"),
    [({}, "__main__"), ({"calls": ["1"]}, "program"), ({"trace": "1"}, "program")],
)
def test_a_program_is_main_only_where_nothing_is_asked_of_it(
    fields: dict[str, Any], name: str
) -> None:
    assert ("raised" in run("assert __name__ == '__main__'", **fields)[0]) == (name == "program")


def test_annotations_of_this_package_do_not_reach_the_program() -> None:
    assert run("def f(x: Undefined): pass")[0]["raised"].startswith("NameError")


class Silent(Exception):
    def __str__(self) -> str:
        raise SystemExit


def test_an_error_is_described_whatever_its_text_does() -> None:
    assert describe(ValueError("x" * 1000)) == f"ValueError: {'x' * 500}"
    assert describe(ValueError()) == "ValueError"
    assert describe(Silent()) == "Silent"


def space_of(source: str) -> dict[str, Any]:
    space: dict[str, Any] = {}
    exec(compile(source, "program.py", "exec"), space)
    return space


def test_a_trace_follows_each_assignment_of_the_program_and_nothing_else() -> None:
    source = (
        "import json\ndef g(y):\n    return y * 2\ndef f(n):\n    a = g(n)\n    json.dumps({})\n"
        "    return [i for i in range(a)]"
    )
    assert trace("f(1)", space_of(source)) == "Line 5: a = 2\nIt returns [0, 1]."


def test_a_trace_says_what_was_raised() -> None:
    assert trace("f()", space_of("def f():\n    x = 1\n    return x / 0")) == (
        "Line 2: x = 1\nIt raises ZeroDivisionError: division by zero."
    )


def test_a_long_trace_is_cut_and_still_has_its_end() -> None:
    source = "def f(n):\n    for i in range(n):\n        pass\n    return n"
    lines = trace("f(120)", space_of(source)).splitlines()
    assert (len(lines), lines[-2:]) == (122, ["...", "It returns 120."])
    lines = trace("f(119)", space_of(source)).splitlines()
    assert (len(lines), lines[-1]) == (120, "It returns 119.")
    assert "..." not in lines


def test_a_trace_stops_following_after_many_steps() -> None:
    source = "def f(n):\n    while n:\n        n = n - 1\n    x = 1\n    return x"
    lines = trace("f(30_000)", space_of(source)).splitlines()
    assert lines[-2:] == ["...", "It returns 1."]
    assert "Line 4: x = 1" not in lines


def test_questions_are_answered_until_the_other_side_ends() -> None:
    ours, theirs = socket.socketpair()
    reader, writer = os.pipe()
    source = "LIMIT = (7,)\ndef f(x, y=0):\n    return [x, y]\ndef g():\n    return 'x' * 2_000_000"
    job = {**JOB, "source": source}
    program = threading.Thread(target=run_program, args=(job, "n", writer, theirs.fileno()))
    program.start()
    questions: list[dict[str, Any]] = [
        {"get": "LIMIT"}, {"get": "f"}, {"get": "h"},
        {"do": "f", "args": [{"tuple": [1]}], "kwargs": {"y": 2}},
        {"do": "f", "args": [], "kwargs": {}}, {"do": "g", "args": [], "kwargs": {}},
    ]  # fmt: skip
    replies: list[dict[str, Any]] = []
    with ours, ours.makefile("rb") as lines:
        for question in questions:
            ours.sendall(json.dumps(question).encode() + b"\n")
            replies += decode_lines("", lines.readline())
        ours.shutdown(socket.SHUT_WR)
        program.join()
    theirs.close()
    os.close(writer)
    os.close(reader)
    assert replies[:4] == [
        {"value": {"tuple": [7]}},
        {"callable": True},
        {"missing": True},
        {"value": {"list": [{"tuple": [1]}, 2]}},
    ]
    assert [reply["kind"] for reply in replies[4:]] == ["TypeError", "ValueError"]
    assert "2,000,0" in replies[5]["raised"]
