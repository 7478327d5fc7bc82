"""The report of Self-Instruct."""

import pytest
from instruct_bench import FRESH, Teacher, numbered, run

from understudy.call.model import Model
from understudy.methods.self_instruct.report import report, verb_and_object
from understudy.providers.scripted import Scripted


async def test_the_report_counts_reasons_similarities_lengths_and_verbs() -> None:
    teacher = Teacher(
        numbered("Short.", *FRESH[:3], FRESH[0]), labels="Yes", instances="Class label: x"
    )
    examples, rejections = await run(teacher, n=3, audit="none")

    text = report([*examples, *rejections])

    assert "3 tasks (3 of them classification) with 3 instances, 3 without input" in text
    assert "1 too short" in text
    assert "mean words: instruction 5.0, output 1.0" in text
    assert "highest similarity" in text
    assert "verb and object at the start of 3 instructions" in text
    assert report([]) == "no tasks"
    assert report(rejections[:1]) == "no tasks\n    1 too short"


async def test_the_report_tells_what_the_judge_said() -> None:
    verdicts = iter(["1. Yes\n2. Yes\n3. No", "1. Yes\n2. Yes\n3. Yes"])
    judge = Model.over("j", Scripted(lambda call: next(verdicts)))
    examples, rejections = await run(
        Teacher(numbered(*FRESH[:2])), judge=judge, n=1, audit="require"
    )

    text = report([*examples, *rejections])

    assert (
        "judge, of 2 instances: valid task 100%, appropriate input 100%, correct output 50%" in text
    )


@pytest.mark.parametrize(
    ("instruction", "pair"),
    [
        ("Write a short poem about the sea.", ("write", "poem")),
        ("List five questions that you would ask.", ("list", "question")),
        ("Please translate the following sentence into French.", ("translate", "sentence")),
        ("Convert the recipe's amounts to grams.", ("convert", "amount")),
        ("Explain to a child why it rains.", ("explain", "child")),
        ("What is the capital of Peru?", None),
        ("Given a list, sort it.", None),
        ("Discuss.", None),
        ("Summarise this!", None),
        ("写一首诗。", None),
        ("Sort it.", None),
    ],
)
def test_verb_and_object_by_rule_of_thumb(instruction: str, pair: tuple[str, str] | None) -> None:
    assert verb_and_object(instruction) == pair
