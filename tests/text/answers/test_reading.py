"""Answers are read where a text states them, and graded as their reference is written."""

import pytest

from understudy.text.answers.reading import Kind, extract, grade


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


OPTIONS = ["2 cm", "4 cm", "6 cm", "None of these"]


def test_a_reference_may_be_an_options_text() -> None:
    assert grade("The answer is C.", "6 cm", choices=OPTIONS)
    assert not grade("The answer is C.", "4 cm", choices=OPTIONS)
    assert grade('{"answer": "18 eggs"}', "18", "json")


def test_the_field_of_a_json_answer_can_be_named() -> None:
    text = '{"answer": 1, "result": 2}'

    assert [extract(text, kind, field="result") for kind in ("json", "auto")] == ["2", "2"]
    assert grade(text, "2", field="result")


def test_only_the_end_of_a_long_text_is_read_but_all_of_a_json_text() -> None:
    padding = " " * 100_000

    assert extract(f"The answer is 5.{padding}x y") != "5"
    assert extract(f'{{"answer": 5}}{padding}', "json") == "5"


@pytest.mark.parametrize("kind", ["auto", "number", "marker"])
def test_what_follows_the_next_question_is_not_read(kind: Kind) -> None:
    assert extract("The answer is 4.\nQ: And?\nA: The answer is 5.", kind) == "4"
