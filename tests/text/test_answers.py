"""No text, however hostile, makes a reader slow or makes it raise."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.text.answers import Kind, canonicalize, extract, grade

OPTIONS = ["2 cm", "4 cm", "6 cm", "None of these"]


KINDS: tuple[Kind, ...] = (
    *("auto", "number", "choice", "json", "boxed", "hash", "marker", "last_line"),
    *("paper_number", "paper_text"),
)
PIECES = [
    *(
        "9",
        "1,",
        "1,11",
        ",111",
        "1/",
        "1.",
        "1=",
        "- 1",
        "1 1 ",
        "10^(",
        "5 x 10^",
        "1e999999999 ",
    ),
    *("{", "(", "{1,", "[", "\\boxed{", "\\frac{", "\\frac", "\\text{", "\\text{a} ", "{\\", "}"),
    *(" ", "\n", "*", "$", "-", '"', "a-", "\u00b2", "\u00bd", "\ufdfa", "####", "<answer>", "```"),
    *(
        "the answer is ",
        "answer ",
        "answer:\n",
        "answer is A. ",
        'Answer("',
        'Answer("A") ',
        "Q:\n",
    ),
    *("so option ", " is option A", "therefore, option A ", "if we had ", '{"answer": ', '{"a":'),
]


@pytest.mark.parametrize("piece", PIECES)
def test_a_long_hostile_text_costs_no_more_than_its_length(piece: str) -> None:
    """Something quadratic would take minutes, something exponential for ever."""
    text = piece * (50_000 // len(piece)) + "x}"
    start = time.process_time()

    for kind in KINDS:
        extract(text, kind, choices=OPTIONS if kind == "choice" else None)
    canonicalize(text)
    grade(text, "18")

    assert time.process_time() - start < 10


@given(st.text(max_size=60), st.sampled_from(PIECES), st.text(max_size=60))
def test_no_text_makes_a_reader_raise(before: str, piece: str, after: str) -> None:
    for kind in KINDS:
        extract(before + piece + after, kind, choices=OPTIONS if kind == "choice" else None)
    grade(before + piece + after, after or "18")


def test_deep_nesting_is_read_without_recursion() -> None:
    deep = 100_000

    assert extract("\\boxed{" * 10_000 + "5" + "}" * 10_000, "boxed") == "5"
    assert canonicalize("(" * 900 + "1" + ")" * 900).startswith("text ")
    assert extract('{"answer": ' + "[" * deep, "json") is None
    assert extract('{"a":' * deep + '{"answer": 5}', "json") == "5"
