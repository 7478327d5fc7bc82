"""Line charts as SVG."""

import re
from itertools import pairwise

import pytest
from svg import points, texts

from understudy.charts.frame import BOTTOM, LEFT, RIGHT, TOP
from understudy.charts.lines import MOST_POINTS, Lines

CURVE = Lines(
    "Accuracy", "paths", (1, 3, 10), {"maj@k": (0.5, 0.7, 0.9), "pass@k": (0.5, 0.8, 1.0)}
)


def test_points_stand_in_proportion_to_what_they_show() -> None:
    (vote, any_right) = points(CURVE.draw())
    assert [x for x, _ in vote] == [x for x, _ in any_right]
    (a, b, c), (heights) = [x for x, _ in vote], [y for _, y in vote]
    assert (a, c) == (LEFT, RIGHT)
    assert b - a == pytest.approx((c - a) * 2 / 9, abs=0.1)
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2)
    assert (vote[0][1], any_right[-1][1]) == (BOTTOM, TOP)


def test_each_line_is_labelled_at_its_end_with_its_last_figure() -> None:
    assert {"maj@k 0.900", "pass@k 1.000"} <= set(texts(CURVE.draw()))


def test_labels_of_lines_that_end_together_do_not_cover_each_other() -> None:
    svg = Lines("t", "x", (0, 1), dict.fromkeys("abc", (0.2, 0.2))).draw()
    heights = sorted(
        float(y) for y in re.findall(r'<text class="line\d" x="\d+" y="([\d.]+)"', svg)
    )
    assert len(heights) == 3
    assert all(lower - upper >= 15 for upper, lower in pairwise(heights))
    assert TOP <= heights[0] <= heights[-1] <= BOTTOM


@pytest.mark.parametrize(
    ("shares", "low", "high"),
    [
        ((0.0, 0.0), "0.00", "0.10"),
        ((1.0, 1.0), "0.90", "1.00"),
        ((0.75, 0.75), "0.70", "0.80"),
        ((0.754, 0.96), "0.75", "1.00"),
        ((0.0, 1.0), "0.00", "1.00"),
        ((0.013, 0.987), "0.00", "1.00"),
    ],
)
def test_the_axis_is_round_holds_every_point_and_stays_between_none_and_all(
    shares: tuple[float, float], low: str, high: str
) -> None:
    svg = Lines("t", "x", (1, 2), {"a": shares}).draw()
    ticks = [text for text in texts(svg) if re.fullmatch(r"\d\.\d\d", text)]
    assert (ticks[0], ticks[-1]) == (low, high)
    assert 3 <= len(ticks) <= 7
    assert all(TOP <= y <= BOTTOM for line in points(svg) for _, y in line)


def test_counts_that_would_cover_each_other_are_left_out_but_never_the_last() -> None:
    at = (1, 2, 3, 5, 10, 20, 40, 1000)
    shown = [
        t for t in texts(Lines("t", "x", at, {"a": [0.5] * 8}).draw()) if re.match(r"[\d,]+$", t)
    ]
    assert "1,000" in shown
    assert "2" not in shown


def test_the_picture_says_in_words_what_it_shows() -> None:
    svg = CURVE.draw()
    assert texts(svg, "desc") == [
        "maj@k: 0.500 at 1, 0.700 at 3, 0.900 at 10; pass@k: 0.500 at 1, 0.800 at 3, 1.000 at 10"
    ]
    assert "pass@k: 0.800 at 3" in texts(svg, "title")


def test_numbers_that_are_no_shares_have_a_round_axis_of_their_own() -> None:
    svg = Lines("Loss", "steps", (0, 500), {"loss": (11.3, 2.1)}).draw()

    assert [text for text in texts(svg) if re.fullmatch(r"\d+", text)] == [
        "2", "4", "6", "8", "10", "12", "500", "0",
    ]  # fmt: skip
    assert "loss 2.1" in texts(svg)


def test_a_single_point_is_drawn() -> None:
    assert points(Lines("t", "x", (7,), {"a": (0.5,)}).draw())[0][0][0] == (LEFT + RIGHT) / 2


def test_of_very_many_points_a_bounded_number_is_drawn_the_ends_included() -> None:
    svg = Lines("t", "steps", range(100_000), {"a": [i / 1e5 for i in range(100_000)]}).draw()

    (line,) = points(svg)
    assert len(line) == MOST_POINTS
    assert (line[0][0], line[-1][0]) == (LEFT, RIGHT)
    assert "a: 1.000 at 99999" in texts(svg, "title")
    assert len(svg) < 10_000


@pytest.mark.parametrize(
    ("at", "lines"),
    [
        ((), {"a": ()}),
        ((1, 2), {}),
        ((1, 2), {"a": (0.5,)}),
        ((1, 2), {"a": (0.5, float("nan"))}),
        ((1,), dict.fromkeys("abcdefg", (0.5,))),
    ],
)
def test_what_cannot_be_drawn_is_refused_when_the_chart_is_made(
    at: tuple[int, ...], lines: dict[str, tuple[float, ...]]
) -> None:
    with pytest.raises(ValueError, match=r"chart 't'.*: expected .*, found"):
        Lines("t", "x", at, lines)
