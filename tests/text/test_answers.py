"""Answers are read off text where it states them, and compared by what they mean."""

import time
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.text.answers import (
    Kind,
    canonicalize,
    extract,
    find_choice,
    find_numbers,
    grade,
    is_equivalent,
    parse_number,
)
from understudy.text.answers.numbers import MAX_DIGITS

# --- numbers


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


# --- equality


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


@given(st.integers(0, 999), st.integers(1, 99), st.integers(1, 99))
def test_mixed_numbers_are_sums(whole: int, over: int, under: int) -> None:
    assert value_of(f"{whole} {over}/{under}") == whole + Fraction(over, under)


@given(st.lists(st.integers(-99, 99), min_size=2, max_size=6))
def test_sets_have_no_order_and_tuples_have(members: list[int]) -> None:
    forth, back = ", ".join(map(str, members)), ", ".join(map(str, members[::-1]))

    assert is_equivalent(f"{{{forth}}}", f"{{{back}}}")
    assert is_equivalent(f"({forth})", f"({back})") == (members == members[::-1])


# --- extraction


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("16 - 3 = 13.\n#### 13", "13"),
        ("#### Step 1\nAdd.\n#### Step 2\nThe answer is 4.", "4"),
        (r"So it is $\boxed{\frac{1}{2}}$.", r"\frac{1}{2}"),
        (r"\boxed{\text{Paris}}, as said.", r"\text{Paris}"),
        (r"First \boxed{1}, then \boxed{\fbox{2}}", "2"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"It is \boxed 5", "5"),
        ('Action: Answer("New York")', "New York"),
        ("<answer>\n7\n</answer> The answer is 8.", "7"),
        ("**Final answer:** 18 apples.", "18"),
        ("The answer is 12 Angry Men.", "12 Angry Men"),
        ("The answer is St. Louis. It is big.", "St. Louis"),
        ("The answer is therefore $18$ eggs, because of that.", "18"),
        ("The final answer is:\n\n$\\$1,200$", r"\$1,200"),
        ("The answer is 3. No, the answer is 4.", "4"),
        ("The wrong answer is 4.", "4"),
        ("She has 16 eggs.\nShe sells 9.\nA: 18", "18"),
        ('Sure!\n```json\n{"reasoning": "The answer is 5", "answer": 7}\n```', "7"),
        ("Paris", "Paris"),
        ("Add them.\nSo 3 + 4 = 7 eggs.", "7"),
        ("The answer is 4.\n\nQ: And 5?\nA: The answer is 5.", "4"),
        ("I cannot help.\nI hope that this is clear!", None),
        ("", None),
    ],
)
def test_auto_reads_the_answer_that_a_text_states(text: str, expected: str | None) -> None:
    assert extract(text) == expected


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("The answer is 3 + 4 = 7 eggs", "number", "7"),
        ("We get 5, then 6 and nothing else", "number", "6"),
        ("a #### b\nc", "hash", "b"),
        ("The answer is #### 5", "marker", "#### 5"),
        (r"\boxed{a{b}c", "boxed", None),
        (r"\boxed{a{b}c}", "boxed", "a{b}c"),
        ("one\ntwo \n\n", "last_line", "two"),
        ("The answer is $18.5, not 19. Q: The answer is 3", "paper_number", "$18.5"),
        ("The answer is yes.\nQ: next", "paper_text", "yes."),
        ("the answer is 5", "paper_number", None),
        ("Q: The answer is 5", "paper_text", None),
    ],
)
def test_each_kind_reads_its_own_stretch(text: str, kind: Kind, expected: str | None) -> None:
    assert extract(text, kind) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"answer": 0.10}', "0.10"),
        ('{"answer": "a"} and {"answer": "b"}', "b"),
        ('{"reasoning": "raw\nnewline \\" \\d", "answer": "16"}', "16"),
        ('"reasoning": "no brace", "answer": "16"\n}', "16"),
        ("{'answer': 'single', }", "single"),
        ('{"answer": $18}', "18"),
        ('{"answer": {"blue": 4}}', '{"blue": 4}'),
        ('{"answer": null}', None),
        ('{"reasoning": "cut o', None),
    ],
)
def test_a_json_field_is_read_however_badly_it_is_written(text: str, expected: str | None) -> None:
    assert extract(text, "json") == expected


