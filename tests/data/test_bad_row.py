"""A value in a message is its beginning, however large it is."""

from typing import Any

import pytest

from understudy.data.bad_row import preview


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "'a'"), (b"a", "'a'"), (b"\xff", "'\ufffd'"), (3, "3"), ([1, 2], "[1, 2]"),
        ("x" * 78, repr("x" * 78)), ("x" * 79, repr("x" * 79)[:80] + "..."),
    ],
    ids=lambda case: ascii(case)[:20],
)  # fmt: skip
def test_a_value_is_shown_as_python_writes_it(value: Any, text: str) -> None:
    assert preview(value) == text


@pytest.mark.parametrize(
    "value", ["é" * 10**6, b"\xff" * 10**6, list(range(10**5)), {1: "x" * 10**6}]
)
def test_a_huge_value_stays_short(value: Any) -> None:
    assert len(preview(value)) <= 83
