"""Histograms: how many values fall into each of a few ranges."""

from collections.abc import Sequence
from dataclasses import dataclass

from understudy.charts.frame import BOTTOM, LEFT, RIGHT, TOP, Tick, axis, grid, number_scale, svg
from understudy.data.escape import escape

MOST = 60
"""Most ranges."""


@dataclass(frozen=True)
class Histogram:
    """Counts over neighbouring ranges."""

    title: str
    x: str
    """What is measured, e.g. `share of the votes`."""
    edges: Sequence[float]
    """Where the ranges begin, ascending, and where the last one ends."""
    counts: Sequence[int]
    """One for each range."""
    unit: str
    """What is counted, e.g. `tasks`."""
    caption: str = ""

    def __post_init__(self) -> None:
        ascending = all(a < b for a, b in zip(self.edges, self.edges[1:], strict=False))
        fitting = len(self.edges) == len(self.counts) + 1
        if not (1 <= len(self.counts) <= MOST and fitting and ascending and min(self.counts) >= 0):
            raise ValueError(
                f"chart {self.title!r}: expected 1 to {MOST} counts that are not negative, and one "
                f"more ascending edges, found counts {list(self.counts)[:MOST]} and edges "
                f"{list(self.edges)[:MOST]}."
            )

    def draw(self) -> str:
        """A bar for each range, as wide as it is."""
        scale = number_scale([0, max(*self.counts, 1)], whole=True)
        first, last = self.edges[0], self.edges[-1]

        def place(value: float) -> float:
            return LEFT + (value - first) / (last - first) * (RIGHT - LEFT)

        parts = [
            *grid([Tick(f"{tick:,.0f}", scale.place(tick, BOTTOM, TOP)) for tick in scale.ticks]),
            *axis([Tick(f"{edge:g}", place(edge)) for edge in self.edges], self.x),
        ]
        for low, high, count, words in zip(
            self.edges, self.edges[1:], self.counts, self._words(), strict=False
        ):
            top, left, right = scale.place(count, BOTTOM, TOP), place(low), place(high)
            parts.append(
                f'<rect class="bar" x="{left + 1:.1f}" y="{top:.1f}" '
                f'width="{max(right - left - 2, 0.5):.1f}" height="{BOTTOM - top:.1f}">'
                f"<title>{escape(words)}</title></rect>"
            )
        return svg(self.title, "; ".join(self._words()), parts)

    def _words(self) -> list[str]:
        return [
            f"{low:g} to {high:g}: {count:,} {self.unit}"
            for low, high, count in zip(self.edges, self.edges[1:], self.counts, strict=False)
        ]
