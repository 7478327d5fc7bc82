"""Histograms."""

import pytest
from svg import rects, texts

from understudy.charts.frame import BOTTOM, LEFT, RIGHT, TOP
from understudy.charts.histogram import Histogram

SHARES = Histogram("Shares", "share", (0, 0.5, 0.75, 1), (10, 0, 5), "tasks")


def test_bars_stand_over_their_ranges_and_are_as_high_as_their_counts() -> None:
    low, empty, high = rects(SHARES.draw())

    assert (low["y"], low["y"] + low["height"]) == (TOP, BOTTOM)
    assert (empty["height"], high["height"]) == (0, pytest.approx(low["height"] / 2, abs=0.1))
    assert low["x"] == pytest.approx(LEFT, abs=1)
    assert low["width"] == pytest.approx((RIGHT - LEFT) / 2, abs=2)
    assert high["x"] + high["width"] == pytest.approx(RIGHT, abs=1)


def test_the_picture_says_in_words_what_it_shows() -> None:
    svg = SHARES.draw()

    words = ["0 to 0.5: 10 tasks", "0.5 to 0.75: 0 tasks", "0.75 to 1: 5 tasks"]
    assert texts(svg, "desc") == ["; ".join(words)]
    assert texts(svg, "title") == ["Shares", *words]


def test_the_axis_of_counts_has_whole_ticks() -> None:
    svg = Histogram("Shares", "share", (0, 1), (2,), "tasks").draw()

    assert texts(svg)[:3] == ["0", "1", "2"]
    assert "0" in texts(Histogram("Shares", "share", (0, 1), (0,), "tasks").draw())


@pytest.mark.parametrize(
    ("edges", "counts"),
    [
        ((0,), ()),
        ((0, 1), (1, 2)),
        ((0, 0), (1,)),
        ((1, 0), (1,)),
        ((0, 1), (-1,)),
        (range(99), [1] * 98),
    ],
)
def test_what_cannot_be_drawn_is_refused_when_the_chart_is_made(
    edges: tuple[float, ...], counts: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"chart 't': expected 1 to 60 counts .*, found counts"):
        Histogram("t", "x", edges, counts, "tasks")
