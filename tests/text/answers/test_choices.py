"""The lettered option that a text settles on."""

import pytest

from understudy.text.answers.choices import find_choice

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


@pytest.mark.parametrize(
    "refusal", ["not found", "none of them", "neither", "cannot be determined"]
)
def test_a_last_statement_that_fits_no_option_gives_no_answer(refusal: str) -> None:
    text = f"The answer is A. No, the answer is {refusal}."
    assert find_choice("The answer is A.", ["a", "b"]) == "A"
    assert find_choice(text, ["a", "b"]) is None


def test_a_formal_statement_goes_before_prose_wherever_it_stands() -> None:
    assert find_choice("#### B\nThe answer is A.", OPTIONS) == "B"
    assert find_choice("<answer>C</answer> The answer is A.", OPTIONS) == "C"


def test_without_the_options_texts_the_letters_a_to_j_count() -> None:
    assert find_choice("The answer is J.") == "J"
    assert find_choice("The answer is K.") is None
    assert find_choice("The answer is K.", [str(n) for n in range(11)]) == "K"


def test_a_text_is_read_from_its_end_as_far_as_is_bounded() -> None:
    filler = "word " * 20_000
    assert find_choice(f"The answer is A.\n{filler}") is None
    assert find_choice(f"{filler}\nThe answer is A.") == "A"
