"""Values in [0, 1] counted in equal bins: what histograms and reliability diagrams are drawn from.

Memory is the same for any number of values.
"""

from typing import NamedTuple


class Bin(NamedTuple):
    """The values from `low` to `high`, `high` itself only in the last bin."""

    low: float
    high: float
    n: int
    mean: float
    """Of its values; the middle of the bin where there are none."""
    right: int
    """Of how many the answer was right."""


class Bins:
    """Adds up values, and whether what each was about was right."""

    def __init__(self, bins: int = 10) -> None:
        self._n, self._right, self._sum = [0] * bins, [0] * bins, [0.0] * bins

    def add(self, value: float, *, right: bool = False) -> None:
        """Count a value in [0, 1]; what is outside counts as the nearer end."""
        value = min(1.0, max(0.0, value))
        # A value on an edge between two bins may be a hair below it, as a float.
        i = min(int(value * len(self._n) + 1e-9), len(self._n) - 1)
        self._n[i] += 1
        self._sum[i] += value
        self._right[i] += right

    def __len__(self) -> int:
        """How many values were added."""
        return sum(self._n)

    def bins(self) -> tuple[Bin, ...]:
        """All bins, empty ones too."""
        size = len(self._n)
        return tuple(
            Bin(i / size, (i + 1) / size, n, total / n if n else (i + 0.5) / size, right)
            for i, (n, total, right) in enumerate(zip(self._n, self._sum, self._right, strict=True))
        )

    def error(self) -> float:
        """The expected calibration error (ECE): how far, on average, the mean value of a bin is from
        the share that was right (Guo et al. 2017, https://arxiv.org/abs/1706.04599, equation 3)."""
        if not len(self):
            return 0.0
        return sum(abs(bin.right - bin.mean * bin.n) for bin in self.bins()) / len(self)
