"""Fields of JSON that nobody vouches for."""

import math
from typing import Any

import pytest

from understudy.providers.fields import (
    MOST_TOKENS,
    as_list,
    as_object,
    as_objects,
    as_text,
    check_usage,
    name_kind,
    read_count,
    read_share,
)
from understudy.types import Usage


@pytest.mark.parametrize("value", [None, True, 5, 1.5, "x", [1], {"a": 1}])
def test_a_field_of_another_kind_is_an_empty_one(value: Any) -> None:
    assert as_object(value) == (value if isinstance(value, dict) else {})
    assert as_list(value) == (value if isinstance(value, list) else [])
    assert as_text(value) == (value if isinstance(value, str) else "")
    assert as_objects([value]) == [as_object(value)]


def test_the_kind_of_a_value_is_named_and_the_value_is_not() -> None:
    values = [None, True, 5, 1.5, "sk-secret", ["sk-secret"], {"k": "sk-secret"}]
    assert [name_kind(value) for value in values] == [
        "null", "boolean", "number", "number", "string", "array", "object",
    ]  # fmt: skip


@pytest.mark.parametrize(("value", "count"), [(0, 0), (None, 0), (7, 7), (7.0, 7), (10**9, 10**9)])
def test_a_count_is_read(value: Any, count: int) -> None:
    assert read_count({"a": value}, "x", "a") == count


@pytest.mark.parametrize(
    "value", [-1, MOST_TOKENS + 1, 10**25, math.inf, math.nan, "7", True, [], {}]
)
def test_what_is_no_count_is_refused_and_as_a_share_nothing(value: Any) -> None:
    with pytest.raises(ValueError, match="expected a count of tokens as a"):
        read_count({"a": value}, "a")
    assert read_share({"a": value}, "a") == 0


def test_the_first_count_that_is_there_and_not_zero_is_taken() -> None:
    assert read_count({"a": 0, "b": 3, "c": 4}, "x", "a", "b", "c") == 3


@pytest.mark.parametrize(
    "usage",
    [
        None, Usage(), Usage(cached=3), Usage(tokens_in=-1), Usage(tokens_in=10**25),
        Usage(tokens_in="3"), Usage(tokens_in=1, reasoning=1.5), Usage(tokens_in=True),
    ],
)  # fmt: skip
def test_usage_that_cannot_be_is_unknown_whatever_made_it(usage: Any) -> None:
    assert check_usage(usage) is None


def test_sound_usage_stays_as_it_is() -> None:
    usage = Usage(tokens_in=3)
    assert check_usage(usage) is usage
