"""The examples that a docstring gives, as asserts."""

import ast
import re
from collections.abc import Iterator
from doctest import DocTestParser

from understudy.methods._self_debug_syntax import (
    NO_LITERAL,
    assertion,
    expression,
    literal,
    name,
    parsed,
)


def examples(prompt: str, entry: object) -> list[str]:
    """The asserts that a prompt's examples are: `>>> f(1)` with the literal below it, or else, of the
    function `entry` that a prompt is the head of, `f(1) == 2` or `f(1) should return 2` in its text."""
    texts = list(_docstrings(prompt))
    found = [test for text in texts for test in _sessions(text)]
    if not found and isinstance(entry, str):
        found = [test for text in texts for line in text.split("\n") for test in _told(line, entry)]
    return [test for test in found if _compares_a_call(test)]


def _sessions(text: str) -> Iterator[str]:
    try:
        found = DocTestParser().get_examples(text)
    except ValueError:  # its lines are indented in a way that doctest refuses
        return
    for example in found:
        source, want = example.source.strip(), example.want.strip()
        yield f"assert {source} == {want}" if want else f"assert {source}"


_GIVES = re.compile(
    r"\s*(?:==|=>|->|➞|→|=|:|# ?=>|#? ?returns?|(?:should|must|will) (?:return|be))\s*(\S.*)$"
)


def _told(line: str, entry: str) -> Iterator[str]:
    """`f(1) should return 2`, up to what is no longer the value: a full stop, a comment, a remark."""
    start = line.find(f"{entry}(")
    text = line[start:] if start >= 0 else ""
    for bracket in re.finditer(r"\)", text):
        call = text[: bracket.end()]
        if expression(call) is None:
            continue
        if given := _GIVES.match(text[bracket.end() :]):
            said = given[1]
            ends = re.split(r"\s+#|\s{2,}|\s\(|;", said)[0].rstrip(". "), said.rstrip(".;, "), said
            found = [want for want in ends if literal(expression(want)) is not NO_LITERAL]
            yield from (f"assert {call} == {want}" for want in found[:1])
        return


def _docstrings(prompt: str) -> Iterator[str]:
    tree = parsed(prompt)
    if tree is None:
        yield prompt
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield ast.get_docstring(node, clean=False) or ""


def _compares_a_call(test: str) -> bool:
    """Whether it is `assert f(literals) == literal`; what is printed is no value."""
    wanted = assertion(test)
    return (
        isinstance(wanted, ast.Compare)
        and isinstance(wanted.left, ast.Call)
        and name(wanted.left.func) != "print"
        and not _variables(wanted.left)
        and len(wanted.ops) == 1
        and literal(wanted.comparators[0]) is not NO_LITERAL
    )


def _variables(call: ast.Call) -> set[str]:
    """Names in it that are not what is called."""
    nodes = list(ast.walk(call))
    functions = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return {n.id for n in nodes if isinstance(n, ast.Name) and id(n) not in functions}
