"""Values in messages."""

import pytest

from understudy.data.bad_row import preview


@pytest.mark.parametrize(
    ("value", "text"),
    [("a\nb", r"'a\nb'"), (b"\xff", "'\ufffd'"), (7, "7"), ({"a": [1]}, "{'a': [1]}")],
)
def test_a_value_is_shown_as_it_is_written(value: object, text: str) -> None:
    assert preview(value) == text


@pytest.mark.parametrize("value", ["x" * 10**6, b"x" * 10**6, ["x" * 10**6] * 1_000])
def test_a_large_value_is_cut(value: object) -> None:
    assert len(preview(value)) <= 90
