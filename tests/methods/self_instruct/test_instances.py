"""How instances are read and sorted out."""

import pytest
from instruct_bench import FRESH, Teacher, run

from understudy.methods.self_instruct.instances import (
    Instance,
    filter_instances,
    is_yes,
    read_inputs_first,
    read_instances,
    read_labels_first,
)
from understudy.types import Reply

PAIR = "Example 1\nInput: a\nOutput: b\nExample 2\nInput 2: c\nOutput 2: d"


@pytest.mark.parametrize(
    ("raw", "instances"),
    [
        (PAIR, [("a", "b"), ("c", "d")]),
        ("Output: straight", [("", "straight")]),
        ("Input: x\nOutput: y\nOutput: lost", [("x", "y")]),
        ("Paragraph: p\nOutput: q\nInput: next", [("Paragraph: p", "q")]),
        ("Example 1\nno marker", [("", "no marker")]),
        ("nothing", []),
    ],
)
def test_instances_of_a_generation_task(raw: str, instances: list[tuple[str, str]]) -> None:
    for reference in (True, False):
        assert read_inputs_first(raw, cut_off=False, reference=reference) == instances
        assert read_inputs_first(raw, cut_off=True, reference=reference) == instances[:-1]


def test_only_reference_parts_instances_at_the_word_example() -> None:
    raw = "Output: An Example of it."
    assert read_inputs_first(raw, cut_off=False) == [("", "An"), ("", "of it.")]
    assert read_inputs_first(raw, cut_off=False, reference=False) == [("", "An Example of it.")]


def test_words_around_the_instances_of_a_chat_model_do_not_count() -> None:
    raw = "Task: Add the numbers.\n\nSure!\n\n**Example 1**\n**Input:** 1 and 2\n**Output:** 3"
    assert read_instances(Reply(text=raw), False, reference=False) == [("1 and 2", "3")]
    raw = "Task: Say hello.\nOutput: Hello!"
    assert read_instances(Reply(text=raw), False, reference=False) == [("", "Hello!")]


@pytest.mark.parametrize(
    ("raw", "instances"),
    [
        ("intro\nClass label: A\nText: x\nClass label: B", [("Text: x", "A"), ("", "B")]),
        ("Label: A", []),
    ],
)
def test_instances_of_a_classification_task(raw: str, instances: list[tuple[str, str]]) -> None:
    assert read_labels_first(raw, cut_off=False) == instances
    assert read_labels_first(raw, cut_off=True) == instances[:-1]


def test_unsound_instances_are_left_out_and_a_contradiction_loses_them_all() -> None:
    good = Instance("a", "b")
    assert filter_instances([good, Instance("x", "x"), Instance("x", ""), Instance("q:", "r")]) == [
        good
    ]
    assert filter_instances([Instance("q", "r:"), good, good]) == [good]
    assert filter_instances([good, Instance("a", "c")]) == []
    assert len(filter_instances([Instance("", "b"), Instance("", "c")])) == 2


@pytest.mark.parametrize("answer", ["Yes", " yes", "YES\n", "**Yes**.", "Yes, it is"])
def test_yes_is_read_leniently_but_in_reference(answer: str) -> None:
    assert is_yes(answer, reference=False)
    assert is_yes(answer, reference=True) == (answer.strip() in ("Yes", "yes", "YES"))
    assert not is_yes("No.", reference=False)


async def test_at_most_five_instances_are_kept() -> None:
    many = "\n".join(f"Example {i}\nInput: {i}\nOutput: o{i}" for i in range(1, 8))
    examples, _ = await run(Teacher(FRESH[0], instances=many), n=1)
    assert len({e.meta["input"] for e in examples}) == 5


async def test_instances_keep_their_order_unless_there_are_too_many() -> None:
    five = "\n".join(f"Example {i}\nInput: {i}\nOutput: o{i}" for i in range(1, 6))
    examples, _ = await run(Teacher(FRESH[0], instances=five), n=1)
    assert [e.meta["input"] for e in examples] == ["1", "2", "3", "4", "5"]


async def test_a_task_without_an_instance_is_made_up_for_by_another() -> None:
    teacher = Teacher(FRESH[0], FRESH[1], instances="?")

    examples, rejections = await run(teacher, n=1)

    assert not examples
    assert [r.reason for r in rejections] == ["no instance", "no instance"]
