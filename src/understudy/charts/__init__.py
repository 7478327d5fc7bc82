"""Charts as SVG for `report.html`: one kind per file.

Ours, because no library fitted (docs/design/0005-report.md). A chart is a frozen value that draws
itself. It loads nothing and runs nothing, its colours are the page's by class (`page.css`), its
points are bounded in number, its text is escape, and what it shows is also said in words, for those
who do not see it.
"""

from typing import Protocol


class Chart(Protocol):
    """What a report can show: anything with a title, a caption and a drawing."""

    @property
    def title(self) -> str:
        """E.g. `Accuracy by number of paths`."""
        ...

    @property
    def caption(self) -> str:
        """What is to be seen, in a sentence or two; may be empty."""
        ...

    def draw(self) -> str:
        """An `svg` element, without the title."""
        ...
