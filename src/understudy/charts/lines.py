"""Lines over a count, e.g. accuracy over the number of paths, or a loss over steps."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from understudy.charts.frame import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Tick,
    axis,
    grid,
    number_scale,
    share_scale,
    shorten,
    spread,
    svg,
)
from understudy.data.escape import escape

LABEL = 12
"""Most characters of a line's label."""
MOST_LINES, MOST_POINTS, MOST_CIRCLES = 6, 60, 20


@dataclass(frozen=True)
class Lines:
    """Lines over one count. Of more than 60 points, 60 at even distances are drawn."""

    title: str
    x: str
    """What is counted, e.g. `paths`."""
    at: Sequence[int]
    """The counts, ascending."""
    lines: Mapping[str, Sequence[float]]
    """By label, e.g. `pass@k`: a finite number for each of `at`, at most six lines."""
    caption: str = ""

    def __post_init__(self) -> None:
        if not self.at or not 1 <= len(self.lines) <= MOST_LINES:
            raise ValueError(
                f"chart {self.title!r}: expected at least one point and 1 to {MOST_LINES} lines, "
                f"found {len(self.at)} points and {len(self.lines)} lines."
            )
        for label, values in self.lines.items():
            if len(values) != len(self.at) or not all(map(math.isfinite, values)):
                raise ValueError(
                    f"chart {self.title!r}, line {label!r}: expected {len(self.at)} finite numbers, "
                    f"one for each of `at`, found {list(values)[:MOST_POINTS]}."
                )

    def draw(self) -> str:
        """The lines, each labelled at its end."""
        chart = _thin(self)
        values = [value for line in chart.lines.values() for value in line]
        shares = all(0 <= value <= 1 for value in values)
        scale = share_scale(values) if shares else number_scale(values)
        first, last = chart.at[0], chart.at[-1]

        def place(count: int) -> float:
            across = (count - first) / (last - first) if last > first else 0.5
            return LEFT + across * (RIGHT - LEFT)

        def height(value: float) -> float:
            return scale.place(value, BOTTOM, TOP)

        ticks = [(f"{tick:.2f}" if shares else f"{tick:,g}", tick) for tick in scale.ticks]
        points = {
            label: [
                (place(count), height(value), f"{label}: {_figure(value)} at {count}")
                for count, value in zip(chart.at, line, strict=True)
            ]
            for label, line in chart.lines.items()
        }
        return svg(
            chart.title,
            _say(chart),
            [
                *grid([Tick(label, height(tick)) for label, tick in ticks]),
                *axis([Tick(f"{count:,}", place(count)) for count in chart.at], chart.x),
                *(_line(i, line) for i, line in enumerate(points.values())),
                *_labels({label: line[-1][1] for label, line in points.items()}, chart),
            ],
        )


def _thin(chart: Lines) -> Lines:
    n = len(chart.at)
    if n <= MOST_POINTS:
        return chart
    at = [round(i * (n - 1) / (MOST_POINTS - 1)) for i in range(MOST_POINTS)]
    lines = {label: [line[i] for i in at] for label, line in chart.lines.items()}
    return Lines(chart.title, chart.x, [chart.at[i] for i in at], lines, chart.caption)


def _line(i: int, points: Sequence[tuple[float, float, str]]) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    circles = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{max(2, 4 - i)}"><title>{escape(words)}</title>'
        "</circle>"
        for x, y, words in points
    )
    dense = " dense" if len(points) > MOST_CIRCLES else ""  # the circles would hide the line
    return f'<g class="line{i}{dense}"><polyline points="{path}"/>{circles}</g>'


def _labels(heights: Mapping[str, float], chart: Lines) -> list[str]:
    places = spread(heights)
    return [
        f'<text class="line{i}" x="{RIGHT + 10}" y="{places[label]:.1f}" dy="0.35em">'
        f"{escape(shorten(label, LABEL))} {_figure(line[-1])}</text>"
        for i, (label, line) in enumerate(chart.lines.items())
    ]


def _figure(value: float) -> str:
    return f"{value:.3f}" if abs(value) <= 1 else f"{value:,.4g}"


def _say(chart: Lines) -> str:
    return "; ".join(
        f"{label}: "
        + ", ".join(f"{_figure(v)} at {at}" for at, v in zip(chart.at, line, strict=True))
        for label, line in chart.lines.items()
    )
