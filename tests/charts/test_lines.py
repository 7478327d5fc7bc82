"""Line charts as SVG."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from understudy.charts.lines import BOTTOM, LEFT, RIGHT, TOP, WIDTH, Chart, draw

SVG = Chart("Accuracy", "paths", (1, 3, 10), {"maj@k": (0.5, 0.7, 0.9), "pass@k": (0.5, 0.8, 1.0)})


def texts(svg: str, tag: str = "text") -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(tag)]


def points(svg: str) -> list[list[tuple[float, float]]]:
    return [
        [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.split())]
        for line in re.findall(r'<polyline points="([^"]*)"', svg)
    ]


def test_points_stand_in_proportion_to_what_they_show() -> None:
    (vote, any_right) = points(draw(SVG))
    assert [x for x, _ in vote] == [x for x, _ in any_right]
    (a, b, c), (heights) = [x for x, _ in vote], [y for _, y in vote]
    assert (a, c) == (LEFT, RIGHT)
    assert b - a == pytest.approx((c - a) * 2 / 9, abs=0.1)
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2)
    assert (vote[0][1], any_right[-1][1]) == (BOTTOM, TOP)


def test_each_line_is_labelled_at_its_end_with_its_last_figure() -> None:
    assert {"maj@k 0.900", "pass@k 1.000"} <= set(texts(draw(SVG)))


def test_labels_of_lines_that_end_together_do_not_cover_each_other() -> None:
    svg = draw(Chart("t", "x", (0, 1), dict.fromkeys("abc", (0.2, 0.2))))
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
    svg = draw(Chart("t", "x", (1, 2), {"a": shares}))
    ticks = [text for text in texts(svg) if re.fullmatch(r"\d\.\d\d", text)]
    assert (ticks[0], ticks[-1]) == (low, high)
    assert 3 <= len(ticks) <= 7
    assert all(TOP <= y <= BOTTOM for line in points(svg) for _, y in line)


def test_counts_that_would_cover_each_other_are_left_out_but_never_the_last() -> None:
    at = (1, 2, 3, 5, 10, 20, 40, 1000)
    shown = [
        t for t in texts(draw(Chart("t", "x", at, {"a": [0.5] * 8}))) if re.match(r"[\d,]+$", t)
    ]
    assert "1,000" in shown
    assert "2" not in shown


def test_the_chart_is_told_in_words_to_those_who_do_not_see_it() -> None:
    svg = draw(SVG)
    assert texts(svg, "title")[0] == "Accuracy"
    assert texts(svg, "desc") == [
        "maj@k: 0.500 at 1, 0.700 at 3, 0.900 at 10; pass@k: 0.500 at 1, 0.800 at 3, 1.000 at 10"
    ]
    assert "pass@k: 0.800 at 3" in texts(svg, "title")


def test_labels_are_escaped_and_short() -> None:
    bad = '"><script>alert(1)</script>\x00'
    svg = draw(Chart(bad, bad, (1, 2), {bad: (0.1, 0.2)}))
    root = ElementTree.fromstring(svg)
    assert {e.tag for e in root.iter()} <= {
        "svg", "title", "desc", "line", "text", "g", "polyline", "circle",
    }  # fmt: skip
    label = next(text for text in texts(svg) if text.endswith("0.200"))
    assert len(label) <= 18
    assert f"0 0 {WIDTH} " in root.attrib["viewBox"]
