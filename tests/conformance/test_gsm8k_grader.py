"""Our grader against other people's verdicts on 5,276 + 2,638 real solutions of GSM8K."""

import json
from pathlib import Path

import pytest

from understudy.text.answers import extract, find_numbers, grade, is_equivalent

SYSTEMS = {
    "6b_finetuning": 0.2168,
    "6b_verification": 0.3904,
    "175b_finetuning": 0.3472,
    "175b_verification": 0.5625,
}


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(("system", "accuracy"), SYSTEMS.items())
def test_the_grader_agrees_with_every_published_label(
    data: Path, system: str, accuracy: float
) -> None:
    solutions = rows(data / "gsm8k" / "example_model_solutions.jsonl")
    pairs = [(row[system], str(row["ground_truth"])) for row in solutions]

    verdicts = [grade(str(answer["solution"]), truth) for answer, truth in pairs]  # type: ignore[index]

    assert len(verdicts) == 1_319
    assert verdicts == [answer["is_correct"] for answer, _ in pairs]  # type: ignore[index]
    assert round(sum(verdicts) / len(verdicts), 4) == accuracy


@pytest.mark.parametrize("reply", ["{}", "The answer is {}.", "so it is\n#### {}", r"\boxed{{{}}}"])
def test_every_reference_is_found_right_in_any_form(data: Path, reply: str) -> None:
    references = [str(row["answer"]) for row in rows(data / "gsm8k" / "test.jsonl")]
    numbers = [reference.rpartition("#### ")[2] for reference in references]

    verdicts = [
        grade(reply.format(number), reference)
        for number, reference in zip(numbers, references, strict=True)
    ]

    assert sum(verdicts) == 1_319


JSON_ANSWERS = [
    ("claude-3-haiku-20240307", 1_319, 1_171),
    ("Mixtral-8x7B-Instruct-v0.1", 1_289, 925),
]


@pytest.mark.parametrize(("model", "recovered", "correct"), JSON_ANSWERS)
def test_answers_in_broken_json_are_read_and_give_the_recorded_verdict(
    data: Path, model: str, recovered: int, correct: int
) -> None:
    """The recorded verdict looks at the first number of the field."""
    replies = rows(data / "json_answers" / f"{model}.jsonl")
    references = [str(row["answer"]) for row in rows(data / "gsm8k" / "test.jsonl")]

    answers = [extract(str(reply["output"]), "json") for reply in replies]
    firsts = [next(find_numbers(answer or ""), None) for answer in answers]
    verdicts = [
        first is not None
        and is_equivalent(first.text.removesuffix("%"), reference.rpartition("#### ")[2])
        for first, reference in zip(firsts, references, strict=True)
    ]

    assert sum(answer is not None for answer in answers) == recovered
    assert verdicts == [reply["correct"] for reply in replies]
    assert sum(verdicts) == correct


@pytest.mark.parametrize(
    ("model", "results_of_equations"),
    [("claude-3-haiku-20240307", []), ("Mixtral-8x7B-Instruct-v0.1", [698, 797])],
)
def test_the_grader_differs_from_the_recorded_verdict_only_where_the_field_is_an_equation(
    data: Path, model: str, results_of_equations: list[int]
) -> None:
    """`150 * 2 + 240 = 300 + 240 = 540` is right for 540; the first number of it is not."""
    replies = rows(data / "json_answers" / f"{model}.jsonl")
    references = [str(row["answer"]) for row in rows(data / "gsm8k" / "test.jsonl")]

    verdicts = [
        grade(str(reply["output"]), reference, "json")
        for reply, reference in zip(replies, references, strict=True)
    ]

    differ = [n for n, reply in enumerate(replies) if verdicts[n] != reply["correct"]]
    assert differ == results_of_equations
    assert all(verdicts[n] for n in differ)
