"""Values in [0, 1] counted in equal bins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.charts.bins import Bins


def filled(*values: tuple[float, bool], bins: int = 10) -> Bins:
    counts = Bins(bins)
    for value, right in values:
        counts.add(value, right=right)
    return counts


@pytest.mark.parametrize(
    ("value", "bin"), [(0, 0), (0.0999, 0), (0.1, 1), (0.3, 3), (0.7, 7), (0.999, 9), (1, 9)]
)
def test_a_bin_begins_with_its_lower_edge_and_the_last_ends_with_one(
    value: float, bin: int
) -> None:
    assert [b.n for b in filled((value, True)).bins()].index(1) == bin


def test_what_is_outside_counts_as_the_nearer_end() -> None:
    assert [b.n for b in filled((-0.5, True), (1.5, True)).bins()] == [1, *[0] * 8, 1]


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=50))
def test_every_value_is_in_one_bin_and_its_mean_within_it(values: list[tuple[float, bool]]) -> None:
    bins = filled(*values).bins()

    assert sum(bin.n for bin in bins) == len(values) == len(filled(*values))
    assert sum(bin.right for bin in bins) == sum(right for _, right in values)
    assert all(bin.low - 1e-9 <= bin.mean <= bin.high + 1e-9 for bin in bins)


def test_the_calibration_error_is_the_mean_distance_from_the_diagonal() -> None:
    # Of four at 0.95 three are right (off by 0.2), of one at 0.15 none (off by 0.15).
    counts = filled(*[(0.95, True)] * 3, (0.95, False), (0.15, False))

    assert counts.error() == pytest.approx((4 * 0.2 + 1 * 0.15) / 5)
    assert filled(*[(0.5, True), (0.5, False)]).error() == 0
    assert Bins().error() == 0
