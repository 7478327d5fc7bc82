"""Which answers are the same answer."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.text.answers.equality import LONGEST, canonicalize, is_equivalent


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("1/2", "0.5"),
        ("0.5", "50 %"),
        ("50%", r"\frac{1}{2}"),
        (r"\dfrac12", "$0.50$"),
        ("$1,000", "1000.00"),
        ("(b).", "B"),
        ("x = 5", "5"),
        ("{1, 2}", r"\{2,1,1\}"),
        ("(1,2)", r"\left(1, 2\right)"),
        ("(0, 1/2)", "(0, 0.5)"),
        ("18.0  apples", "18 apples"),
        ("  New   York. ", "new york"),
        ("\uff30aris", "**Paris**"),
        ("stra\u00dfe", "STRASSE"),
        ("x + 1", "x+1"),
        (r"\frac{x}{2}", r"\dfrac{x}{2}"),
    ],
)
def test_answers_that_mean_the_same_are_the_same(a: str, b: str) -> None:
    assert is_equivalent(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("50", "50%"),
        ("1/3", "0.333"),
        ("12/13/2001", "12/26013"),
        ("12/13/2001", "12/13/2002"),
        ("18 apples", "18"),
        ("1 hour", "1 minute"),
        ("(1,2)", "(2,1)"),
        ("(1,2)", "[1,2)"),
        ("{1}", "1"),
        ("3 + 4", "7"),
    ],
)
def test_answers_that_differ_stay_apart(a: str, b: str) -> None:
    assert not is_equivalent(a, b)


answers = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="0123456789.,/%$-+ (){}[]\\", max_size=12),
    st.sampled_from(["1/2", "0.5", "50%", "{1,2}", "{2,1}", "b", "(B)", "18 apples", "New York"]),
)


@given(answers, answers, answers)
def test_equality_is_an_equivalence(a: str, b: str, c: str) -> None:
    assert is_equivalent(a, a)
    assert is_equivalent(a, b) == is_equivalent(b, a)
    assert is_equivalent(a, c) or not (is_equivalent(a, b) and is_equivalent(b, c))


@given(st.lists(answers, max_size=8), st.randoms())
def test_groups_do_not_depend_on_the_order_of_answers(found: list[str], rng: object) -> None:
    def groups(order: list[str]) -> set[tuple[str, ...]]:
        keys = {canonicalize(answer) for answer in order}
        return {tuple(sorted(a for a in order if canonicalize(a) == key)) for key in keys}

    assert groups(found) == groups(found[::-1]) == groups(sorted(found))


@given(st.lists(st.integers(-99, 99), min_size=2, max_size=6))
def test_sets_have_no_order_and_tuples_have(members: list[int]) -> None:
    forth, back = ", ".join(map(str, members)), ", ".join(map(str, members[::-1]))

    assert is_equivalent(f"{{{forth}}}", f"{{{back}}}")
    assert is_equivalent(f"({forth})", f"({back})") == (members == members[::-1])


@given(st.integers(-(10**12), 10**12), st.integers(0, 6))
def test_every_rendering_of_a_decimal_is_equal(digits: int, places: int) -> None:
    number = Decimal(digits).scaleb(-places)
    exact = Fraction(digits, 10**places)

    renderings = [
        f"{number:f}",
        f"{number:,f}",
        f"${number:,f}",
        f"{number:e}",
        f"{number * 100:f}%",
        f"{number:f}000" if places else f"{number:f}.000",
        f"{exact.numerator}/{exact.denominator}",
        rf"\frac{{{exact.numerator}}}{{{exact.denominator}}}",
        f"x = {number:,f}.",
    ]

    assert {canonicalize(rendering) for rendering in renderings} == {f"number {exact}"}


def test_an_answer_that_is_too_long_to_parse_is_compared_as_text() -> None:
    long = "{2, 1, " + "1, " * LONGEST + "3}"

    assert canonicalize(long).startswith("text ")
    assert is_equivalent(long, f"  {long.upper()} ")
    assert not is_equivalent(long, long.replace("2, 1", "1, 2"))


def test_members_are_told_apart_however_they_are_nested() -> None:
    assert not is_equivalent("(1, (2, 3))", "((1, 2), 3)")
    assert not is_equivalent("(1:2, 3)", "(1, 2:3)")
    assert not is_equivalent("{}", "()")
    assert is_equivalent("({2, 1}, x)", "({1,2}, X)")


def test_commas_with_a_blank_separate_and_those_without_belong_to_numbers() -> None:
    assert is_equivalent("(1,000, 2)", "(1000, 2)")
    assert is_equivalent("(1,000)", "1000")
    assert not is_equivalent("(1,00, 2)", "(100, 2)")


def test_brackets_nested_too_deep_are_text() -> None:
    assert canonicalize("(" * 5 + "1" + ")" * 5) == "number 1"
    assert canonicalize("(" * 50 + "x" + ")" * 50).startswith("text ")
