"""Letters read off 3,000 real chains of thought: the authors' figures, and ours beside them."""

from collections import Counter
from pathlib import Path

import pytest
from recorded_choices import FILES, disagreements, load, single, vote


@pytest.mark.parametrize(
    ("name", "mean", "left_out", "counted"),
    [
        ("sat", 0.701, 0.905, 0.895),
        ("aqua", 0.580, 0.722, 0.696),
        ("llama", 0.309, 0.488, 0.338),
    ],
)
def test_the_authors_letters_give_the_recorded_figures(
    data: Path, name: str, mean: float, left_out: float, counted: float
) -> None:
    questions = load(data, name)

    theirs = [question.theirs for question in questions]

    assert round(float(single(questions, theirs)), 3) == mean
    assert round(float(vote(questions, theirs)), 3) == left_out
    assert round(float(vote(questions, [q.recorded for q in questions])), 3) == counted


@pytest.mark.parametrize(
    ("name", "mean", "voted"),
    [("sat", 0.712, 0.905), ("aqua", 0.580, 0.7217), ("llama", 0.558, 0.6075)],
)
def test_our_letters_are_at_least_as_accurate(
    data: Path, name: str, mean: float, voted: float
) -> None:
    questions = load(data, name)
    theirs = [question.theirs for question in questions]

    ours = [question.ours for question in questions]

    assert single(questions, ours) >= single(questions, theirs)
    assert vote(questions, ours) >= vote(questions, theirs)
    assert round(float(single(questions, ours)), 4) == mean
    assert round(float(vote(questions, ours)), 4) == voted


def test_we_read_more_letters_and_contradict_no_letter(data: Path) -> None:
    """The one conflict is a number that the authors recorded before the text reached its letter."""
    kinds = {
        name: dict(Counter(found.kind for found in disagreements(load(data, name))))
        for name in FILES
    }

    assert kinds == {
        "sat": {"found+": 11, "found": 2, "conflict+": 1, "lost+": 1, "lost": 4},
        "aqua": {"found": 3, "lost": 3},
        "llama": {"found+": 249, "found": 175, "lost": 6},
    }


def test_every_letter_that_we_give_up_was_no_single_option(data: Path) -> None:
    """Two letters at once, an E where the options end at D, or a number that is no option."""
    given_up = [
        (name, found.question, found.draw, found.theirs)
        for name in FILES
        for found in disagreements(load(data, name))
        if found.kind.startswith("lost")
    ]

    two_letters = [
        ("sat", "21", 8, "A"),
        ("sat", "26", 1, "A"),
        ("sat", "43", 3, "A"),
        ("sat", "92", 5, "C"),
        ("llama", "16", 1, "A"),
        ("llama", "29", 1, "C"),
        ("llama", "66", 1, "A"),
        ("llama", "66", 6, "B"),
    ]
    past_the_last = [("sat", "92", 3, "E"), ("llama", "69", 3, "E"), ("llama", "70", 0, "E")]
    no_option = [("aqua", "42", 4, "2"), ("aqua", "63", 3, "2"), ("aqua", "86", 9, "2")]
    assert sorted(given_up) == sorted(two_letters + past_the_last + no_option)
