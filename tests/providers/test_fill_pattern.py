"""Texts that match a regular expression."""

import re
from random import Random

import pytest

from understudy.errors import ConfigError
from understudy.providers.fill_pattern import MOST_REPEATS, fill_pattern


@pytest.mark.parametrize(
    "pattern",
    ["^a+$", "[^a-z]", r"(x|y){3}\1", r"\w+\s\d?", "a.c", "[^x]*y", r"^\S+@\S+$", "(?i:ab)"],
)
def test_a_text_is_written_to_a_pattern(pattern: str) -> None:
    for seed in range(20):
        assert re.search(pattern, fill_pattern(pattern, Random(seed)))


def test_a_pattern_that_looks_around_is_refused() -> None:
    with pytest.raises(ConfigError, match="without look-around"):
        fill_pattern("(?=a)", Random(0))
    with pytest.raises(ConfigError, match="expected a regular expression"):
        fill_pattern("(", Random(0))


def test_an_open_end_is_repeated_a_few_times_at_most() -> None:
    lengths = {len(fill_pattern("a{3,}", Random(seed))) for seed in range(100)}
    assert lengths == set(range(3, 3 + MOST_REPEATS + 1))
    assert {len(fill_pattern("a{2}", Random(seed))) for seed in range(20)} == {2}


def test_every_branch_and_every_character_of_a_range_comes_up() -> None:
    texts = {fill_pattern("[a-c]|x", Random(seed)) for seed in range(200)}
    assert texts == {"a", "b", "c", "x"}


def test_the_same_randomness_gives_the_same_text() -> None:
    texts = [fill_pattern(r"\w{20}", Random(seed)) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_a_class_without_a_printable_character_is_refused() -> None:
    with pytest.raises(ConfigError, match="no character was found for"):
        fill_pattern(r"[^\x00-\x7f]", Random(0))
