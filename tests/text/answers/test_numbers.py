"""Numbers as people write them, read exactly."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.text.answers.numbers import (
    MAX_DIGITS,
    MAX_EXPONENT,
    find_numbers,
    normalize,
    parse_number,
    parse_quantity,
    strip_markup,
)


def value_of(text: str) -> Fraction | None:
    number = parse_number(text)
    return None if number is None else number.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("18", 18),
        ("-5", -5),
        ("\u22125", -5),
        ("**+5.**", 5),
        ("$1,000.00", 1_000),
        ("-$3", -3),
        ("$-3", -3),
        (r"$\$ 32,400$", 32_400),
        ("1,00,000", 100_000),
        ("Rs. 63", 63),
        ("50 %", Fraction(1, 2)),
        (r"50\%", Fraction(1, 2)),
        ("-1/2", Fraction(-1, 2)),
        (r"\frac{1}{2}", Fraction(1, 2)),
        (r"\dfrac12", Fraction(1, 2)),
        (r"-\frac{3}{4}", Fraction(-3, 4)),
        (r"3\frac{1}{2}", Fraction(7, 2)),
        ("3 1/2", Fraction(7, 2)),
        ("3\u00bd", Fraction(7, 2)),
        ("1.5e-3", Fraction(3, 2000)),
        (r"1.5 \times 10^{3}", 1_500),
        ("1.5 \u00d7 10\u00b3", 1_500),
        ("10^5", 100_000),
        ("1.8 billion", 1_800_000_000),
        (r"90^\circ", 90),
        ("\uff11\uff18", 18),
    ],
)
def test_a_number_is_read_exactly(text: str, expected: Fraction | int) -> None:
    assert value_of(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("12/13/2001", "2001-12-13", "1.2.3", "2:00 pm", "6th", "1,2", "18 apples", "eighteen"),
        *("1/0", "3 + 4", "2^10", "x", "", "1e9999999999", "9" * (MAX_DIGITS + 1), "exit()"),
    ],
)
def test_what_is_no_number_is_not_read_as_one(text: str) -> None:
    assert value_of(text) is None


def test_numbers_in_a_text_are_found_with_their_signs() -> None:
    text = "x2 is -3, 16-3-4=9; on 12/13/2001 v1.2.3 cost $1,000.50 or 3 1/2 % of 5e3."

    assert [number.text for number in find_numbers(text)] == (
        ["-3", "16", "3", "4", "9", "$1,000.50", "3 1/2 %", "5e3"]
    )


@given(st.integers(0, 999), st.integers(1, 99), st.integers(1, 99))
def test_mixed_numbers_are_sums(whole: int, over: int, under: int) -> None:
    assert value_of(f"{whole} {over}/{under}") == whole + Fraction(over, under)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("3\u00d74 \u2212 1", "3*4 - 1"),
        (r"\text{two} \times \mathrm{x}", "two * x"),
        (r"\left(1{,}000\right)", "(1,000)"),
        (r"\frac{a}{b}", " (a)/(b)"),
        (r"\tfrac{1}{2}", " 1/2"),
        ("x\u00b2", "x^2"),
        (r"90^{\circ}", "90"),
        (r"\$5\%", "$5%"),
    ],
)
def test_signs_and_latex_are_brought_into_one_notation(text: str, plain: str) -> None:
    assert normalize(text) == plain


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("18 apples", "apples"),
        ("$18$ eggs a day", "eggs a day"),
        ("5 km/h.", "km/h"),
        ("2.5cm", "cm"),
        *((text, None) for text in ("12 Angry Men", "5 pm", "6th", "18", "apples", "1/0 apples")),
        ("18 eggs on each of the days", None),
    ],
)
def test_a_unit_is_a_few_words_in_small_letters(text: str, unit: str | None) -> None:
    quantity = parse_quantity(text)

    assert (None if quantity is None else quantity[1]) == unit


def test_a_number_knows_where_it_stands_and_whether_it_is_a_percentage() -> None:
    text = "of 1,200 people 50% voted"
    whole, share = find_numbers(text)

    assert [text[n.start : n.end].strip() for n in (whole, share)] == ["1,200", "50%"]
    assert (whole.percent, share.percent, share.value) == (False, True, Fraction(1, 2))


def test_the_largest_numbers_are_read_and_larger_ones_are_not() -> None:
    assert value_of("9" * MAX_DIGITS) == 10**MAX_DIGITS - 1
    assert value_of(f"1e{MAX_EXPONENT}") == 10**MAX_EXPONENT
    assert value_of(f"1e{MAX_EXPONENT + 1}") is None
    assert value_of(f"1e-{MAX_EXPONENT + 1}") is None


@pytest.mark.parametrize(
    ("text", "plain"),
    [("**18**.", "18"), ("'a b',", "a b"), ("$x$", "x"), ("$5", "$5"), (".5", ".5"), ("$", "$")],
)
def test_the_marks_around_a_text_are_taken_off_and_those_inside_stay(text: str, plain: str) -> None:
    assert strip_markup(text) == plain
