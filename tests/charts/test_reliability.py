"""Reliability diagrams."""

import pytest
from svg import points, texts

from understudy.charts.bins import Bin, Bins
from understudy.charts.frame import BOTTOM, LEFT, RIGHT, TOP
from understudy.charts.reliability import Reliability


def diagram(*bins: Bin) -> str:
    return Reliability("Calibration", "share", bins, "tasks").draw()


def test_points_stand_at_confidence_and_share_of_right_answers() -> None:
    ((low, high),) = points(diagram(Bin(0, 0.5, 4, 0.0, 0), Bin(0.5, 1, 10, 1.0, 10)))

    assert (low, high) == ((LEFT, BOTTOM), (RIGHT, TOP))


def test_an_empty_bin_has_no_point() -> None:
    assert len(points(diagram(Bin(0, 0.5, 0, 0.25, 0), Bin(0.5, 1, 2, 0.8, 1)))[0]) == 1


def test_more_answers_make_a_larger_point() -> None:
    svg = diagram(Bin(0, 0.5, 1, 0.2, 0), Bin(0.5, 1, 100, 0.8, 80))

    small, large = [float(text.split('"')[0]) for text in svg.split(' r="')[1:]]
    assert small < large


def test_the_picture_says_in_words_what_it_shows() -> None:
    svg = diagram(Bin(0, 0.5, 4, 0.3, 1), Bin(0.5, 1, 10, 0.9, 8))

    words = ["confidence 0.30: 0.250 right of 4 tasks", "confidence 0.90: 0.800 right of 10 tasks"]
    assert texts(svg, "desc") == ["; ".join(words)]
    assert texts(svg, "title") == ["Calibration", *words]


@pytest.mark.parametrize("bins", [(), Bins().bins(), (Bin(0, 1, 1, 0.5, 1),) * 61])
def test_what_cannot_be_drawn_is_refused_when_the_chart_is_made(bins: tuple[Bin, ...]) -> None:
    with pytest.raises(ValueError, match=r"chart 't': expected 1 to 60 bins .*, found"):
        Reliability("t", "x", bins, "tasks")
