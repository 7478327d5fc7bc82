"""Code of others, read without running it: what a test calls, what is a literal."""

import ast
import warnings
from typing import Any


def find_call(test: str) -> str:
    """The expression that a test is about: `f(1)` of `assert f(1) == 2`, of `assert not f(1)`, and of
    `assert math.isclose(f(1), 2)`; empty where the test is nothing of the kind."""
    tree = parse(test)
    asserts = [node for node in tree.body if isinstance(node, ast.Assert)] if tree else []
    if not asserts:
        return ""
    node = asserts[-1].test
    while True:
        if isinstance(node, ast.UnaryOp):
            node = node.operand
        elif isinstance(node, ast.Compare):
            node = node.left
        elif isinstance(node, ast.BoolOp):
            node = node.values[0]
        elif isinstance(node, ast.Call) and name_of(node.func) == "isclose" and node.args:
            node = node.args[0]
        else:
            break
    source = ast.get_source_segment(test, node) or ""
    return ast.unparse(node) if not source or "\n" in source else source


def name_of(function: ast.expr) -> str:
    """The name of what is called, without the module it is in."""
    return function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)


def read_assertion(test: str) -> ast.expr | None:
    """What a single assert asserts; None where the text is something else."""
    tree = parse(test.strip())
    if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Assert):
        return None
    return tree.body[0].test


def read_expression(text: str) -> ast.expr | None:
    """The expression that a text is; None where it is something else."""
    tree = parse(text)
    single = tree.body[0] if tree is not None and len(tree.body) == 1 else None
    return single.value if isinstance(single, ast.Expr) else None


def parse(text: str) -> ast.Module | None:
    """The syntax tree of a text; None where it has none."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of what a model writes, such as "\d"
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


NO_LITERAL = object()


def read_literal(node: ast.expr | None) -> Any:
    """The value of a literal, or `NO_LITERAL`."""
    try:
        return NO_LITERAL if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return NO_LITERAL
