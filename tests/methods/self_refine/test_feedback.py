"""Where feedback comes from: scorecards, judges, tests and references."""

from typing import Any

import pytest
from inline_snapshot import snapshot
from refine_bench import (
    CODE,
    FINE,
    SUM,
    complains,
    drafts,
    one,
    prompt,
    rejected,
    sandboxed,
    scores,
    trace,
)

from understudy.providers.scripted import Scripted
from understudy.sandbox.protocol import Execution, Outcome, TestResult
from understudy.types import Example, Task, assistant, user

# Structured feedback


async def test_structured_feedback_scores_every_aspect_with_evidence_and_a_fix() -> None:
    writer, critic = drafts("9", "11"), scores(2, 5)
    example = await one(writer, critic, feedback="structured", rounds=1)
    assert prompt(critic, 0) == snapshot("""\
Task:
Name a prime above 10.

Answer:
9

Score the answer from 0 to 5 in each of these aspects. 5 means that there is nothing to mend,
and an answer may deserve it.
- correct: Everything it says is true and follows.
- complete: It does all that was asked for.
- clear: It is easy to follow and has nothing superfluous.

Say for each aspect first what in the answer the score rests on, word for word where you can, and what
would fix it; the fix is empty where nothing needs one. The verdict is "revise" if a fix is worth another
version, else "stop".
Reply with one JSON object and nothing else:
{"aspects": [{"name": "...", "evidence": "...", "fix": "...", "score": 0}, ...], "verdict": "..."}\
""")
    assert trace(example, "feedback")[0] == snapshot("""\
correct (2/5): '2' Fix: Add one.
complete (2/5): '2' Fix: Add one.
clear (2/5): '2' Fix: Add one.
Total: 6/15\
""")
    assert trace(example, "feedback")[0] in prompt(writer)
    assert trace(example, "score") == [0.4, 1.0]
    assert trace(example, "aspects")[0] == {"correct": 2, "complete": 2, "clear": 2}


async def test_its_verdict_ends_the_loop() -> None:
    example = await one(drafts("9"), scores(3, verdict="stop"), feedback="structured")
    assert (example.meta["stop_reason"], example.scores["score"]) == ("no complaint", 0.6)


async def test_the_last_version_is_scored_as_well() -> None:
    critic = scores(1, 2, 3)
    example = await one(drafts("a", "b", "c"), critic, feedback="structured", rounds=2)
    assert (example.answer, example.scores["score"], len(critic.calls)) == ("c", 0.6, 3)


# Other sources of feedback


async def test_a_judge_scores_what_the_critic_talks_about() -> None:
    writer, critic, judge = drafts("9", "11", "13"), complains(9), scores(1, 4, 2)
    example = await one(writer, critic, judge=judge, source="judge", rounds=2)
    assert (example.answer, example.scores["score"]) == ("11", 0.8)
    assert trace(example, "feedback")[:2] == ["That is no prime."] * 2
    assert len(critic.calls) == 2, "of the last version only the score is needed"


async def test_the_first_failing_test_is_the_feedback_and_ends_where_all_pass() -> None:
    writer = drafts("```python\nbad\n```", "good")
    example = await one(writer, None, CODE, execute=sandboxed(bad="1"), source="tests")
    assert trace(example, "feedback") == snapshot(
        ["The test assert f(1) == 2 fails: it returned 1.", "All tests pass."]
    )
    assert (example.answer, example.scores, trace(example, "right")) == (
        "good",
        {"score": 1.0},
        [False, True],
    )
    assert prompt(writer, 0) == snapshot("""\
Write f(n), which adds one.
Your code should pass these tests:
assert f(1) == 2\
""")
    assert example.tests == CODE.tests


