"""Cells of seed files, read as what they most likely mean."""

from typing import Any

import pytest

from understudy.data.values import (
    is_blank,
    parse_json,
    parse_record,
    read_options,
    read_scalar,
    read_texts,
)


@pytest.mark.parametrize("value", [None, "", " \n", "\u3000", [], {}])
def test_nothing_is_blank(value: Any) -> None:
    assert is_blank(value)


@pytest.mark.parametrize("value", [0, False, "0", [None], {"": ""}, 0.0])
def test_zero_and_false_are_values(value: Any) -> None:
    assert not is_blank(value)


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        ("[1, 2]", [1, 2]), (' {"a": 1}', {"a": 1}), ("[1,", "[1,"), ("[see above]", "[see above]"),
        ("12", "12"), ('"a"', '"a"'), ("true", "true"), (12, 12), ([1], [1]),
        ("[" * 100_000, "[" * 100_000), ('["\ud800"]', '["\ud800"]'),
    ],
    ids=lambda case: ascii(case)[:20],
)  # fmt: skip
def test_only_lists_and_records_are_read_as_json(value: Any, parsed: Any) -> None:
    assert parse_json(value) == parsed


def test_a_record_is_read_from_its_text_too() -> None:
    assert parse_record({"a": 1}) == {"a": 1}
    assert parse_record('{"a": 1}') == {"a": 1}
    assert parse_record("[1]") == {}
    assert parse_record(None) == {}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"), ("é", "é"), ("\ud800", "?"), (True, "true"), (False, "false"), (3, "3"),
        (0.5, "0.5"), (float("nan"), None), (None, None), ([], None), ({}, None),
    ],
    ids=lambda case: ascii(case)[:20],
)  # fmt: skip
def test_scalars_are_text(value: Any, text: str | None) -> None:
    assert read_scalar(value) == text


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (["a", 1, True], ("a", "1", "true")), (("a",), ("a",)), ("a", ("a",)), ([], ()),
        (["a", None], None), ([["a"]], None), ({"a": 1}, None), (None, None),
    ],
)  # fmt: skip
def test_texts_are_those_of_a_list_or_of_one_scalar(
    value: Any, texts: tuple[str, ...] | None
) -> None:
    assert read_texts(value) == texts


@pytest.mark.parametrize(
    ("value", "options"),
    [
        (["x", "y"], ("x", "y")),
        ({"label": ["A", "B"], "text": ["x", "y"]}, ("x", "y")),  # ARC
        ({"B": "y", "A": "x"}, ("x", "y")),
        ({"ten": "y", "nine": "x"}, ("y", "x")),  # as they stand
        ({"text": "x", "a": "y"}, ("x", "y")),
        ({1: "x", 0: "y"}, ("y", "x")),
        ({"A": None}, None),
        ("x", None),
        (None, None),
    ],
)
def test_options_are_read_in_the_order_of_their_letters(
    value: Any, options: tuple[str, ...] | None
) -> None:
    assert read_options(value) == options
