"""Isolated tests ask the program over a socket; here both sides run in threads of this process."""

import ast
import json
import socket
import threading
from typing import Any

import pytest

from understudy.sandbox.codec import decode_lines
from understudy.sandbox.isolated_tests import (
    ProgramEndedError,
    ProgramProxy,
    list_free_names,
    run_tests,
)


def answer(link: socket.socket, replies: list[bytes], questions: list[Any]) -> None:
    """A program that gives these replies, then ends."""
    with link, link.makefile("rb") as lines:
        for reply in replies:
            questions.append(json.loads(lines.readline()))
            link.sendall(reply)


def run(file: str, *replies: object) -> tuple[dict[str, Any], list[Any]]:
    """The verdict on a file, and the questions that it asked the program."""
    ours, theirs = socket.socketpair()
    lines = [r if isinstance(r, bytes) else f" {json.dumps(r)}\n".encode() for r in replies]
    questions: list[Any] = []
    program = threading.Thread(target=answer, args=(theirs, lines, questions))
    program.start()
    sent: list[bytes] = []
    with ours:
        run_tests([file], "n", ours, sent.append)
    program.join()
    (verdict,) = decode_lines("n", b"".join(sent))
    return verdict, questions


FUNCTION = {"callable": True}


def test_a_call_goes_to_the_program_and_its_value_comes_back() -> None:
    verdict, questions = run("assert f(1, x=(2,)) + 1 == 4", FUNCTION, {"value": 3})
    assert verdict == {"test": 0, "passed": True}
    assert questions == [
        {"get": "f"},
        {"do": "f", "args": [1], "kwargs": {"x": {"tuple": [2]}}},
    ]


def test_a_value_of_the_program_is_a_copy() -> None:
    assert run("assert LIMIT == [7]", {"value": {"list": [7]}})[0]["passed"]


def test_a_name_that_the_program_has_not_is_the_tests_error() -> None:
    verdict, _ = run("assert f(1) == 2", {"missing": True})
    assert verdict == {"test": 0, "passed": False, "error": "NameError: name 'f' is not defined"}


@pytest.mark.parametrize(
    ("kind", "raises"),
    [
        ("ValueError", "ValueError"),
        ("KeyError", "LookupError"),
        ("UnicodeDecodeError", "RuntimeError"),  # needs more than a message
        ("MyError", "RuntimeError"),
        ("SystemExit", "RuntimeError"),
        ("print", "RuntimeError"),
    ],
)
def test_what_the_program_raises_is_raised_as_the_same_built_in_exception(
    kind: str, raises: str
) -> None:
    file = f"try:\n    f()\nexcept {raises} as e:\n    assert 'why' in str(e)\nelse:\n    assert 0"
    verdict, _ = run(file, FUNCTION, {"kind": kind, "raised": f"{kind}: why"})
    assert verdict["passed"], verdict


@pytest.mark.parametrize("replies", [(), (FUNCTION,)], ids=["at once", "when called"])
@pytest.mark.parametrize("noise", [b"", b"\n", b"noise\n", b" [1]\n", b' {"value": 2}'])
def test_a_program_that_ended_fails_the_test_whatever_it_catches(
    replies: tuple[object, ...], noise: bytes
) -> None:
    file = "try:\n    f()\nexcept Exception:\n    pass"
    verdict, _ = run(file, *replies, noise)
    assert verdict["passed"] is False
    assert verdict["error"] == "ProgramEndedError: the program ended its process"


def test_a_reply_that_encode_never_makes_fails_the_test() -> None:
    verdict, _ = run("assert f() == 1", FUNCTION, {"value": {"int": "one"}})
    assert verdict["passed"] is False
    assert "not an encoded value" in verdict["error"]


def test_only_plain_data_goes_to_the_program() -> None:
    verdict, questions = run("f(lambda: 1)", FUNCTION)
    assert verdict["error"].startswith("TypeError: f is called with <function")
    assert questions == [{"get": "f"}]


def test_a_failed_assert_is_reported_with_both_sides() -> None:
    verdict, _ = run("x = 5\nassert f(x) == x + 2, 'why'", FUNCTION, {"value": 6}, {"value": 6})
    assert verdict == {
        "test": 0, "passed": False, "error": "AssertionError: why",
        "assert": "assert f(x) == x + 2, 'why'", "actual": "6", "expected": "7",
    }  # fmt: skip


@pytest.mark.parametrize("condition", ["f() != 6", "0 < f() == 7", "not f()"])
def test_an_assert_that_does_not_compare_with_equals_has_no_sides(condition: str) -> None:
    verdict, _ = run(f"assert {condition}", FUNCTION, {"value": 6})
    assert verdict.keys() == {"test", "passed", "error", "assert"}


def test_a_side_that_raises_the_second_time_shows_the_error() -> None:
    file = "x = [1]\ndef g():\n    return x.pop()\nassert g() == 2"
    verdict, _ = run(file)
    assert (verdict["actual"], verdict["expected"]) == ("IndexError: pop from empty list", "2")


def test_a_verdict_that_is_too_long_is_sent_without_its_texts() -> None:
    verdict, _ = run(f"assert {'x' * 1_000_000!r} == 1")
    assert verdict == {"test": 0, "passed": False, "error": "the verdict was too long to send"}


@pytest.mark.parametrize("file", ["assert (", "x = 1\0", "assert " + "-" * 100_000 + "1"])
def test_a_file_that_is_no_python_fails(file: str) -> None:
    assert run(file)[0]["passed"] is False


def test_a_file_that_exits_fails() -> None:
    assert run("raise SystemExit(0)")[0]["error"] == "SystemExit: 0"


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("assert f(x) == len(y)", ["f", "x", "y"]),
        ("import math, os.path as p\nfrom a import b as c\nmath.sin(p, c, b)", ["b"]),
        ("def g(a, *b, c=1, **d):\n    return a, b, c, d, e\ng()", ["e"]),
        ("class A:\n    pass\nasync def h(): pass\nA(h)", []),
        ("for i in range(3):\n    f(i)", ["f"]),
        ("try:\n    f()\nexcept E as e:\n    print(e)", ["E", "f"]),
        ("[x for x in xs if (y := x)] and y", ["xs"]),
    ],
)
def test_free_names_are_those_that_the_file_uses_and_does_not_define(
    file: str, names: list[str]
) -> None:
    assert list_free_names(ast.parse(file)) == names


def test_a_proxy_has_the_name_of_its_function() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b' {"callable": true}\n')
        proxy = ProgramProxy(ours).get("f")
        assert (proxy.__name__, proxy.__qualname__) == ("f", "f")
        theirs.close()
        with pytest.raises(ProgramEndedError):
            proxy()