@pytest.mark.parametrize(
    "refusal", ["not found", "none of them", "neither", "cannot be determined"]
)
def test_a_last_statement_that_fits_no_option_gives_no_answer(refusal: str) -> None:
    text = f"The answer is A. No, the answer is {refusal}."
    assert find_choice("The answer is A.", ["a", "b"]) == "A"
    assert find_choice(text, ["a", "b"]) is None


# --- choices

OPTIONS = ["2 cm", "4 cm", "6 cm", "None of these"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(B)", "B"),
        ("b", "B"),
        ('Action: Answer("B")', "B"),
        ("The correct option is B.", "B"),
        ("The correct answer is:\n\n**(C)** 6 cm", "C"),
        (r"So $\boxed{\textbf{(C) }6}$", "C"),
        ("Option A is the best choice. Option B is incorrect.", "A"),
        ("Therefore, choice C fits all clues.", "C"),
        ("It must be 6 cm, which is choice C.", "C"),
        ("The answer is A. On reflection, the answer is B.", "B"),
        ('The answer is A.\nAction: Answer("B")\nThe answer is A.', "B"),
        ("The answer is A because it fits.", "A"),
        ("A good start. Every Dog Can run.", None),
        ("The answer is A car.", None),
        ("The answer is not in the list. Option A is not the correct answer.", "D"),
        ("The answer is 4 cm.", "B"),
        ("The answer is 4.", "B"),
        ('Action: Answer("6 cm")', "C"),
        ("C: 6 cm", "C"),
        ("The answer is E.", None),
        ("The answer is A or C.", None),
        ('Answer("A") or Answer("C")', None),
        ('Answer("AC")', None),
        ("If option A is correct, then B fails.", None),
        ("The answer is not B.", None),
        ("Therefore, options A, B and C are possible.", None),
        ("", None),
    ],
)
def test_a_letter_counts_only_where_the_text_settles_on_it(text: str, expected: str | None) -> None:
    assert find_choice(text, OPTIONS) == expected


def test_none_of_the_above_is_no_answer_unless_it_is_an_option() -> None:
    text = 'The answer is A. Action: Answer("None of the above")'

    assert find_choice(text) is None
    assert find_choice(text, OPTIONS[:3]) is None
    assert find_choice(text, OPTIONS) == "D"


def test_a_guess_does_not_count_once_the_text_says_that_nothing_fits() -> None:
    assert find_choice("So 5. The closest answer is B.", OPTIONS[:3]) == "B"
    assert find_choice("The answer is not listed. The closest answer is B.", OPTIONS[:3]) is None
    assert find_choice("If we had to choose, the answer is B.", OPTIONS[:3]) is None


def test_an_option_named_by_a_text_that_two_options_share_is_not_read() -> None:
    assert find_choice("The answer is 4.", ["4", "4", "5"]) is None
    assert find_choice("The answer is 4 cm", ["4 cm", "4 cm wide"]) == "A"


# --- grading


@pytest.mark.parametrize(
    ("text", "reference", "right"),
    [
        ("so\nA: 18", "Janet sells them.\n#### 18", True),
        ("The answer is 25%.", "25", True),
        ("The answer is 0.25.", "25%", True),
        ("The answer is 25.", "25%", True),
        ("The answer is 0.25.", "25", False),
        ("They make 18 a day.", "18 dollars", True),
        ("Answer: (b)", "B", True),
        ("The answer is Paris.", "paris", True),
        (r"\boxed{\frac{x}{2}}", r"So \boxed{\dfrac{x}{2}}", True),
        ("", "18", False),
    ],
)
def test_a_text_is_graded_as_its_reference_is_written(
    text: str, reference: str, right: bool
) -> None:
    assert grade(text, reference) is right


def test_a_reference_may_be_an_options_text() -> None:
    assert grade("The answer is C.", "6 cm", choices=OPTIONS)
    assert not grade("The answer is C.", "4 cm", choices=OPTIONS)
    assert grade('{"answer": "18 eggs"}', "18", "json")


# --- hostile texts

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
