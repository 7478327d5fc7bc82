"""A memory that forgets what was not used for long."""

from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from understudy.journal.recent import Recent


def test_what_was_added_is_known_and_nothing_else() -> None:
    recent = Recent[str, int](10)
    recent.add("a", 1)
    assert (recent.get("a"), recent.get("b")) == (1, None)


def test_a_value_that_is_added_again_takes_the_place_of_the_earlier() -> None:
    recent = Recent[str, int](2)
    for i, key in enumerate("abca"):  # the first `a` is in the older generation by then
        recent.add(key, i)
    assert recent.get("a") == 3


def test_what_is_not_used_is_forgotten() -> None:
    recent = Recent[int, int](3)
    for i in range(7):
        recent.add(i, i)
    assert [recent.get(i) for i in range(7)] == [None, None, None, 3, 4, 5, 6]


def test_what_is_used_stays() -> None:
    recent = Recent[int, int](3)
    recent.add(-1, -1)
    for i in range(100):
        assert recent.get(-1) == -1
        recent.add(i, i)
    assert recent.get(0) is None


def test_a_heavy_value_takes_the_room_of_many() -> None:
    recent = Recent[str, int](10)
    recent.add("heavy", 1, 10)
    recent.add("a", 2, 10)
    recent.add("b", 3, 1)
    assert (recent.get("heavy"), recent.get("a"), recent.get("b")) == (None, 2, 3)


def test_a_value_keeps_its_weight_when_it_is_used() -> None:
    recent = Recent[str, int](10)
    recent.add("heavy", 1, 10)
    recent.add("light", 2)
    assert recent.get("heavy") == 1  # now it fills the young generation
    recent.add("next", 3)
    recent.add("last", 4, 9)
    recent.add("more", 5)
    assert recent.get("light") is None


@given(st.lists(st.integers(0, 30), max_size=200), st.integers(1, 8))
def test_the_last_keys_are_always_known_and_no_more_than_two_generations(
    keys: list[int], most: int
) -> None:
    recent = Recent[int, int](most)
    for i, key in enumerate(keys):
        recent.add(key, i)
        assert recent.get(key) == i
    # A look counts as use, so each is taken at a copy.
    values = {key: deepcopy(recent).get(key) for key in range(31)}
    remembered = {key for key, value in values.items() if value is not None}
    latest = {key: i for i, key in enumerate(keys)}
    assert set(keys[-most:]) <= remembered
    assert len(remembered) <= 2 * most
    assert all(values[key] == latest[key] for key in remembered)
