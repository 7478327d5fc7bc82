"""What all charts share."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svg import texts

from understudy.charts.frame import (
    BOTTOM,
    DISTANCE,
    Tick,
    axis,
    number,
    number_scale,
    share_scale,
    shorten,
    spread,
)

FIGURES = st.floats(-1e9, 1e9).filter(lambda value: value == 0 or abs(value) > 1e-9)


@given(st.lists(FIGURES, min_size=1, max_size=9))
def test_a_scale_holds_every_number_with_a_few_ticks_at_equal_distances(
    values: list[float],
) -> None:
    scale = number_scale(values)

    slack = 1e-6 * (scale.high - scale.low)
    assert scale.low - slack <= min(values) <= max(values) <= scale.high + slack
    assert 2 <= len(scale.ticks) <= 8
    steps = [b - a for a, b in pairwise(scale.ticks)]
    assert max(steps) == pytest.approx(min(steps))


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=9))
def test_a_scale_of_counts_has_whole_ticks(counts: list[int]) -> None:
    assert all(tick == int(tick) for tick in number_scale([0, *counts], whole=True).ticks)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_a_scale_of_shares_stays_between_none_and_all(shares: list[float]) -> None:
    scale = share_scale(shares)

    assert 0 <= scale.low <= min(shares) + 1e-9
    assert max(shares) - 1e-9 <= scale.high <= 1


@given(st.dictionaries(st.text(max_size=3), st.floats(0, BOTTOM), min_size=1, max_size=6))
def test_labels_never_cover_each_other(heights: dict[str, float]) -> None:
    places = spread(heights)

    assert all(b - a >= DISTANCE - 1e-6 for a, b in pairwise(sorted(places.values())))
    assert max(places.values()) <= BOTTOM + 1e-6


def test_the_last_label_of_an_axis_is_always_there() -> None:
    parts = axis([Tick("99,999", 100), Tick("100,000", 110)], "steps")

    assert re.findall(">([^<]+)<", "".join(parts)) == ["100,000", "steps"]


def test_short_labels_stay_and_long_ones_end_in_an_ellipsis() -> None:
    assert (shorten("abc", 3), shorten("abcd", 3)) == ("abc", "ab…")


def test_numbers_are_whole_or_have_three_digits() -> None:
    assert [number(n) for n in (0, 1_234, 0.12345, 2.5)] == ["0", "1,234", "0.123", "2.5"]


def test_texts_reads_what_is_there() -> None:
    assert texts("<svg><text>a</text></svg>") == ["a"]
