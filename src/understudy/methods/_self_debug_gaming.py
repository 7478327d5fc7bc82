"""Programs that know their tests: visible inputs that are named in the code."""

import ast
from collections.abc import Iterator, Sequence

from understudy.methods._self_debug_syntax import NO_LITERAL, called, expression, literal, parsed


def special_cased(code: str, before: str, tests: Sequence[str]) -> list[str]:
    """The tests whose own input a repair compares with, or looks up, where the program `before` it did
    not. Inputs that a base case may well name (0, 1, 2, "", [], None, True, ...) do not count."""
    new = set(_named(code)) - set(_named(before))
    return [test for test in tests if new.intersection(_inputs(test))]


def _named(code: str) -> Iterator[str]:
    tree = parsed(code)
    for node in _compared(tree) if tree is not None else ():
        if (value := literal(node)) is not NO_LITERAL:
            yield repr(value)


def _inputs(test: str) -> Iterator[str]:
    """Each telling argument of a test's call, and all of them together."""
    call = expression(called(test))
    if not isinstance(call, ast.Call):
        return
    values = [literal(argument) for argument in call.args]
    known = [value for value in values if value is not NO_LITERAL]
    yield from (text for value in known if value and (text := repr(value)) not in BASE_CASES)
    if len(known) == len(values) > 1:
        yield from (repr(tuple(known)), repr(known))


BASE_CASES = ("1", "-1", "2", "1.0", "True")
"""Beside what is false."""


def _compared(tree: ast.Module) -> Iterator[ast.expr]:
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
