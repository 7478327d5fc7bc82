"""Types, topics and questions: how they are asked for, which lines are read as such."""

import pytest

from understudy.methods.self_align.red_team import (
    Pair,
    Prompts,
    RedTeamSeed,
    ask_for_questions,
    ask_for_topics,
    find_topic_fault,
    load_seeds,
    pair_up,
    read_questions,
    read_topics,
    write_hint,
)
from understudy.types import Reply


def test_the_first_twenty_lines_are_topics_without_their_numbers() -> None:
    assert read_topics(" Moon\n2. Sea walls \n- Ebb\n3) Flood") == [
        "Moon", "Sea walls", "Ebb", "Flood",
    ]  # fmt: skip
    assert len(read_topics("Topic\n" * 30)) == 20


@pytest.mark.parametrize(
    ("topic", "fault"),
    [
        ("Sea walls", ""),
        ("Old sea walls", ""),
        ("Very old sea walls", "topic too long"),
        ("", "empty topic"),
        ("sea walls", "topic without a capital"),
        ("3 seas", "topic without a capital"),
        ("Sea walls:", "topic ends in punctuation"),
        ("Ébène", ""),
        ("潮汐", ""),
        ("潮汐。", "topic ends in punctuation"),
    ],
)
def test_which_lines_are_topics(topic: str, fault: str) -> None:
    assert find_topic_fault(topic, 3) == fault


PAIRS = [Pair("Questions about tides", "Ebb"), Pair("Questions about tides", "Flood")]


def test_reference_takes_lines_to_the_letter_and_never_the_last() -> None:
    text = "\n".join(
        [
            f"{write_hint(6, PAIRS[0])}, instruction: Say, instruction: why.",
            "7. topic: Flood, instruction: When?",
            f"{write_hint(7, PAIRS[1])}, instruction: Where?",
        ]
    )
    assert read_questions(Reply(text=text), PAIRS, 6, reference=True) == [(PAIRS[0], "why.")]
    assert read_questions(Reply(text=text), PAIRS, 6, reference=False) == [
        (PAIRS[0], "why."),
        (PAIRS[1], "When?"),
        (PAIRS[1], "Where?"),
    ]
    cut = read_questions(Reply(text=text, stop="length"), PAIRS, 6, reference=False)
    assert cut[-1] == (PAIRS[1], "When?")


def test_twenty_types_are_shipped_and_pass_their_own_rules() -> None:
    seeds = load_seeds()
    assert len({seed.type for seed in seeds}) == len(seeds) == 20
    assert len({seed.topic for seed in seeds}) == 20
    assert not [seed for seed in seeds if find_topic_fault(seed.topic, 3)]
    assert all(seed.type.startswith("Questions ") for seed in seeds)


SEED = RedTeamSeed(type="Questions about tides", topic="Moon", question="Why does the sea rise?")


def test_a_type_is_written_small_in_the_middle_of_a_sentence() -> None:
    text = ask_for_topics(Prompts.load(), SEED.type, ["Moon", "Ebb"], reference=False)

    assert "questions about tides" in text
    assert "1. Moon\n2. Ebb\n\n" in text


def test_the_reference_ends_with_the_number_that_comes_next() -> None:
    text = ask_for_topics(Prompts.load(), SEED.type, ["Moon", "Ebb"], reference=True)

    assert text.endswith("1. Moon\n2. Ebb\n3.")


def test_of_uneven_types_each_has_as_many_topics_as_the_poorest() -> None:
    topics = {"a": ["1", "2", "3"], "b": ["4"]}

    assert pair_up(topics, even=True) == [Pair("a", "1"), Pair("b", "4")]
    assert pair_up(topics, even=False) == [
        Pair("a", "1"), Pair("a", "2"), Pair("a", "3"), Pair("b", "4"),
    ]  # fmt: skip


def test_a_hint_asks_for_instructions() -> None:
    assert write_hint(3, PAIRS[0]) == "3. type: Instructions about tides, topic: Ebb"


def test_all_lines_have_a_hint_and_those_of_the_seeds_their_question() -> None:
    text = ask_for_questions(Prompts.load(), [SEED], PAIRS, reference=False)

    for number, pair in enumerate([Pair(SEED.type, SEED.topic), *PAIRS], 1):
        assert write_hint(number, pair) in text
    assert f"topic: Moon, instruction: {SEED.question}" in text
    assert text.count(", instruction: ") == 1
    assert "lines 2 to 3" in text
    assert ask_for_questions(Prompts.load(), [SEED], PAIRS, reference=True).endswith(
        f"instruction: {SEED.question}\n"
    )


def test_a_line_without_its_number_or_an_instruction_is_no_question() -> None:
    text = "instruction: Where?\n9. instruction: When?\n6. Why?\n6. instruction: How?"

    assert read_questions(Reply(text=text), PAIRS, 6, reference=False) == [(PAIRS[0], "How?")]
