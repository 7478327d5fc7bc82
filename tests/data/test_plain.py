"""Values of Python, Arrow and numpy, converted to those of JSON."""

from datetime import date, timedelta
from decimal import Decimal
from http import HTTPStatus

import numpy as np
import pytest
from seed_files import bad, one

from understudy.data.plain import as_list, as_record, to_plain


def test_values_that_json_lacks_become_values_that_it_has() -> None:
    row = {
        "prompt": "p",
        "day": date(2026, 1, 2),
        "price": Decimal("1.10"),
        "raw": b"text",
        "odd": b"\xff",
        "nan": float("nan"),
        "array": np.array([1, 2]),
        "number": np.float32(0.5),
        "half": "\ud800",
        1: {2},
    }

    assert one(row).meta == {  # type: ignore[arg-type]  # the odd key is the point
        "day": "2026-01-02",
        "price": "1.10",
        "raw": "text",
        "odd": "/w==",
        "nan": None,
        "array": [1, 2],
        "number": 0.5,
        "half": "?",
        "1": [2],
    }


def test_a_value_without_any_form_in_json_is_a_bad_seed() -> None:
    assert "object" in bad({"prompt": "p", "x": object()})


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (None, None),
        (True, True),
        (float("nan"), None),
        (float("inf"), None),
        (date(2026, 1, 2), "2026-01-02"),
        (timedelta(minutes=1), 60.0),
        (Decimal("0.10"), "0.10"),
        (b"text", "text"),
        (b"\xff", "/w=="),
        ((1, (2,)), [1, [2]]),
        ({1: "a"}, {"1": "a"}),
        ("half \ud800", "half ?"),
        (HTTPStatus.OK, 200),
        (np.float32(0.5), 0.5),
        (np.array([1, 2]), [1, 2]),
    ],
)
def test_every_value_has_its_form(value: object, json: object) -> None:
    assert to_plain(value) == json


def test_nesting_is_bounded() -> None:
    value: object = 1
    for _ in range(100):
        value = [value]

    assert to_plain(value) == value
    with pytest.raises(ValueError, match="at most 100 levels"):
        to_plain([value])


def test_records_and_lists_are_told_from_the_rest() -> None:
    assert (as_record({"a": 1}), as_record([1]), as_record(None)) == ({"a": 1}, {}, {})
    assert (as_list([1]), as_list({"a": 1}), as_list("a")) == ([1], None, None)
