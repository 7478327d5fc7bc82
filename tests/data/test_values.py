"""Cells of a seed file, read as what they most likely mean."""

import pytest

from understudy.data.values import (
    is_blank,
    parse_json,
    parse_record,
    read_options,
    read_scalar,
    read_texts,
)


@pytest.mark.parametrize("value", [None, "", " \n", [], {}])
def test_nothing_is_blank(value: object) -> None:
    assert is_blank(value)


@pytest.mark.parametrize("value", [0, False, "a", [None], {"a": None}])
def test_something_is_not_blank(value: object) -> None:
    assert not is_blank(value)


def test_only_text_of_a_list_or_record_is_parsed() -> None:
    assert parse_json(' ["a", 1]') == ["a", 1]
    assert parse_json('{"a": 1}') == {"a": 1}
    assert [parse_json(value) for value in ("[broken", "7", 7, "[" * 100_000)] == [
        "[broken", "7", 7, "[" * 100_000,
    ]  # fmt: skip


def test_a_record_may_be_json_text() -> None:
    assert parse_record('{"a": 1}') == parse_record({"a": 1}) == {"a": 1}
    assert parse_record("[1]") == parse_record(7) == {}


def test_texts_numbers_and_truth_values_are_scalars() -> None:
    assert [read_scalar(value) for value in ("é", 7, 0.5, True)] == ["é", "7", "0.5", "true"]
    assert read_scalar([1]) is read_scalar(None) is None


def test_a_list_of_texts_has_texts_only() -> None:
    assert read_texts(["a", 1]) == ("a", "1")
    assert read_texts("a") == ("a",)
    assert read_texts(["a", None]) is None


@pytest.mark.parametrize(
    ("value", "options"),
    [
        (["x", "y"], ("x", "y")),
        ({"B": "y", "A": "x"}, ("x", "y")),
        ({"text": ["x", "y"], "label": ["A", "B"]}, ("x", "y")),
        ({"second": "y", "first": "x"}, ("y", "x")),
        ("x or y", None),
        ([["x"]], None),
    ],
)
def test_options_are_a_list_or_a_record(value: object, options: tuple[str, ...] | None) -> None:
    assert read_options(value) == options
