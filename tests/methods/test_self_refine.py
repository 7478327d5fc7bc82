"""Self-Refine's loop: when it goes on, when it ends, and what a reply that is no use does."""

from typing import Any

import pytest
from inline_snapshot import snapshot
from refine_bench import (
    CUT,
    SUM,
    TASK,
    complains,
    drafts,
    one,
    prefers,
    prompt,
    rejected,
    run,
    scores,
    trace,
)

from understudy.errors import ConfigError, Unparsable
from understudy.methods.self_refine import Config
from understudy.providers.scripted import Scripted
from understudy.runs.recipe import Step, step_config
from understudy.types import Reply, user

# The loop


@pytest.mark.parametrize(
    ("faults", "answer", "rewrites", "stopped"),
    [(0, "9", 0, "no complaint"), (1, "11", 1, "no complaint"), (9, "17", 3, "rounds")],
)
async def test_an_answer_is_rewritten_until_there_is_no_complaint_or_no_round(
    faults: int, answer: str, rewrites: int, stopped: str
) -> None:
    writer, critic = drafts("9", "11", "13", "17", "19"), complains(faults)
    example = await one(writer, critic, rounds=3)
    assert example.answer == answer
    assert example.messages[0] == user(TASK.prompt)
    assert (example.meta["chosen"], example.meta["stop_reason"]) == (rewrites, stopped)
    assert len(critic.calls) == min(faults + 1, 3), "what nobody will use is not asked for"


async def test_the_trace_tells_all_that_happened() -> None:
    example = await one(drafts("9", "11"), complains(1))
    assert example.meta == snapshot(
        {
            "source": "hand",
            "trace": [
                {"t": 0, "answer": "9", "feedback": "That is no prime."},
                {"t": 1, "answer": "11", "feedback": "It is a prime. NO COMPLAINT"},
            ],
            "stop_reason": "no complaint",
            "chosen": 1,
            "feedback_source": "critic",
            "cost": {"calls": 4, "tokens": 114, "first_calls": 1, "first_tokens": 6},
        }
    )


async def test_the_constants_are_the_papers() -> None:
    writer, critic = drafts("9", "11", "13", "17", "19"), complains(9)
    await one(writer, critic)
    assert len(writer.calls) == 5
    temperatures = {call.request.sampling.temperature for call in writer.calls + critic.calls}
    assert temperatures == {0.7}


async def test_every_role_has_a_temperature_of_its_own() -> None:
    writer, critic, judge = drafts("9", "11"), complains(1), prefers(lambda a, b: "tie")
    await one(
        writer, critic, judge=judge, rounds=1, compare=True,
        temperature=0.1, feedback_temperature=0.2, refine_temperature=0.3, judge_temperature=0.4,
    )  # fmt: skip
    calls = [*writer.calls, *critic.calls, *judge.calls]
    assert [call.request.sampling.temperature for call in calls] == [0.1, 0.3, 0.2, 0.4, 0.4]


# When it ends


async def test_without_the_verdict_the_words_that_end_it_are_not_asked_for_and_do_not_count() -> (
    None
):
    critic = complains(0)
    example = await one(drafts("9", "11", "13"), critic, rounds=2, verdict=False)
    assert example.meta["stop_reason"] == "rounds"
    assert "NO COMPLAINT" not in prompt(critic)


@pytest.mark.parametrize(
    ("feedback", "content"),
    [
        ("All right. NO COMPLAINT", True),
        ("All right.\n\n**NO COMPLAINT.**\n", True),
        ("No complaint", True),
        ("I cannot say NO COMPLAINT, for 9 is no prime.", False),
        ("NO COMPLAINTS are in order: 9 is no prime.", False),
    ],
)
async def test_only_the_last_words_of_feedback_say_that_there_is_no_complaint(
    feedback: str, content: bool
) -> None:
    example = await one(drafts("9", "11"), Scripted([feedback]), rounds=1)
    assert (example.meta["stop_reason"] == "no complaint") == content


async def test_the_same_text_again_ends_it_unless_it_may_not() -> None:
    example = await one(drafts("9", " 9\n"), complains(9))
    assert (example.meta["stop_reason"], trace(example, "answer")) == ("unchanged", ["9"])
    example = await one(drafts("9", "9", "11"), complains(9), unchanged=False, rounds=2)
    assert (example.meta["stop_reason"], trace(example, "answer")) == ("rounds", ["9", "9", "11"])


async def test_a_score_that_is_high_enough_ends_it() -> None:
    example = await one(drafts("9", "11", "13"), scores(1, 4), feedback="structured", threshold=0.8)
    assert (example.meta["stop_reason"], example.scores) == ("score reached", {"score": 0.8})


