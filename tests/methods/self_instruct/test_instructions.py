"""How new instructions are read, and which rules they break."""

import pytest

from understudy.methods.self_instruct import Config
from understudy.methods.self_instruct.instructions import (
    Rules,
    find_fault,
    read_blocks,
    read_list,
    read_reference_list,
)
from understudy.types import Reply


def test_reference_reads_a_list_with_all_its_quirks() -> None:
    text = " Use Python here.\n10. Say  it\nTwice.\n11.Glued on.\n12) Too.\n13 . "
    assert read_reference_list(Reply(text=text)) == [
        "Use python here.", "Say it twice. 11.glued on. 12) too.",
    ]  # fmt: skip
    assert read_reference_list(Reply(text=text, stop="length")) == []


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("Use Python.\n10. Sort it.", ["Use Python.", "Sort it."]),
        ("9. One\n10) Two\n11.Three", ["One", "Two", "Three"]),
        ("Sure, here they are:\n\n1. **One**: a\n2. Two\n   goes on", ["One: a", "Two goes on"]),
        ("- One\n* Two\n• Three", ["One", "Two", "Three"]),
        ('["One", "Two", 3, " "]', ["One", "Two"]),
        ('```json\n["One"]\n```', ["One"]),
        ("9、写一首诗。\n10、算一算。", ["写一首诗。", "算一算。"]),
        ("Round 2.5 to a whole number.", ["Round 2.5 to a whole number."]),
        ("[sic] is Latin.", ["[sic] is Latin."]),
        ("", []),
    ],
)
def test_other_styles_read_any_list(text: str, tasks: list[str]) -> None:
    assert read_list(Reply(text=text)) == tasks


def test_of_a_list_that_was_cut_off_only_the_last_task_is_lost() -> None:
    assert read_list(Reply(text="One\n10. Two\n11. Thr", stop="length")) == ["One", "Two"]


def test_a_block_without_all_three_parts_or_cut_off_is_left_out() -> None:
    good = "Instruction: A\n4. Input: b\n4. Output: c"
    text = f"{good}\n###\n5. Instruction: D\n###\n6. {good}"
    assert len(read_blocks(Reply(text=text))) == 2
    assert len(read_blocks(Reply(text=text, stop="length"))) == 1


@pytest.mark.parametrize(
    ("text", "reference", "other"),
    [
        ("Only three words", "too short", "too short"),
        ("Now these are four", "", ""),
        ("word " * 150, "", ""),
        ("word " * 151, "too long", "too long"),
        ("Describe the IMAGE below now", "names what a text model cannot do", None),
        ("Describe the profile of imagery", "", ""),
        ("I want to go to work", "names what a text model cannot do", None),
        ("Write a program that sorts", "asks for a program", None),
        ("write a program that sorts", "", "asks for a program"),
        ("Write a programme for the party", "asks for a program", None),
        ('"Quoted" words come first here', "starts with a sign", None),
        ("Über alle Berge gehen wir", "starts with a letter that is not ASCII", ""),
        ("写一首关于大海的诗。", "too short", ""),
    ],
)
def test_rules_for_instructions(text: str, reference: str, other: str | None) -> None:
    rules = Rules(min_words=4, max_words=150, forbidden=Config().forbidden, reference=False)
    assert find_fault(text, rules._replace(reference=True)) == reference
    assert find_fault(text, rules) == (reference if other is None else other)
