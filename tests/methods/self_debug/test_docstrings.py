"""The examples of a docstring, as asserts."""

import pytest
from debug_bench import HUMANEVAL

from understudy.methods.self_debug.docstrings import read_examples
from understudy.methods.self_debug.tests import visible_tests
from understudy.types import Task


def test_a_broken_docstring_has_no_examples() -> None:
    prompt = 'def f(x):\n    """\n    >>> f("a\n  b")\n    1\n    """\n'
    assert visible_tests(Task(prompt=prompt), 1) == ()
    assert visible_tests(Task(prompt="Like this:\n>>> f(1)\n2\n\nAnd so on"), 1) == (
        "assert f(1) == 2",
    )


@pytest.mark.parametrize(
    ("line", "test"),
    [
        ("f(148, 412) should return 16.", "assert f(148, 412) == 16"),
        ("For f('a(b') the output will be 3", None),
        ("f('a)b') => 'x'", "assert f('a)b') == 'x'"),
        ("f([1, 2]) ➞ [3]  # the sum", "assert f([1, 2]) == [3]"),
        ("e.g. f(3) = (1, 2) since 1 + 2 is 3", None),
        ("f(2) == 4 (twice 2)", "assert f(2) == 4"),
        ("f(x) == 4", None),
        ("f(2) == y", None),
        ("g(2) == 4", None),
        ("f(2", None),
    ],
)
def test_examples_in_the_words_of_a_docstring_are_read_where_it_has_no_others(
    line: str, test: str | None
) -> None:
    prompt = f'def f(x):\n    """\n    {line}\n    """\n'
    expected = (test,) if test else ()
    assert visible_tests(Task(prompt=prompt, meta={"entry_point": "f"}), 1) == expected
    assert visible_tests(Task(prompt=prompt), 1) == ()
    both = prompt.replace('"""\n', '"""\n    >>> f(7)\n    8\n\n', 1)
    assert visible_tests(Task(prompt=both, meta={"entry_point": "f"}), 1) == ("assert f(7) == 8",)


def session(*lines: str) -> str:
    """A function whose docstring has these lines."""
    return 'def f(x):\n    """\n' + "".join(f"    {line}\n" for line in lines) + '    """\n'


def test_sessions_become_asserts_and_what_is_printed_is_no_value() -> None:
    assert read_examples(HUMANEVAL.prompt, "double") == [
        "assert double(2) == 4",
        "assert double(7) == 14",
    ]


@pytest.mark.parametrize(
    ("lines", "tests"),
    [
        ((">>> f(1)", "2"), ["assert f(1) == 2"]),
        (
            (">>> f([1])", "[2]", ">>> f('a')", "'b'"),
            ["assert f([1]) == [2]", "assert f('a') == 'b'"],
        ),
        ((">>> f(1) == 2",), ["assert f(1) == 2"]),
        ((">>> f(1) == 2", "True"), []),
        ((">>> f(x)", "2"), []),
        ((">>> f(1)", "an object"), []),
        ((">>> y = f(1)", ">>> y", "2"), []),
    ],
)
def test_an_example_compares_a_call_of_literals_with_a_literal(
    lines: tuple[str, ...], tests: list[str]
) -> None:
    assert read_examples(session(*lines), "f") == tests


def test_the_examples_of_every_function_and_class_of_a_prompt_count() -> None:
    prompt = session(">>> g(1)", "1") + '\n\nclass A:\n    """\n    >>> h(2)\n    2\n    """\n'

    assert read_examples(prompt, None) == ["assert g(1) == 1", "assert h(2) == 2"]


def test_sentences_are_read_only_about_the_function_itself() -> None:
    prompt = session("f(1) returns 2", "g(1) returns 2")

    assert read_examples(prompt, "f") == ["assert f(1) == 2"]
    assert read_examples(prompt, 7) == []
