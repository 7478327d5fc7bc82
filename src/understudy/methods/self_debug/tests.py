"""Which tests a model may see, and which it must not.

Visible are those that the task names, or the examples of its docstring, or the first few asserts.
Hidden are all tests of the task. They score a program at the end and stand in no prompt.
"""

import re
from collections.abc import Sequence
from typing import cast

from understudy.types import Task

from .docstrings import read_examples
from .syntax import read_assertion


def visible_tests(task: Task, first: int | None) -> tuple[str, ...]:
    """The asserts that may be shown. `first`: at most this many of the task's own, None for all.

    A test file is never shown: of a HumanEval row only the docstring's examples are.
    """
    if tests := _texts(task.meta.get("visible_tests")):
        return tests
    examples = tuple(read_examples(task.question, task.meta.get("entry_point")))
    if examples and first is not None:
        return examples
    return tuple(test for test in task.tests if read_assertion(test) is not None)[:first]


def hidden_tests(task: Task) -> tuple[str, ...]:
    """All tests, as the sandbox runs them: a `check(candidate)` file with the call of it, an assert
    after the lines that its data set puts before every test (MBPP)."""
    entry = task.meta.get("entry_point")
    return tuple(
        f"{test}\ncheck({entry})"
        if isinstance(entry, str) and _has_check(test)
        else add_setup(task, test)
        for test in task.tests
    )


def add_setup(task: Task, test: str) -> str:
    """The test after the task's own imports and set-up lines, where it has any."""
    imports, setup = task.meta.get("test_imports"), task.meta.get("test_setup_code")
    return "\n".join([*_texts(imports), *_texts(setup), test])


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value.strip() else ()
    items = cast("Sequence[object]", value) if isinstance(value, list | tuple) else ()
    return tuple(item for item in items if isinstance(item, str) and item.strip())


def _has_check(test: str) -> bool:
    return "def check(" in test and not re.search(r"^check\(", test, re.MULTILINE)
