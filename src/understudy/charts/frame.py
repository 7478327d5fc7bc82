"""What all charts share: frame, round scales, grid, axis, labels, and the words beside the picture."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from understudy.data.escape import escape

WIDTH, HEIGHT = 500, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 350, 12, 208
"""The frame that lines and points are drawn in, in units of the picture."""
GLYPH = 7.5
"""About the width of a character."""
DISTANCE = 17
"""The least distance of two labels, one above the other."""


class Tick(NamedTuple):
    """A mark of an axis, and where it stands."""

    label: str
    at: float


class Scale(NamedTuple):
    """An axis from `low` to `high`, both of them ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float, start: float, end: float) -> float:
        """Where a value stands if `low` is at `start` and `high` at `end`."""
        return start + (value - self.low) / (self.high - self.low) * (end - start)


def share_scale(shares: Iterable[float]) -> Scale:
    """For shares in [0, 1]: round ticks, no finer than what noise would fill."""
    shares = list(shares)
    low, high = min(shares), max(shares)
    if high - low < 0.1:
        low, high = max(0.0, min(low - 0.05, 0.9)), min(1.0, max(high + 0.05, 0.1))
    step = next(step for step in (0.02, 0.05, 0.1, 0.2) if high - low <= 5 * step)
    return _scale(low, high, step)


def number_scale(numbers: Iterable[float], *, whole: bool = False) -> Scale:
    """For numbers of any size: ticks of 1, 2 or 5 times a power of ten, at least 1 where `whole`."""
    numbers = list(numbers)
    low, high = min(numbers), max(numbers)
    if low == high:
        low, high = min(low, 0.0), max(high, 0.0) or 1.0
    power = 10.0 ** math.floor(math.log10(high - low))
    step = next(s for s in (power * f for f in (0.2, 0.5, 1, 2)) if high - low <= 5.001 * s)
    return _scale(low, high, max(step, 1.0) if whole else step)


def _scale(low: float, high: float, step: float) -> Scale:
    lowest, highest = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(float(f"{i * step:.12g}") for i in range(lowest, highest + 1))
    return Scale(ticks[0], ticks[-1], ticks)


def svg(title: str, words: str, parts: Iterable[str], height: float = HEIGHT) -> str:
    """The element around a chart's parts. `words` say what they show."""
    return "\n".join(
        [
            f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img">',
            f"<title>{escape(title)}</title><desc>{escape(words)}</desc>",
            *parts,
            "</svg>",
        ]
    )


def grid(ticks: Iterable[Tick]) -> list[str]:
    """Lines across the frame, with their labels to the left."""
    return [
        f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick" x="{LEFT - 8}" y="{y:.1f}" dy="0.35em" text-anchor="end">'
        f"{escape(label)}</text>"
        for label, y in ticks
    ]


def axis(ticks: Sequence[Tick], title: str) -> list[str]:
    """Labels below the frame: the last one for certain, the others as far as there is room."""
    parts, free = list[str](), math.inf
    for label, x in reversed(ticks):
        half = (GLYPH * len(label)) / 2 + 4
        if x + half <= free:
            free = x - half
            parts.append(f'<text class="tick" x="{x:.1f}" y="{BOTTOM + 19}">{escape(label)}</text>')
    middle = (LEFT + RIGHT) // 2
    return [*parts, f'<text class="tick" x="{middle}" y="{BOTTOM + 38}">{escape(title)}</text>']


def spread(heights: Mapping[str, float]) -> dict[str, float]:
    """Where labels stand that would cover each other: in their order, no nearer than `DISTANCE`."""
    places, free = dict[str, float](), -math.inf
    for label, y in sorted(heights.items(), key=lambda item: item[1]):
        places[label] = free = max(y, free + DISTANCE)
    over = max(0.0, free - BOTTOM)
    return {label: y - over for label, y in places.items()}


def shorten(label: str, most: int) -> str:
    """A label of at most `most` characters."""
    return label if len(label) <= most else f"{label[: most - 1]}…"


def number(value: float) -> str:
    """A figure as charts show it: whole numbers with separators, others to three digits."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.3g}"
