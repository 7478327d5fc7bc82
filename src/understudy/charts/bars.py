"""Bars, one for each of a few named things, e.g. why the rounds of a method ended."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from understudy.charts.frame import GLYPH, WIDTH, number, shorten, svg
from understudy.data.escape import escape

MOST = 12
"""Most bars."""
LABEL = 24
"""Most characters of a bar's label."""
ROW, THICK = 26, 16
"""The height of a row, and of its bar."""
START, END = 190, 420
"""Where bars begin, and where the longest ends."""


@dataclass(frozen=True)
class Bars:
    """Horizontal bars in the order given. Of more than twelve, the last are added up in one."""

    title: str
    bars: Mapping[str, float]
    """By label: a finite number that is not negative."""
    unit: str
    """What is counted, e.g. `tasks`."""
    caption: str = ""

    def __post_init__(self) -> None:
        wrong = {k: v for k, v in self.bars.items() if not (v >= 0 and math.isfinite(v))}
        if wrong or not self.bars:
            raise ValueError(
                f"chart {self.title!r}: expected at least one bar, each a finite number that is not "
                f"negative, found {dict(list((wrong or self.bars).items())[:MOST])}."
            )

    def draw(self) -> str:
        """The bars, each with its label and its figure."""
        bars = self._merge_rest()
        longest = max(*bars.values(), 0) or 1
        parts = list[str]()
        for i, (label, value) in enumerate(bars.items()):
            y = ROW * i + ROW / 2
            length = (END - START) * value / longest
            words = escape(f"{label}: {number(value)} {self.unit}")
            parts.append(
                f'<text x="{START - 8}" y="{y:g}" dy="0.35em" text-anchor="end">'
                f"{escape(shorten(label, LABEL))}</text>"
                f'<rect class="bar" x="{START}" y="{y - THICK / 2:g}" width="{length:.1f}" '
                f'height="{THICK}"><title>{words}</title></rect>'
                f'<text x="{START + length + 6:.1f}" y="{y:g}" dy="0.35em">{number(value)}</text>'
            )
        height = ROW * len(bars) + ROW
        parts.append(
            f'<text class="tick" x="{START}" y="{height - 8}" text-anchor="start">'
            f"{escape(shorten(self.unit, int((WIDTH - START) / GLYPH)))}</text>"
        )
        words = "; ".join(f"{label}: {number(value)} {self.unit}" for label, value in bars.items())
        return svg(self.title, words, parts, height)

    def _merge_rest(self) -> dict[str, float]:
        bars = list(self.bars.items())
        if len(bars) <= MOST:
            return dict(bars)
        rest = bars[MOST - 1 :]
        others = (f"{len(rest):,} others", sum(value for _, value in rest))
        return dict([*bars[: MOST - 1], others])
