"""What is kept of a task."""

from collections.abc import Sequence

import pytest
from inline_snapshot import snapshot
from refine_bench import SUM, complains, drafts, one, prefers, rejected, run, scores

from understudy.exports.formats.preference import rows
from understudy.types import assistant


async def test_a_pair_prefers_the_last_version_to_the_first_where_it_is_right_and_that_is_not() -> (
    None
):
    example = await one(drafts("It is 8.", "It is 7."), complains(1), SUM, keep="pairs")
    assert (example.answer, example.rejected) == ("It is 7.", (assistant("It is 8."),))
    assert example.meta["better_by"] == "reference"
    assert rows(example) == [
        {
            "prompt": [{"role": "user", "content": "What is 3 + 4?"}],
            "chosen": [{"role": "assistant", "content": "It is 7."}],
            "rejected": [{"role": "assistant", "content": "It is 8."}],
        }
    ]


@pytest.mark.parametrize(
    "answers", [("It is 7.", "It is 8."), ("It is 6.", "It is 8."), ("It is 7.", "7, that is.")]
)
async def test_there_is_no_pair_where_the_reference_shows_no_gain(answers: Sequence[str]) -> None:
    rejection = await rejected(drafts(*answers), complains(1), SUM, keep="pairs")
    assert rejection.reason == "no better than the first"


async def test_without_a_reference_scores_show_which_is_better() -> None:
    example = await one(
        drafts("a", "b"), scores(2, 3), feedback="structured", rounds=1, keep="pairs"
    )
    assert example.meta["better_by"] == "score"
    same = await rejected(
        drafts("a", "b"), scores(3, 3), feedback="structured", rounds=1, keep="pairs"
    )
    assert same.score == 0.6


async def test_without_scores_the_judge_is_asked_once() -> None:
    judge = prefers(lambda a, b: "A" if int(a) > int(b) else "B")
    example = await one(drafts("9", "11"), complains(1), judge=judge, keep="pairs")
    assert (example.meta["better_by"], len(judge.calls)) == ("judge", 2)
    judge = prefers(lambda a, b: "A" if int(a) > int(b) else "B")
    example = await one(drafts("9", "11"), complains(1), judge=judge, keep="pairs", compare=True)
    assert (example.meta["better_by"], len(judge.calls)) == ("judge", 2), "it was asked already"
    assert (await rejected(drafts("9", "5"), complains(1), judge=judge, keep="pairs")).reason


async def test_steps_are_the_rewrites_that_led_to_the_answer() -> None:
    rows = await run(
        drafts("a", "b", "c"), scores(1, 3, 2), feedback="structured", rounds=2, keep="steps"
    )
    assert isinstance(rows, list)
    (step,) = rows
    assert step.messages[0].text == snapshot("""\
Task:
Name a prime above 10.

Answer:
a

Feedback:
correct (1/5): '1' Fix: Add one.
complete (1/5): '1' Fix: Add one.
clear (1/5): '1' Fix: Add one.
Total: 3/15

Write the answer again so that every point of all feedback is met. Reply with the answer only.\
""")
    assert (step.answer, step.scores, step.meta["step"]) == ("b", {"before": 0.2, "score": 0.6}, 0)


async def test_steps_pass_over_what_was_turned_down() -> None:
    judge = prefers(lambda a, b: "A" if int(a) > int(b) else "B")
    rows = await run(
        drafts("9", "5", "11", "13"),
        complains(9),
        judge=judge,
        compare=True,
        rounds=3,
        keep="steps",
    )
    assert isinstance(rows, list)
    assert [(step.answer, step.meta["step"]) for step in rows] == [("11", 0), ("13", 2)]
    assert (await rejected(drafts("9"), complains(0), keep="steps")).reason == "no rewrite"
