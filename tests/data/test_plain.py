"""Values of other libraries become those of JSON, or one error says why not."""

import enum
import json
import uuid
from collections import OrderedDict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.data.plain import as_list, as_record, to_plain


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Kind(enum.StrEnum):
    CODE = "code"


class Name(str):
    pass


CASES: list[tuple[Any, Any]] = [
    (None, None), (True, True), (3, 3), (2.5, 2.5), ("a", "a"), ("é", "é"),
    (float("nan"), None), (float("inf"), None), (-float("inf"), None),
    ("\ud800x", "?x"), (Name("a"), "a"), (Color.RED, "red"), (Level.HIGH, 3), (Kind.CODE, "code"),
    ((1, (2,)), [1, [2]]), ({1}, [1]), (frozenset({1}), [1]), (OrderedDict(a=1), {"a": 1}),
    ({1: 2, None: 3, Kind.CODE: 4, "\ud800": 5}, {"1": 2, "None": 3, "code": 4, "?": 5}),
    (date(2026, 11, 28), "2026-11-28"), (time(1, 2), "01:02:00"),
    (datetime(2026, 11, 28, tzinfo=UTC), "2026-11-28T00:00:00+00:00"),
    (timedelta(minutes=1.5), 90.0), (Decimal("1.10"), "1.10"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (b"abc", "abc"), (bytearray(b"abc"), "abc"), (memoryview(b"abc"), "abc"), (b"\xff", "/w=="),
    (numpy.float32(0.5), 0.5), (numpy.int64(3), 3), (numpy.array([[1, 2]]), [[1, 2]]),
]  # fmt: skip


@pytest.mark.parametrize(("value", "plain"), CASES, ids=lambda case: ascii(case)[:30])
def test_a_value_becomes_its_plain_form(value: Any, plain: Any) -> None:
    copy = to_plain(value)
    assert copy == plain
    assert type(copy) is type(plain)
    json.dumps(copy).encode()


def test_a_type_without_a_plain_form_is_named() -> None:
    with pytest.raises(ValueError, match="JSON has a form for, found a complex"):
        to_plain([1j])


def test_a_hundred_levels_are_kept_and_one_more_is_refused() -> None:
    value: Any = 1
    for _ in range(100):
        value = [value]
    assert to_plain(value) == value
    with pytest.raises(ValueError, match="at most 100 levels of nesting"):
        to_plain([value])
    with pytest.raises(ValueError, match="at most 100 levels of nesting"):
        to_plain({"a": value})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
    | st.binary() | st.dates() | st.decimals() | st.uuids() | st.timedeltas(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=10,
)  # fmt: skip


@given(anything)
def test_what_is_plain_can_be_written_as_json(value: Any) -> None:
    json.dumps(to_plain(value), allow_nan=False).encode()


def test_records_and_lists_are_told_from_the_rest() -> None:
    assert as_record({"a": 1}) == {"a": 1}
    assert (as_record([1]), as_record(None)) == ({}, {})
    assert as_list([1]) == [1]
    assert (as_list((1,)), as_list("a"), as_list(None)) == (None, None, None)