@pytest.mark.parametrize(("patience", "versions"), [(1, 3), (2, 5), (None, 6)])
async def test_scores_below_the_best_end_it_after_so_many_in_a_row(
    patience: int | None, versions: int
) -> None:
    example = await one(
        drafts("a", "b", "c", "d", "e", "f"), scores(2, 3, 2, 3, 1, 1),
        feedback="structured", patience=patience, rounds=5,
    )  # fmt: skip
    assert len(example.meta["trace"]) == versions + (patience == 2)
    assert example.meta["stop_reason"] == ("rounds" if patience is None else "no improvement")
    assert example.answer == "b"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": 0.5}, "threshold needs scores: set feedback=structured, or source=judge"),
        ({"patience": 1}, "patience needs scores or compare=true"),
    ],
)
def test_rules_about_scores_need_scores(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        step_config(Step(use="self_refine", settings=settings))
    assert Config(**settings, feedback="structured")
    assert Config(**settings, source="tests")


# Replies that are no use


@pytest.mark.parametrize("reply", [CUT, Reply(text=" "), Reply(text="No.", refusal="I will not.")])
async def test_without_a_complete_first_answer_a_task_is_rejected(reply: Reply) -> None:
    rejection = await rejected(drafts(reply), complains(0), SUM)
    assert (rejection.reason, rejection.meta["reference"]) == ("no complete answer", "7")


@pytest.mark.parametrize("reply", [CUT, Reply(text="")])
async def test_what_was_written_before_a_rewrite_that_is_no_use_stands(reply: Reply) -> None:
    example = await one(drafts("9", "12", reply), complains(9))
    assert (example.answer, example.meta["stop_reason"]) == ("12", "no complete rewrite")
    assert trace(example, "answer") == ["9", "12"]


@pytest.mark.parametrize("reply", [CUT, Reply(text="")])
async def test_feedback_that_is_no_use_reaches_no_writer(reply: Reply) -> None:
    example = await one(drafts("9"), Scripted([reply]))
    assert (example.answer, example.meta["stop_reason"]) == ("9", "no complete feedback")
    assert trace(example, "feedback") == [None]


async def test_structured_feedback_that_never_takes_its_form_fails_the_task() -> None:
    with pytest.raises(Unparsable, match="critic: expected JSON"):
        await run(drafts("9"), Scripted(["nonsense"] * 3), feedback="structured")


# A judge that compares


async def test_a_rewrite_is_accepted_only_where_the_judge_prefers_it_in_both_orders() -> None:
    judge = prefers(lambda a, b: "A" if int(a) > int(b) else "B")
    example = await one(drafts("9", "5", "11"), complains(9), judge=judge, compare=True, rounds=2)
    assert (example.answer, trace(example, "accepted")) == ("11", [None, False, None])
    assert example.meta["chosen"] == 2
    assert prompt(judge, 0) == snapshot("""\
Task:
Name a prime above 10.

Answer A:
9

Answer B:
5

Which answer does the task better? Length, tone and the order they are shown in do not count, unless the
task says so. Give a short reason, and end with a line "Verdict: A", "Verdict: B", or "Verdict: tie".\
""")


@pytest.mark.parametrize("biased", ["A", "B", "tie", "A tie", "none"])
async def test_a_judge_that_goes_by_position_prefers_nothing(biased: str) -> None:
    judge = prefers(lambda a, b: biased)
    example = await one(drafts("9", "11"), complains(9), judge=judge, compare=True, rounds=1)
    assert example.answer == "9"


async def test_what_was_turned_down_is_tried_again_from_the_same_feedback() -> None:
    writer, critic = drafts("9", "5", "4", "11"), complains(9)
    judge = prefers(lambda a, b: "A" if int(a) > int(b) else "B")
    example = await one(writer, critic, judge=judge, compare=True, rounds=3)
    assert example.answer == "11"
    assert len(critic.calls) == 1
    assert [call.draw for call in writer.calls] == [0, 0, 1, 2]


async def test_patience_counts_what_was_turned_down() -> None:
    judge = prefers(lambda a, b: "tie")
    example = await one(drafts("9", "5", "4"), complains(9), judge=judge, compare=True, patience=2)
    assert (example.answer, example.meta["stop_reason"]) == ("9", "no improvement")


async def test_a_judge_that_is_cut_off_prefers_nothing() -> None:
    cut = Scripted(lambda call: Reply(text="Verdict: B", stop="length"))
    example = await one(drafts("9", "11"), complains(9), judge=cut, compare=True, rounds=1)
    assert example.answer == "9"
