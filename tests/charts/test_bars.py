"""Bar charts."""

import pytest
from svg import rects, texts

from understudy.charts.bars import MOST, Bars

STOPS = Bars("Why", {"solved": 60, "max rounds": 1_240, "refused": 0}, "tasks")


def test_bars_are_as_long_as_their_figures_and_labelled() -> None:
    svg = STOPS.draw()

    solved, rounds, refused = [bar["width"] for bar in rects(svg)]
    assert solved == pytest.approx(rounds * 60 / 1_240, abs=0.1)
    assert refused == 0
    assert texts(svg) == ["solved", "60", "max rounds", "1,240", "refused", "0", "tasks"]


def test_the_picture_says_in_words_what_it_shows() -> None:
    assert texts(STOPS.draw(), "desc") == [
        "solved: 60 tasks; max rounds: 1,240 tasks; refused: 0 tasks"
    ]


def test_of_very_many_bars_the_last_are_added_up() -> None:
    svg = Bars("Why", {f"reason {i}": 2 for i in range(1_000)}, "tasks").draw()

    assert len(rects(svg)) == MOST
    assert texts(svg)[-3:] == ["989 others", "1,978", "tasks"]


def test_bars_that_are_all_empty_are_drawn() -> None:
    assert rects(Bars("Why", {"a": 0}, "tasks").draw())[0]["width"] == 0


@pytest.mark.parametrize("bars", [{}, {"a": -1}, {"a": float("inf")}, {"a": float("nan")}])
def test_what_cannot_be_drawn_is_refused_when_the_chart_is_made(bars: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"chart 't': expected at least one bar, .*, found"):
        Bars("t", bars, "tasks")
