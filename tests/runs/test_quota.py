"""How many examples a run is to have, and how many seeds it may try for them."""

import pytest

from understudy.runs.quota import Quota


@pytest.mark.parametrize(
    ("n", "accepted", "enough", "missing"),
    [(None, 9, False, None), (3, 2, False, 1), (3, 3, True, 0), (3, 4, True, 0)],
)
def test_a_run_has_enough_once_n_are_accepted(
    n: int | None, accepted: int, enough: bool, missing: int | None
) -> None:
    quota = Quota(n, accepted=accepted)
    assert (quota.enough, quota.missing) == (enough, missing)


@pytest.mark.parametrize(
    ("most", "tried", "exhausted"), [(None, 9, False), (3, 2, False), (3, 3, True), (3, 4, True)]
)
def test_seeds_are_exhausted_once_max_seeds_were_tried(
    most: int | None, tried: int, exhausted: bool
) -> None:
    assert Quota(max_seeds=most, seeds=tried).exhausted is exhausted


def test_a_new_run_has_tried_nothing() -> None:
    quota = Quota()
    assert (quota.accepted, quota.rejected, quota.seeds) == (0, 0, 0)
    assert (quota.enough, quota.exhausted, quota.missing) == (False, False, None)


def test_without_n_as_many_tasks_are_on_their_way_as_may_be() -> None:
    assert Quota(rejected=100).most_at_once(512) == 512


@pytest.mark.parametrize(
    ("accepted", "rejected", "most"),
    [
        (0, 0, 10),  # nothing is known yet: each task is taken to give an example
        (5, 0, 5),
        (0, 1, 20),  # (0 + 1) of (0 + 1 + 1)
        (4, 5, 12),  # half: 6 missing take 12
        (4, 15, 24),  # a quarter
        (9, 0, 1),
        (9, 10, 2),
        (10, 0, 1),  # never none, or the run would stand still
        (0, 10_000, 512),
    ],
)
def test_the_acceptance_rate_says_how_many_tasks_n_examples_take(
    accepted: int, rejected: int, most: int
) -> None:
    assert Quota(10, accepted=accepted, rejected=rejected).most_at_once(512) == most


def test_no_more_are_on_their_way_than_the_run_may_have() -> None:
    assert Quota(1_000).most_at_once(7) == 7
