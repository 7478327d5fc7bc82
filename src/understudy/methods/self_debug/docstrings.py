"""The examples in a docstring, as asserts."""

import ast
import re
from collections.abc import Iterator
from doctest import DocTestParser

from .syntax import NO_LITERAL, name_of, parse, read_assertion, read_expression, read_literal


def read_examples(prompt: str, entry: object) -> list[str]:
    """A prompt's examples as asserts: `>>> f(1)` with the literal below it. Without such, and where the
    prompt is the head of the function `entry`: `f(1) == 2` or `f(1) should return 2` in its text."""
    texts = list(_find_docstrings(prompt))
    tests = [test for text in texts for test in _read_sessions(text)]
    if not tests and isinstance(entry, str):
        lines = [line for text in texts for line in text.split("\n")]
        tests = [test for line in lines for test in _read_sentence(line, entry)]
    return [test for test in tests if _compares_a_call(test)]


def _read_sessions(text: str) -> Iterator[str]:
    try:
        sessions = DocTestParser().get_examples(text)
    except ValueError:  # its lines are indented in a way that doctest refuses
        return
    for example in sessions:
        source, want = example.source.strip(), example.want.strip()
        yield f"assert {source} == {want}" if want else f"assert {source}"


_GIVES = re.compile(
    r"\s*(?:==|=>|->|➞|→|=|:|# ?=>|#? ?returns?|(?:should|must|will) (?:return|be))\s*(\S.*)$"
)


def _read_sentence(line: str, entry: str) -> Iterator[str]:
    """`f(1) should return 2`, up to where the value ends: a full stop, a comment, a remark."""
    start = line.find(f"{entry}(")
    text = line[start:] if start >= 0 else ""
    for bracket in re.finditer(r"\)", text):
        call = text[: bracket.end()]
        if read_expression(call) is None:
            continue
        if match := _GIVES.match(text[bracket.end() :]):
            rest = match[1]
            ends = re.split(r"\s+#|\s{2,}|\s\(|;", rest)[0].rstrip(". "), rest.rstrip(".;, "), rest
            values = [end for end in ends if read_literal(read_expression(end)) is not NO_LITERAL]
            yield from (f"assert {call} == {value}" for value in values[:1])
        return


def _find_docstrings(prompt: str) -> Iterator[str]:
    tree = parse(prompt)
    if tree is None:
        yield prompt
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield ast.get_docstring(node, clean=False) or ""


def _compares_a_call(test: str) -> bool:
    """Whether it is `assert f(literals) == literal`; what is printed is no value."""
    claim = read_assertion(test)
    return (
        isinstance(claim, ast.Compare)
        and isinstance(claim.left, ast.Call)
        and name_of(claim.left.func) != "print"
        and not _variables(claim.left)
        and len(claim.ops) == 1
        and read_literal(claim.comparators[0]) is not NO_LITERAL
    )


def _variables(call: ast.Call) -> set[str]:
    """Names in it that are not what is called."""
    nodes = list(ast.walk(call))
    functions = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return {n.id for n in nodes if isinstance(n, ast.Name) and id(n) not in functions}
