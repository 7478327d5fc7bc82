"""Code of others is read and never run."""

import ast
from typing import Any

import pytest

from understudy.methods.self_debug.syntax import (
    NO_LITERAL,
    find_call,
    name_of,
    parse,
    read_assertion,
    read_expression,
    read_literal,
)


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
    assert find_call(test) == call


@pytest.mark.parametrize(
    ("test", "call"),
    [
        ("assert f(1) == 2 and g(3)", "f(1)"),
        ("x = 1\nassert f(x)\nassert g(x)", "g(x)"),
        ("assert isclose(f(1), 2)", "f(1)"),
        ("assert f(\n    1,\n    2,\n)", "f(1, 2)"),
    ],
)
def test_the_call_of_the_last_assert_is_written_on_one_line(test: str, call: str) -> None:
    assert find_call(test) == call


@pytest.mark.parametrize(
    "text",
    ["def f(", "a\0b", "(" * 10_000, "-" * 100_000 + "1"],
    ids=["cut", "null", "deep", "long"],
)
def test_a_text_that_is_no_program_has_no_tree(text: str) -> None:
    assert parse(text) is None
    assert find_call(text) == ""
    assert read_expression(text) is None
    assert read_assertion(text) is None


def test_what_a_model_writes_brings_no_warnings() -> None:
    """Warnings are errors in these tests."""
    assert parse(r"x = '\d'; 1 is 1") is not None


def test_an_assertion_stands_alone() -> None:
    assert read_assertion("  assert f(1)  ") is not None
    for text in ("f(1)", "assert f(1)\nassert f(2)", ""):
        assert read_assertion(text) is None


def test_an_expression_stands_alone() -> None:
    assert isinstance(read_expression("f(1)"), ast.Call)
    for text in ("x = 1", "f(1); f(2)", ""):
        assert read_expression(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[1, 'a', None]", [1, "a", None]),
        ("{1: -2.5}", {1: -2.5}),
        ("f(1)", NO_LITERAL),
        ("x", NO_LITERAL),
        ("{[]: 1}", NO_LITERAL),
        ("import os", NO_LITERAL),
    ],
)
def test_a_literal_is_read_without_computing_anything(text: str, value: Any) -> None:
    assert read_literal(read_expression(text)) == value


@pytest.mark.parametrize(
    ("call", "name"), [("f(1)", "f"), ("math.isclose(1, 2)", "isclose"), ("f(1)(2)", "f(1)")]
)
def test_what_is_called_is_named_without_its_module(call: str, name: str) -> None:
    node = read_expression(call)
    assert isinstance(node, ast.Call)
    assert name_of(node.func) == name
