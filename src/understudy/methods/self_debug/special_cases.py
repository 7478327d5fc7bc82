"""Programs that know their tests: the code names a visible input."""

import ast
from collections.abc import Iterator, Sequence

from .syntax import NO_LITERAL, find_call, parse, read_expression, read_literal


def find_special_cases(code: str, before: str, tests: Sequence[str]) -> list[str]:
    """The tests whose own input a repair compares with or looks up, where the program `before` it did
    not. Inputs that a base case may well name (0, 1, 2, "", [], None, True, ...) do not count."""
    new = set(_constants(code)) - set(_constants(before))
    return [test for test in tests if new.intersection(_inputs(test))]


def _constants(code: str) -> Iterator[str]:
    tree = parse(code)
    for node in _compared_nodes(tree) if tree is not None else ():
        if (value := read_literal(node)) is not NO_LITERAL:
            yield repr(value)


def _inputs(test: str) -> Iterator[str]:
    """Each telling argument of a test's call, and all of them together."""
    call = read_expression(find_call(test))
    if not isinstance(call, ast.Call):
        return
    values = [read_literal(argument) for argument in call.args]
    literals = [value for value in values if value is not NO_LITERAL]
    yield from (text for value in literals if value and (text := repr(value)) not in BASE_CASES)
    if len(literals) == len(values) > 1:
        yield from (repr(tuple(literals)), repr(literals))


BASE_CASES = ("1", "-1", "2", "1.0", "True")
"""In addition to what is false."""


def _compared_nodes(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for operator, right in zip(node.ops, node.comparators, strict=True):
                if isinstance(operator, ast.Eq | ast.Is):
                    yield from (node.left, right)
                elif isinstance(operator, ast.In) and isinstance(
                    right, ast.Tuple | ast.List | ast.Set
                ):
                    yield from right.elts
        elif isinstance(node, ast.MatchValue):
            yield node.value
        elif isinstance(node, ast.Dict):
            yield from (key for key in node.keys if key is not None)