async def test_tests_that_the_task_shows_itself_are_not_shown_twice() -> None:
    task = Task(prompt="Write f.\nassert f(1) == 2", tests=CODE.tests)
    writer = drafts("good")
    await one(writer, None, task, execute=sandboxed(), source="tests")
    assert prompt(writer) == task.prompt


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (
            Outcome(
                status="failed", tests=(TestResult("assert f(1)", False, error="NameError: f"),)
            ),
            "The test assert f(1) fails: it raised NameError: f.",
        ),
        (
            Outcome(status="error", error="NameError: name 'x' is not defined", line=3),
            "The program fails before any test: it raised NameError: name 'x' is not defined in line 3.",
        ),
        (
            Outcome(status="error", error="SyntaxError: invalid syntax (line 3)", line=3),
            "The program fails before any test: it raised SyntaxError: invalid syntax (line 3).",
        ),
        (
            Outcome(status="timeout", error="more than 3 s"),
            "The program was ended (timeout): more than 3 s.",
        ),
        (
            Outcome(status="refused", error="it is too long"),
            "The program was not run: it is too long",
        ),
    ],
)
async def test_whatever_happens_to_a_program_becomes_the_feedback(
    outcome: Outcome, text: str
) -> None:
    async def execute(execution: Execution) -> Outcome:
        return outcome

    example = await one(drafts("x", "x"), None, CODE, execute=execute, source="tests")
    assert (trace(example, "feedback"), trace(example, "score")) == ([text], [0.0])


async def test_hidden_tests_are_shown_to_nobody_and_tell_who_was_right() -> None:
    task = Task(
        prompt="Write f.", tests=("assert f(1) == 2", "assert f(9) == 10"),
        meta={"visible_tests": ["assert f(1) == 2"]},
    )  # fmt: skip
    runs = list[tuple[str, ...]]()

    async def execute(execution: Execution) -> Outcome:
        program = execution.program
        runs.append(program.tests)
        tests = tuple(TestResult(test, "9" not in test, "0", "2") for test in program.tests)
        passed = all(test.passed for test in tests)
        return Outcome(status="passed" if passed else "failed", tests=tests)

    writer = drafts("code")
    example = await one(writer, None, task, execute=execute, source="tests")
    assert (example.meta["stop_reason"], trace(example, "right")) == ("no complaint", [False])
    assert "f(9)" not in "".join(prompt(writer, i) for i in range(len(writer.calls)))
    assert runs == [task.tests[:1], task.tests]


async def test_the_oracle_goes_on_while_the_answer_is_wrong_whatever_the_critic_says() -> None:
    writer, critic = drafts("It is 8.", "It is 6.", "It is 7."), Scripted(["Add again.", FINE])
    example = await one(writer, critic, SUM, source="verifier")
    assert trace(example, "feedback") == [
        "Add again.",
        "The answer 6 is wrong.",
        "The answer is right.",
    ]
    assert (example.answer, example.meta["feedback_source"]) == ("It is 7.", "verifier (oracle)")
    assert "7" not in prompt(writer).replace("It is 7.", ""), "the reference is not given away"


async def test_of_the_last_version_the_oracle_asks_no_critic() -> None:
    critic = complains(9)
    example = await one(drafts("8", "6"), critic, SUM, source="verifier", rounds=1)
    assert (len(critic.calls), trace(example, "score")) == (1, [0.0, 0.0])
    assert example.answer == "8", "the earlier one of equals"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"source": "tests"}, "no tests"),
        ({"source": "verifier"}, "no reference"),
        ({"draft": True}, "no answer to begin with"),
    ],
)
async def test_a_task_that_lacks_what_the_settings_need_is_rejected(
    settings: dict[str, Any], reason: str
) -> None:
    assert (await rejected(drafts(), None, **settings)).reason == reason


async def test_it_may_begin_with_the_answer_of_the_step_before() -> None:
    earlier = Example(id="e", messages=(user("Name a prime."), assistant("9")))
    writer = drafts("11")
    example = await one(writer, complains(1), earlier.as_task(), draft=True)
    assert (trace(example, "answer"), example.messages[0]) == (["9", "11"], user("Name a prime."))
    assert example.meta["cost"]["first_calls"] == 0
