"""Rows against the declared types of their columns."""

from datetime import date
from typing import Any

import pytest

from understudy.exports.columns import Column, Misfit, encode_line, fit


def test_json_becomes_text_and_text_stays_as_it_is() -> None:
    columns: dict[str, Column] = {"a": "json", "b": "json", "c": "text"}

    row = fit({"a": {"x": [1]}, "b": "not json", "c": "t"}, columns, set())

    assert row == {"a": '{"x":[1]}', "b": "not json", "c": "t"}


def test_optional_fields_that_occur_are_noted_wherever_they_stand() -> None:
    columns: dict[str, Column] = {
        "turns": [{"role": "text", "name?": "text"}],
        "images?": ["media"],
    }
    present = set[str]()

    fit({"turns": [{"role": "a"}, {"role": "b", "name": "n"}]}, columns, present)

    assert present == {"name?"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("text", 1), ("integer", 1.5), ("integer", True), ("number", "1"), ("boolean", 0),
        (["text"], "a"), (["text"], [1]), ({"a": "text"}, ["a"]), ({"a": "text"}, {"a": 1}),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(column: Column, value: Any) -> None:
    with pytest.raises(Misfit, match=r"expected '\w+' to have the type .*, found .* Correct"):
        fit({"column": value}, {"column": column}, set())


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("text", "a"),
        ("text", None),
        ("integer", 1),
        ("number", 1),
        ("number", 0.5),
        ("boolean", True),
    ],
)
def test_a_value_of_its_type_or_none_is_kept(column: Column, value: Any) -> None:
    assert fit({"column": value}, {"column": column}, set()) == {"column": value}


def test_a_column_that_the_format_does_not_declare_is_refused() -> None:
    with pytest.raises(Misfit, match="expected the fields a, b, found 'c'"):
        fit({"c": 1}, {"a": "text", "b?": "text"}, set())


def test_a_line_holds_what_json_has_no_form_for() -> None:
    assert encode_line({"d": date(2026, 1, 2), "t": "\ud800"}) == b'{"d":"2026-01-02","t":"?"}'
