"""Line charts as SVG: shares over a count, e.g. accuracy over the number of paths.

Ours, because no library fitted (docs/design/0005-report.md): leather fixes fonts and colours in the
markup and has neither labels at the lines nor words for screen readers; pygal puts scripts and styles
of its own into each picture. No other kind of chart; colours are the page's, by class (`page.css`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from understudy.data.escape import escaped


class Chart(NamedTuple):
    """Lines over one count, at least two points of it."""

    title: str
    """E.g. `Accuracy by number of paths`."""
    x: str
    """What is counted, e.g. `paths`."""
    at: Sequence[int]
    """The counts, ascending."""
    lines: Mapping[str, Sequence[float]]
    """By label, e.g. `pass@k`: a share in [0, 1] for each of `at`."""
    says: str = ""
    """What is to be seen, in a sentence."""


WIDTH, HEIGHT = 500, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 350, 12, 208
"""The frame that the lines are drawn in; the labels stand to its right."""
LABEL, APART = 12, 17
"""Most characters of a line's label, and the distance of two labels."""


def draw(chart: Chart) -> str:
    """The chart without its title, as an `svg` element."""
    low, high, ticks = _scale([share for line in chart.lines.values() for share in line])
    first, last = chart.at[0], chart.at[-1]

    def place(count: int, share: float) -> tuple[float, float]:
        across, up = (count - first) / (last - first), (share - low) / (high - low)
        return LEFT + across * (RIGHT - LEFT), BOTTOM - up * (BOTTOM - TOP)

    lines = {
        name: [place(count, share) for count, share in zip(chart.at, shares, strict=True)]
        for name, shares in chart.lines.items()
    }
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escaped(chart.title)}</title><desc>{escaped(_words(chart))}</desc>",
        *_grid([(tick, place(first, tick)[1]) for tick in ticks]),
        *_counts([(count, place(count, low)[0]) for count in chart.at], chart.x),
    ]
    for i, (name, points) in enumerate(lines.items()):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<g class="line{i}"><polyline points="{path}"/>')
        for (x, y), count, share in zip(points, chart.at, chart.lines[name], strict=True):
            told = escaped(f"{name}: {share:.3f} at {count}")
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{max(2, 4 - i)}"><title>{told}</title></circle>'
            )
        parts.append("</g>")
    heights = _apart({name: points[-1][1] for name, points in lines.items()})
    for i, (name, shares) in enumerate(chart.lines.items()):
        label = escaped(name if len(name) <= LABEL else name[: LABEL - 1] + "…")
        parts.append(
            f'<text class="line{i}" x="{RIGHT + 10}" y="{heights[name]:.1f}" dy="0.35em">'
            f"{label} {shares[-1]:.3f}</text>"
        )
    return "\n".join([*parts, "</svg>"])


def _scale(shares: Sequence[float]) -> tuple[float, float, list[float]]:
    """The least and greatest value of the axis, and its ticks, all of them round."""
    low, high = min(shares), max(shares)
    if high - low < 0.1:  # or noise would fill the frame
        low, high = max(0.0, min(low - 0.05, 0.9)), min(1.0, max(high + 0.05, 0.1))
    step = next(step for step in (0.02, 0.05, 0.1, 0.2) if high - low <= 5 * step)
    lowest, highest = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [round(i * step, 2) for i in range(lowest, highest + 1)]
    return ticks[0], ticks[-1], ticks


def _grid(ticks: Sequence[tuple[float, float]]) -> list[str]:
    return [
        f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick" x="{LEFT - 8}" y="{y:.1f}" dy="0.35em" text-anchor="end">'
        f"{tick:.2f}</text>"
        for tick, y in ticks
    ]


def _counts(counts: Sequence[tuple[int, float]], title: str) -> list[str]:
    """Below the axis each point's own count, the last one surely, as far as there is room."""
    parts, free = list[str](), math.inf
    for count, x in reversed(counts):
        half = 4.5 * len(f"{count:,}") + 3
        if x + half <= free:
            free = x - half
            parts.append(f'<text class="tick" x="{x:.1f}" y="{BOTTOM + 19}">{count:,}</text>')
    middle = (LEFT + RIGHT) // 2
    return [*parts, f'<text class="tick" x="{middle}" y="{BOTTOM + 38}">{escaped(title)}</text>']


def _apart(heights: Mapping[str, float]) -> dict[str, float]:
    """Where labels stand that would cover each other: in their order, no nearer than `APART`."""
    placed, free = dict[str, float](), -math.inf
    for name, y in sorted(heights.items(), key=lambda item: item[1]):
        placed[name] = free = max(y, free + APART)
    over = max(0.0, free - BOTTOM)
    return {name: y - over for name, y in placed.items()}


def _words(chart: Chart) -> str:
    return "; ".join(
        f"{name}: " + ", ".join(f"{s:.3f} at {at}" for at, s in zip(chart.at, line, strict=True))
        for name, line in chart.lines.items()
    )
