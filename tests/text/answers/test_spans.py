"""Where in a reply its answer stands."""

import pytest

from understudy.text.answers.spans import (
    cut_at_next_question,
    cut_to_sentence,
    find_box,
    find_calls,
    find_hash_line,
    find_json_field,
    find_label,
    find_last_line,
    find_statements,
    find_tag,
    last_of,
)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"\boxed{1} and \boxed{2}", "2"),
        (r"\boxed{a{b}c}", "a{b}c"),
        (r"\fbox{3}", "3"),
        (r"\boxed{\}}", r"\}"),
        (r"\boxed{\boxed{4}}", "4"),
        (r"\boxed 5.", "5"),
        (r"\boxed{6} then \boxed 7", "6"),
        (r"\boxed{open", None),
        ("{1}", None),
    ],
)
def test_the_last_box_with_matching_braces_holds_the_answer(text: str, content: str | None) -> None:
    span = find_box(text)

    assert (None if span is None else span.text) == content


def test_a_span_says_where_it_begins() -> None:
    for text, span in (
        (r"So \boxed{5}.", find_box(r"So \boxed{5}.")),
        ("x\n#### 5", find_hash_line("x\n#### 5")),
        ("x <answer>5</answer>", find_tag("x <answer>5</answer>")),
        ("x\n 5 \n\n", find_last_line("x\n 5 \n\n")),
    ):
        assert span is not None
        assert (span.text, text[span.start :].lstrip("#<>answer ")[0]) == ("5", "5")


def test_what_follows_the_last_hashes_on_their_line_is_the_answer() -> None:
    assert find_hash_line("#### 1\n#### 2 \nmore") == (7, "2")
    assert find_hash_line("#### 1\n####\n3") is None
    assert find_hash_line("### 1") is None


def test_the_last_whole_tag_counts_in_any_case() -> None:
    assert find_tag("<answer>1</answer> <ANSWER> 2 </Answer> <answer>3") == (19, "2")
    assert find_tag("</answer><answer>") is None
    assert find_tag("İ<answer>4</answer>") == (1, "4"), "lower case may be longer than the text"


def test_calls_count_together_only_where_they_are_joined() -> None:
    def arguments(text: str) -> list[str]:
        return [call.text for call in find_calls(text)]

    assert arguments('Answer("A") or Answer("C")') == ["A", "C"]
    assert arguments('Answer("A"). No wait, it is Answer("C")') == ["C"]
    assert arguments("Answer('x y')") == ["x y"]
    assert arguments("answer(7.5)") == ["7.5"]
    assert arguments("Answer(something else)") == []


@pytest.mark.parametrize(
    ("text", "payloads"),
    [
        ("The answer is 5.\nAnswer: 6", ["5.", "6"]),
        ("The final answer is therefore 7", ["7"]),
        ("Answer:\n\n8\nmore", ["8"]),
        ("The wrong answer is 4.", []),
        ("If the answer is 3, then", []),
        ("If we had to choose, the answer is B", []),
        ("The most likely option is C", ["C"]),
        ("The answer is", []),
        ("It answers 9", []),
    ],
)
def test_a_statement_goes_to_the_end_of_its_line_unless_it_is_denied_or_supposed(
    text: str, payloads: list[str]
) -> None:
    assert [span.text for span in find_statements(text)] == payloads


def test_a_label_counts_on_the_last_line_only() -> None:
    assert find_label("Q: what?\nA: 18 \n") == (9, "18")
    assert find_label("A: 18\nThat is it.") is None
    assert find_label("A:") is None
    assert find_label("") is None


def test_the_last_line_is_the_last_that_is_not_blank() -> None:
    assert find_last_line("a\n b \n \n") == (2, "b")
    assert find_last_line(" \n") is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("St. Louis. It is big.", "St. Louis"),
        ("The U.S. Army. Yes.", "The U.S. Army"),
        ("18, because of that.", "18"),
        ("3.5 km", "3.5 km"),
        ("done!", "done"),
    ],
)
def test_a_sentence_ends_at_a_stop_or_before_its_reason(text: str, sentence: str) -> None:
    assert cut_to_sentence(text) == sentence


def test_a_text_ends_where_a_completion_begins_another_question() -> None:
    assert cut_at_next_question("The answer is 4.\n\nQ: And 5?\nA: 5") == "The answer is 4.\n\n"
    assert cut_at_next_question("  Q: first\nthe answer") == "Q: first\nthe answer"
    assert cut_at_next_question("FAQ: no line of its own") == "FAQ: no line of its own"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('```json\n{"x": 1}\n```\nnot {"x": 2}', "1"),
        ('{"x": 0.10}', "0.10"),
        ('{"x": true}', "true"),
        ('{"x": " a "}', "a"),
        ('{"x": ""}', None),
        ('{"x": null, "y": {"x": 3}}', None),
        ('"x": [1, 2], and no brace', "[1, 2]"),
        ('{x: "bare"}', "bare"),
        ('{"y": 1}', None),
        ("x", None),
    ],
)
def test_a_field_is_read_strictly_then_by_its_key_then_after_repair(
    text: str, value: str | None
) -> None:
    assert find_json_field(text, "x") == value


def test_a_long_or_deep_text_is_not_repaired() -> None:
    assert find_json_field("{x: 'a'}", "x") == "a"
    assert find_json_field("{x: 'a'}" + " " * 20_000, "x") is None
    assert find_json_field("{x: 'a', y: " + "[" * 60, "x") is None


def test_the_last_of_nothing_is_none() -> None:
    assert last_of(iter([1, 2])) == 2
    assert last_of(iter(list[int]())) is None
