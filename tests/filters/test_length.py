"""Answers of a sensible length."""

import pytest

from understudy.filters.length import Config, length
from understudy.types import Example, Verdict, assistant, user


def answered(text: str) -> Example:
    return Example(messages=(user("x" * 99), assistant("y" * 99), user("?"), assistant(text)))


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("", Verdict(False, "answer too short", 0)),
        (" a \n", Verdict(False, "answer too short", 1)),
        ("ab", Verdict(True, score=2)),
        ("abcd", Verdict(True, score=4)),
        ("äöüß", Verdict(True, score=4)),
        ("abcde", Verdict(False, "answer too long", 5)),
    ],
)
def test_the_last_answer_is_measured_without_the_blanks_around_it(
    text: str, verdict: Verdict
) -> None:
    assert length(answered(text), Config(min_characters=2, max_characters=4)) == verdict


def test_an_example_without_an_answer_is_too_short() -> None:
    assert not length(Example(messages=(user("long enough"),)), Config()).keep


def test_by_default_only_the_empty_and_the_endless_are_rejected() -> None:
    assert [length(answered(t), Config()).keep for t in (" ", "a", "a" * 20_000, "a" * 20_001)] == [
        False, True, True, False,
    ]  # fmt: skip
