"""Reliability diagrams: how often answers of a given confidence are right.

DeGroot and Fienberg 1983; Guo et al. 2017, figure 1, https://arxiv.org/abs/1706.04599. On the
diagonal, answers of confidence c are right in c of all cases; below it the model is overconfident.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from understudy.charts.bins import Bin
from understudy.charts.frame import BOTTOM, LEFT, RIGHT, TOP, Scale, Tick, axis, grid, spread, svg
from understudy.data.escape import escape

MOST = 60
"""Most bins."""
SCALE = Scale(0.0, 1.0, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0))


@dataclass(frozen=True)
class Reliability:
    """A point for each bin that has answers: their mean confidence, and the share that is right."""

    title: str
    x: str
    """What is taken as confidence, e.g. `share of the votes`."""
    bins: Sequence[Bin]
    unit: str
    """What is counted, e.g. `tasks`."""
    caption: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.bins) <= MOST or not any(bin.n for bin in self.bins):
            raise ValueError(
                f"chart {self.title!r}: expected 1 to {MOST} bins with at least one answer in all, "
                f"found {len(self.bins)} bins with {sum(bin.n for bin in self.bins)} answers."
            )

    def draw(self) -> str:
        """The diagonal and the points, larger where there are more answers."""
        full = [bin for bin in self.bins if bin.n]
        most = max(bin.n for bin in full)
        points = [
            (
                SCALE.place(bin.mean, LEFT, RIGHT),
                SCALE.place(bin.right / bin.n, BOTTOM, TOP),
                2.5 + 5 * (bin.n / most) ** 0.5,
                f"confidence {bin.mean:.2f}: {bin.right / bin.n:.3f} right of {bin.n:,} {self.unit}",
            )
            for bin in full
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in points)
        circles = "".join(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}"><title>{escape(words)}</title></circle>'
            for x, y, r, words in points
        )
        heights = spread({"confident": TOP, "right": points[-1][1]})
        parts = [
            *grid([Tick(f"{tick:.1f}", SCALE.place(tick, BOTTOM, TOP)) for tick in SCALE.ticks]),
            *axis(
                [Tick(f"{tick:.1f}", SCALE.place(tick, LEFT, RIGHT)) for tick in SCALE.ticks],
                self.x,
            ),
            f'<line class="diagonal" x1="{LEFT}" y1="{BOTTOM}" x2="{RIGHT}" y2="{TOP}"/>',
            f'<g class="line0"><polyline points="{path}"/>{circles}</g>',
            f'<text class="line0" x="{RIGHT + 10}" y="{heights["right"]:.1f}" dy="0.35em">right</text>',
            f'<text class="tick" x="{RIGHT + 10}" y="{heights["confident"]:.1f}" dy="0.35em" '
            'text-anchor="start">if as confident</text>',
        ]
        return svg(self.title, "; ".join(words for *_, words in points), parts)
