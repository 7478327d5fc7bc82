"""Self-Refine: the loop, its prompts, where feedback is from, when it ends, and what is kept."""

# ruff: noqa: E501 -- prompts and reports stand here as they are printed

import json
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from understudy.call.model import Model
from understudy.errors import ConfigError, Unparsable
from understudy.exports.formats.preference import rows
from understudy.methods import _self_refine_presets as presets
from understudy.methods._self_refine_prompts import form
from understudy.methods._self_refine_report import report
from understudy.methods._self_refine_trace import Feedback, Version, best, drops
from understudy.methods.self_refine import Config, self_refine
from understudy.providers.scripted import Scripted
from understudy.runs.recipe import Step, step_config
from understudy.sandbox.handle import Execution, Sandbox
from understudy.sandbox.protocol import Outcome, TestResult
from understudy.types import Example, Image, Rejection, Reply, Task, assistant, system, user

TASK = Task(id="t", prompt="Name a prime above 10.", meta={"source": "hand"})
SUM = Task(id="s", prompt="What is 3 + 4?", reference="7")
CODE = Task(id="c", prompt="Write f(n), which adds one.", tests=("assert f(1) == 2",))

FINE = "It is a prime. NO COMPLAINT"
CUT = Reply(text="13 is a", stop="length")


def drafts(*texts: str | Reply) -> Scripted:
    """A writer that gives these answers, one after the other."""
    return Scripted(list(texts))


def complains(times: int, said: str = "That is no prime.") -> Scripted:
    """A critic that finds fault so many times, and then none."""
    faults = iter([said] * times)
    return Scripted(lambda call: next(faults, FINE))


def scores(*points: int, verdict: str = "revise") -> Scripted:
    """Structured feedback that gives each aspect so many points, one number for each version."""
    given = iter(points)

    def filled(call: Any) -> str:
        names = re.findall(r"^- (\w+):", call.request.messages[-1].text, re.MULTILINE)
        point = next(given)
        aspects = [
            {"name": name, "evidence": f"'{point}'", "fix": "Add one.", "score": point}
            for name in names
        ]
        return json.dumps({"aspects": aspects, "verdict": verdict})

    return Scripted(filled)


def prefers(judged: Callable[[str, str], str]) -> Scripted:
    """A judge that says A, B or tie of two answers."""

    def said(call: Any) -> str:
        found = re.search(r"Answer A:\n(.*)\n\nAnswer B:\n(.*)\n", call.request.messages[-1].text)
        assert found is not None
        return f"One of them is better.\nVerdict: {judged(found[1], found[2])}"

    return Scripted(said)


async def no_sandbox(execution: Execution) -> Outcome:
    raise AssertionError("nothing is to be run")


async def run(
    writer: Scripted,
    critic: Scripted | None = None,
    task: Task = TASK,
    *,
    judge: Scripted | None = None,
    execute: Callable[[Execution], Awaitable[Outcome]] = no_sandbox,
    **settings: Any,
) -> Example | Rejection | list[Example]:
    roles = (("writer", writer), ("critic", critic), ("judge", judge))
    w, c, j = (Model.over("m", fake or Scripted([]), role=role) for role, fake in roles)
    return await self_refine(task, w, c, j, Sandbox(execute), Config(**settings))


async def one(*given: Any, **settings: Any) -> Example:
    made = await run(*given, **settings)
    assert isinstance(made, Example)
    return made


async def rejected(*given: Any, **settings: Any) -> Rejection:
    made = await run(*given, **settings)
    assert isinstance(made, Rejection)
    return made


def prompt(fake: Scripted, call: int = -1) -> str:
    return fake.calls[call].request.messages[-1].text


def trace(made: Example | Rejection, key: str) -> list[Any]:
    return [version.get(key) for version in made.meta["trace"]]


# The loop


@pytest.mark.parametrize(
    ("faults", "answer", "rewrites", "stopped"),
    [(0, "9", 0, "no complaint"), (1, "11", 1, "no complaint"), (9, "17", 3, "rounds")],
)
async def test_an_answer_is_rewritten_until_there_is_no_complaint_or_no_round(
    faults: int, answer: str, rewrites: int, stopped: str
) -> None:
    writer, critic = drafts("9", "11", "13", "17", "19"), complains(faults)
    made = await one(writer, critic, rounds=3)
    assert made.answer == answer
    assert made.messages[0] == user(TASK.prompt)
    assert (made.meta["chosen"], made.meta["stop_reason"]) == (rewrites, stopped)
    assert len(critic.calls) == min(faults + 1, 3), "what nobody will use is not asked for"


async def test_the_trace_tells_all_that_happened() -> None:
    made = await one(drafts("9", "11"), complains(1))
    assert made.meta == snapshot(
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


# Prompts


async def test_the_first_prompt_is_the_task_as_it_is() -> None:
    picture = Image(data=b"x", media_type="image/png")
    turns = (system("s"), user("Hi"), assistant("Hello"), user("Who?", picture))
    writer, critic = drafts("9", "11"), complains(1)
    await one(writer, critic, Task(messages=turns))
    assert writer.calls[0].request.messages == turns
    for call in (critic.calls[0], writer.calls[1]):
        *earlier, last = call.request.messages
        assert (tuple(earlier), last.media) == (turns[:-1], (picture,))
        assert last.text.startswith("Task:\nWho?\n\nAnswer:\n9\n\n")


async def test_feedback_is_asked_for_without_presupposing_a_fault() -> None:
    critic = complains(0)
    await one(drafts("9"), critic)
    assert prompt(critic) == snapshot("""\
Task:
Name a prime above 10.

Answer:
9

Check each step of the answer. Say what is wrong in it, with what would fix it.
If nothing is wrong, end with: NO COMPLAINT\
""")


async def test_a_rewrite_is_shown_all_earlier_answers_with_their_feedback() -> None:
    writer = drafts("9", "12", "13")
    await one(writer, complains(2))
    assert prompt(writer) == snapshot("""\
Task:
Name a prime above 10.

Answer:
9

Feedback:
That is no prime.

Answer:
12

Feedback:
That is no prime.

Write the answer again so that every point of all feedback is met. Reply with the answer only.\
""")


async def test_the_prompts_are_those_that_the_built_in_model_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[2]), *sys.path])
    from training.pocket import formats

    writer, critic = drafts("9", "12", "13"), complains(2)
    await one(writer, critic)
    told = [("9", "That is no prime."), ("12", "That is no prime.")]
    assert prompt(writer, 0) == formats.question_plain(TASK.prompt)
    assert prompt(critic) == formats.feedback(TASK.prompt, "13")
    assert prompt(writer) == formats.refine(TASK.prompt, told)


async def test_a_window_on_the_history_shows_the_latest_versions() -> None:
    writer = drafts("9", "12", "14", "17")
    await one(writer, complains(3), history=2)
    assert re.findall(r"Answer:\n(\d+)", prompt(writer)) == ["12", "14"]


async def test_choices_are_part_of_the_task_everywhere() -> None:
    task = Task(prompt="Which is a prime?", choices=("four", "five"))
    critic = complains(0)
    made = await one(drafts("(B)"), critic, task)
    assert made.messages[0].text == snapshot("""\
Which is a prime?
Answer Choices: (A) four (B) five\
""")
    assert made.messages[0].text in prompt(critic)
    again = drafts("(B)")
    await one(again, complains(0), made.as_task())
    assert prompt(again) == made.messages[0].text, "not twice, where an earlier step has put them"


# When it ends


async def test_without_the_verdict_the_words_that_end_it_are_not_asked_for_and_do_not_count() -> (
    None
):
    critic = complains(0)
    made = await one(drafts("9", "11", "13"), critic, rounds=2, verdict=False)
    assert made.meta["stop_reason"] == "rounds"
    assert "NO COMPLAINT" not in prompt(critic)


@pytest.mark.parametrize(
    ("said", "content"),
    [
        ("All right. NO COMPLAINT", True),
        ("All right.\n\n**NO COMPLAINT.**\n", True),
        ("No complaint", True),
        ("I cannot say NO COMPLAINT, for 9 is no prime.", False),
        ("NO COMPLAINTS are in order: 9 is no prime.", False),
    ],
)
async def test_only_the_last_words_of_feedback_say_that_there_is_no_complaint(
    said: str, content: bool
) -> None:
    made = await one(drafts("9", "11"), Scripted([said]), rounds=1)
    assert (made.meta["stop_reason"] == "no complaint") == content


async def test_the_same_text_again_ends_it_unless_it_may_not() -> None:
    made = await one(drafts("9", " 9\n"), complains(9))
    assert (made.meta["stop_reason"], trace(made, "answer")) == ("unchanged", ["9"])
    made = await one(drafts("9", "9", "11"), complains(9), unchanged=False, rounds=2)
    assert (made.meta["stop_reason"], trace(made, "answer")) == ("rounds", ["9", "9", "11"])


async def test_a_score_that_is_high_enough_ends_it() -> None:
    made = await one(drafts("9", "11", "13"), scores(1, 4), feedback="structured", threshold=0.8)
    assert (made.meta["stop_reason"], made.scores) == ("score reached", {"score": 0.8})


@pytest.mark.parametrize(("patience", "versions"), [(1, 3), (2, 5), (None, 6)])
async def test_scores_below_the_best_end_it_after_so_many_in_a_row(
    patience: int | None, versions: int
) -> None:
    made = await one(
        drafts("a", "b", "c", "d", "e", "f"), scores(2, 3, 2, 3, 1, 1),
        feedback="structured", patience=patience, rounds=5,
    )  # fmt: skip
    assert len(made.meta["trace"]) == versions + (patience == 2)
    assert made.meta["stop_reason"] == ("rounds" if patience is None else "no improvement")
    assert made.answer == "b"


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
    made = await rejected(drafts(reply), complains(0), SUM)
    assert (made.reason, made.meta["reference"]) == ("no complete answer", "7")


@pytest.mark.parametrize("reply", [CUT, Reply(text="")])
async def test_what_was_written_before_a_rewrite_that_is_no_use_stands(reply: Reply) -> None:
    made = await one(drafts("9", "12", reply), complains(9))
    assert (made.answer, made.meta["stop_reason"]) == ("12", "no complete rewrite")
    assert trace(made, "answer") == ["9", "12"]


@pytest.mark.parametrize("reply", [CUT, Reply(text="")])
async def test_feedback_that_is_no_use_reaches_no_writer(reply: Reply) -> None:
    made = await one(drafts("9"), Scripted([reply]))
    assert (made.answer, made.meta["stop_reason"]) == ("9", "no complete feedback")
    assert trace(made, "feedback") == [None]


async def test_structured_feedback_that_never_takes_its_form_fails_the_task() -> None:
    with pytest.raises(Unparsable, match="critic: expected JSON"):
        await run(drafts("9"), Scripted(["nonsense"] * 3), feedback="structured")


# Structured feedback


async def test_structured_feedback_scores_every_aspect_with_evidence_and_a_fix() -> None:
    writer, critic = drafts("9", "11"), scores(2, 5)
    made = await one(writer, critic, feedback="structured", rounds=1)
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
    assert trace(made, "feedback")[0] == snapshot("""\
correct (2/5): '2' Fix: Add one.
complete (2/5): '2' Fix: Add one.
clear (2/5): '2' Fix: Add one.
Total: 6/15\
""")
    assert trace(made, "feedback")[0] in prompt(writer)
    assert trace(made, "score") == [0.4, 1.0]
    assert trace(made, "aspects")[0] == {"correct": 2, "complete": 2, "clear": 2}


async def test_its_verdict_ends_the_loop() -> None:
    made = await one(drafts("9"), scores(3, verdict="stop"), feedback="structured")
    assert (made.meta["stop_reason"], made.scores["score"]) == ("no complaint", 0.6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "correct", "evidence": "", "fix": "", "score": 6},
        {"name": "wit", "evidence": "", "fix": "", "score": 3},
        {"name": "clear", "evidence": "", "fix": "", "score": 3},
        None,
    ],
)
def test_the_form_takes_each_aspect_once_and_within_the_scale(wrong: Any) -> None:
    kind = form(presets.Preset())
    good = [
        {"name": name, "evidence": "", "fix": "", "score": 3} for name in ("correct", "complete", "clear")
    ]  # fmt: skip
    assert kind.model_validate({"aspects": good, "verdict": "stop"}).total == 9
    bad = [*([wrong] if wrong else []), *good[1:]]
    with pytest.raises(ValueError, match="validation error"):
        kind.model_validate({"aspects": bad, "verdict": "stop"})


async def test_the_last_version_is_scored_as_well() -> None:
    critic = scores(1, 2, 3)
    made = await one(drafts("a", "b", "c"), critic, feedback="structured", rounds=2)
    assert (made.answer, made.scores["score"], len(critic.calls)) == ("c", 0.6, 3)


# Which version


@pytest.mark.parametrize(
    ("points", "answer"), [((3, 2, 1), "a"), ((2, 3, 3), "b"), ((3, 3, 3), "a"), ((1, 2, 3), "c")]
)
async def test_the_best_score_wins_and_of_equals_the_earlier(
    points: Sequence[int], answer: str
) -> None:
    made = await one(drafts("a", "b", "c"), scores(*points), feedback="structured", rounds=2)
    assert made.answer == answer


def version(score: float | None, accepted: bool) -> Version:
    """What was turned down has no feedback, and so no score."""
    return Version("y", Feedback("", False, score) if accepted else None, accepted)


SCORES = st.sampled_from([None, 0.0, 0.25, 0.5, 1.0])
SCORED = st.lists(st.builds(version, SCORES, st.booleans()), max_size=6)


@given(SCORED)
def test_no_accepted_version_scores_above_the_one_that_is_chosen(rest: list[Version]) -> None:
    versions = [Version("y", Feedback("", False, 0.25)), *rest]
    chosen = best(versions)
    accepted = {t: v.score for t, v in enumerate(versions) if v.accepted and v.score is not None}
    assert versions[chosen].accepted
    assert all(score < accepted[chosen] for t, score in accepted.items() if t < chosen)
    assert all(score <= accepted[chosen] for score in accepted.values())
    assert drops(versions) <= len(versions) - 1 - chosen


# A judge that compares


async def test_a_rewrite_is_accepted_only_where_the_judge_prefers_it_in_both_orders() -> None:
    judge = prefers(lambda a, b: "A" if int(a) > int(b) else "B")
    made = await one(drafts("9", "5", "11"), complains(9), judge=judge, compare=True, rounds=2)
    assert (made.answer, trace(made, "accepted")) == ("11", [None, False, None])
    assert made.meta["chosen"] == 2
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
    made = await one(drafts("9", "11"), complains(9), judge=judge, compare=True, rounds=1)
    assert made.answer == "9"


async def test_what_was_turned_down_is_tried_again_from_the_same_feedback() -> None:
    writer, critic = drafts("9", "5", "4", "11"), complains(9)
    judge = prefers(lambda a, b: "A" if int(a) > int(b) else "B")
    made = await one(writer, critic, judge=judge, compare=True, rounds=3)
    assert made.answer == "11"
    assert len(critic.calls) == 1
    assert [call.draw for call in writer.calls] == [0, 0, 1, 2]


async def test_patience_counts_what_was_turned_down() -> None:
    judge = prefers(lambda a, b: "tie")
    made = await one(drafts("9", "5", "4"), complains(9), judge=judge, compare=True, patience=2)
    assert (made.answer, made.meta["stop_reason"]) == ("9", "no improvement")


async def test_a_judge_that_is_cut_off_prefers_nothing() -> None:
    cut = Scripted(lambda call: Reply(text="Verdict: B", stop="length"))
    made = await one(drafts("9", "11"), complains(9), judge=cut, compare=True, rounds=1)
    assert made.answer == "9"


# Other sources of feedback


async def test_a_judge_scores_what_the_critic_talks_about() -> None:
    writer, critic, judge = drafts("9", "11", "13"), complains(9), scores(1, 4, 2)
    made = await one(writer, critic, judge=judge, source="judge", rounds=2)
    assert (made.answer, made.scores["score"]) == ("11", 0.8)
    assert trace(made, "feedback")[:2] == ["That is no prime."] * 2
    assert len(critic.calls) == 2, "of the last version only the score is needed"


def sandboxed(**actual: str) -> Callable[[Execution], Awaitable[Outcome]]:
    """A sandbox in which a program's tests give what is said for its source; else they pass."""

    async def execute(execution: Execution) -> Outcome:
        program = execution.program
        found = actual.get(program.source.strip())
        tests = tuple(TestResult(test, found is None, found or "2", "2") for test in program.tests)
        return Outcome(status="failed" if found else "passed", tests=tests)

    return execute


async def test_the_first_failing_test_is_the_feedback_and_ends_where_all_pass() -> None:
    writer = drafts("```python\nbad\n```", "good")
    made = await one(writer, None, CODE, execute=sandboxed(bad="1"), source="tests")
    assert trace(made, "feedback") == snapshot(
        ["The test assert f(1) == 2 fails: it returned 1.", "All tests pass."]
    )
    assert (made.answer, made.scores, trace(made, "right")) == (
        "good",
        {"score": 1.0},
        [False, True],
    )
    assert prompt(writer, 0) == snapshot("""\
Write f(n), which adds one.
Your code should pass these tests:
assert f(1) == 2\
""")
    assert made.tests == CODE.tests


async def test_tests_that_the_task_shows_itself_are_not_shown_twice() -> None:
    task = Task(prompt="Write f.\nassert f(1) == 2", tests=CODE.tests)
    writer = drafts("good")
    await one(writer, None, task, execute=sandboxed(), source="tests")
    assert prompt(writer) == task.prompt


@pytest.mark.parametrize(
    ("outcome", "said"),
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
async def test_whatever_befalls_a_program_is_told(outcome: Outcome, said: str) -> None:
    async def execute(execution: Execution) -> Outcome:
        return outcome

    made = await one(drafts("x", "x"), None, CODE, execute=execute, source="tests")
    assert (trace(made, "feedback"), trace(made, "score")) == ([said], [0.0])


async def test_hidden_tests_are_shown_to_nobody_and_tell_who_was_right() -> None:
    task = Task(
        prompt="Write f.", tests=("assert f(1) == 2", "assert f(9) == 10"),
        meta={"visible_tests": ["assert f(1) == 2"]},
    )  # fmt: skip
    ran = list[tuple[str, ...]]()

    async def execute(execution: Execution) -> Outcome:
        program = execution.program
        ran.append(program.tests)
        tests = tuple(TestResult(test, "9" not in test, "0", "2") for test in program.tests)
        passed = all(test.passed for test in tests)
        return Outcome(status="passed" if passed else "failed", tests=tests)

    writer = drafts("code")
    made = await one(writer, None, task, execute=execute, source="tests")
    assert (made.meta["stop_reason"], trace(made, "right")) == ("no complaint", [False])
    assert "f(9)" not in "".join(prompt(writer, i) for i in range(len(writer.calls)))
    assert ran == [task.tests[:1], task.tests]


async def test_the_oracle_goes_on_while_the_answer_is_wrong_whatever_the_critic_says() -> None:
    writer, critic = drafts("It is 8.", "It is 6.", "It is 7."), Scripted(["Add again.", FINE])
    made = await one(writer, critic, SUM, source="verifier")
    assert trace(made, "feedback") == [
        "Add again.",
        "The answer 6 is wrong.",
        "The answer is right.",
    ]
    assert (made.answer, made.meta["feedback_source"]) == ("It is 7.", "verifier (oracle)")
    assert "7" not in prompt(writer).replace("It is 7.", ""), "the reference is not given away"


async def test_of_the_last_version_the_oracle_asks_no_critic() -> None:
    critic = complains(9)
    made = await one(drafts("8", "6"), critic, SUM, source="verifier", rounds=1)
    assert (len(critic.calls), trace(made, "score")) == (1, [0.0, 0.0])
    assert made.answer == "8", "the earlier one of equals"


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
    made = await one(writer, complains(1), earlier.as_task(), draft=True)
    assert (trace(made, "answer"), made.messages[0]) == (["9", "11"], user("Name a prime."))
    assert made.meta["cost"]["first_calls"] == 0


# What is kept


async def test_a_pair_prefers_the_last_version_to_the_first_where_it_is_right_and_that_is_not() -> (
    None
):
    made = await one(drafts("It is 8.", "It is 7."), complains(1), SUM, keep="pairs")
    assert (made.answer, made.rejected) == ("It is 7.", (assistant("It is 8."),))
    assert made.meta["better_by"] == "reference"
    assert rows(made) == [
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
    made = await rejected(drafts(*answers), complains(1), SUM, keep="pairs")
    assert made.reason == "no better than the first"


async def test_without_a_reference_scores_show_which_is_better() -> None:
    made = await one(drafts("a", "b"), scores(2, 3), feedback="structured", rounds=1, keep="pairs")
    assert made.meta["better_by"] == "score"
    same = await rejected(
        drafts("a", "b"), scores(3, 3), feedback="structured", rounds=1, keep="pairs"
    )
    assert same.score == 0.6


async def test_without_scores_the_judge_is_asked_once() -> None:
    judge = prefers(lambda a, b: "A" if int(a) > int(b) else "B")
    made = await one(drafts("9", "11"), complains(1), judge=judge, keep="pairs")
    assert (made.meta["better_by"], len(judge.calls)) == ("judge", 2)
    judge = prefers(lambda a, b: "A" if int(a) > int(b) else "B")
    made = await one(drafts("9", "11"), complains(1), judge=judge, keep="pairs", compare=True)
    assert (made.meta["better_by"], len(judge.calls)) == ("judge", 2), "it was asked already"
    assert (await rejected(drafts("9", "5"), complains(1), judge=judge, keep="pairs")).reason


async def test_steps_are_the_rewrites_that_led_to_the_answer() -> None:
    made = await run(
        drafts("a", "b", "c"), scores(1, 3, 2), feedback="structured", rounds=2, keep="steps"
    )
    assert isinstance(made, list)
    (step,) = made
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
    made = await run(
        drafts("9", "5", "11", "13"),
        complains(9),
        judge=judge,
        compare=True,
        rounds=3,
        keep="steps",
    )
    assert isinstance(made, list)
    assert [(step.answer, step.meta["step"]) for step in made] == [("11", 0), ("13", 2)]
    assert (await rejected(drafts("9"), complains(0), keep="steps")).reason == "no rewrite"


# Presets


@pytest.mark.parametrize(
    ("name", "constants"),
    [
        ("sentiment", (4, "text", False, 0.7, 0.7, 0.0)),
        ("dialogue", (3, "structured", False, 0.7, 0.7, 0.7)),
        ("code_speed", (4, "text", True, 0.0, 0.0, 0.0)),
        ("code_readability", (5, "text", False, 0.0, 0.7, 0.0)),
        ("math", (4, "text", True, 0.0, 0.7, 0.7)),
        ("acronym", (5, "structured", False, 0.7, 0.7, 0.7)),
        ("constrained", (4, "text", True, 0.7, 0.7, 0.7)),
        ("general", (4, "text", True, 0.7, 0.7, 0.7)),
    ],
)
def test_a_preset_has_the_constants_of_the_papers_task(name: Any, constants: Any) -> None:
    config = Config(preset=name)
    assert constants == (
        config.rounds, config.feedback, config.verdict,
        config.temperature, config.feedback_temperature, config.refine_temperature,
    )  # fmt: skip
    assert Config.model_validate(config.model_dump(mode="json")) == config


def test_the_aspects_and_scales_are_as_many_as_the_papers() -> None:
    found = {name: presets.of(name) for name in ("dialogue", "acronym")}
    assert {name: (len(p.aspects), p.scale) for name, p in found.items()} == {
        "dialogue": (10, 3),
        "acronym": (5, 5),
    }


@pytest.mark.parametrize("name", get_args(presets.Name))
def test_no_preset_says_that_there_is_a_fault(name: Any) -> None:
    preset = presets.of(name)
    assert preset.fine.startswith("If ")
    assert preset.fine.endswith(", end with")


def test_what_is_set_goes_over_the_preset() -> None:
    config = Config(preset="acronym", rounds=1, feedback="text")
    assert (config.rounds, config.feedback, config.verdict) == (1, "text", False)


async def test_a_presets_instruction_is_part_of_the_task_and_of_the_example() -> None:
    writer, critic = drafts("It was awful."), complains(0)
    made = await one(writer, critic, Task(prompt="It was lovely."), preset="sentiment", rounds=0)
    assert made.messages == (*writer.calls[0].request.messages, assistant("It was awful."))
    assert prompt(writer) == snapshot("""\
Turn the review below into its opposite: if its author was pleased, write as if thoroughly disappointed, and the other way round. Keep to the same place, things and events, and to about the same length.

It was lovely.\
""")  # fmt: skip


async def test_of_a_dialogue_the_last_eight_turns_are_shown() -> None:
    turns = [(user if i % 2 else assistant)(f"turn {i}") for i in range(1, 12)]
    writer = drafts("Hm.")
    await one(writer, None, Task(messages=(system("s"), *turns)), preset="dialogue", rounds=0,
              feedback="text")  # fmt: skip
    shown = [message.text for message in writer.calls[0].request.messages]
    assert shown[:2] == ["s", "turn 4"]
    assert len(shown) == 9


async def test_a_preset_of_ones_own_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "haiku.yaml"
    file.write_text(
        "write: Write a haiku.\nscale: 2\nrounds: 1\nfeedback: structured\n"
        "aspects: [{name: syllables, about: '5, 7, 5'}]\n"
    )
    config = step_config(Step(use="self_refine", settings={"preset": str(file)}))
    assert isinstance(config, Config)
    assert config.rounds == 1
    assert Config.model_validate(config.model_dump(mode="json")) == config
    critic = scores(1, 2)
    made = await one(drafts("a", "b"), critic, preset=str(file))
    assert (made.answer, trace(made, "score")) == ("b", [0.5, 1.0])
    assert "from 0 to 2" in prompt(critic)


def test_a_preset_that_is_neither_a_name_nor_a_file_is_told() -> None:
    with pytest.raises(ConfigError, match=r"expected one of general, .*, or a YAML file at maths"):
        step_config(Step(use="self_refine", settings={"preset": "maths"}))
    with pytest.raises(ConfigError, match="preset"):
        step_config(Step(use="self_refine", settings={"preset": 3}))


# The report


def refined(
    right: Sequence[bool], chosen: int, stopped: str = "no complaint", **meta: Any
) -> Example:
    """A task whose versions are right or not."""
    versions = [{"t": t, "answer": f"{t}", "right": r} for t, r in enumerate(right)]
    known = {
        "trace": versions,
        "chosen": chosen,
        "stop_reason": stopped,
        "feedback_source": "critic",
    }
    cost = {"calls": 2 * len(right), "tokens": 100, "first_calls": 1, "first_tokens": 20}
    return Example(
        messages=(user("?"),), meta=known | {"cost": cost} | meta, lineage=(f"s/{right}{stopped}",)
    )


def test_the_report_gives_final_accuracy_apart_from_any_right_and_flips_and_cost() -> None:
    lost = Rejection(
        reason="no complete answer",
        meta={
            "trace": [],
            "stop_reason": "no complete answer",
            "feedback_source": "critic",
            "reference": "7",
        },
    )
    made = [
        refined([False, True], 1),
        refined([False, True, True], 2, "rounds"),
        refined([True, False], 1),
        refined([False, True, False], 2, "rounds"),
        refined([True], 0),
        refined([True], 0),  # a second example of the same task
        lost,
    ]
    assert report(made).text == snapshot("""\
5 tasks: 1.20 rewrites per task; 20.0% keep their first answer
stopped by: no complaint 3, rounds 2, no complete answer 1
accuracy of 6 tasks: first 0.333, final 0.500, any right 0.833 (what the published figures for GSM8K count)
wrong to right 2, right to wrong 1
after the first answers: 17 calls, 400 tokens; 17.0 calls and 400 tokens per task gained
   round   accuracy  any right
       0      0.333      0.333
       1      0.667      0.833
       2      0.500      0.833\
""")  # fmt: skip
    chart = report(made).chart
    assert chart
    assert list(chart.at) == [0, 1, 2]
    assert [f"{share:.3f}" for share in chart.lines["accuracy"]] == ["0.333", "0.667", "0.500"]
    assert chart.says == snapshot(
        "Of 6 tasks, the first answer is right for 33.3%, the one that stands after the last round for 50.0%: +16.7 points."
    )


def test_the_report_names_an_oracle_and_a_loss() -> None:
    made = [refined([True, False], 1, feedback_source="verifier (oracle)")]
    assert report(made).text.splitlines()[2:6] == snapshot(
        [
            "ORACLE: the reference decided whether to go on; no figure of the model alone",
            "accuracy of 1 tasks: first 1.000, final 0.000, any right 1.000 (what the published figures for GSM8K count)",
            "wrong to right 0, right to wrong 1",
            "after the first answers: 3 calls, 80 tokens; no task gained",
        ]
    )  # fmt: skip
    chart = report(made).chart
    assert chart
    assert "ORACLE" in chart.says


def test_a_version_that_was_turned_down_does_not_stand() -> None:
    turned_down = refined([True, False], 0)
    turned_down.meta["trace"][1]["accepted"] = False
    assert report([turned_down]).text.splitlines()[-1].split() == ["1", "1.000", "1.000"]


def test_without_references_there_is_no_accuracy_and_without_versions_nothing() -> None:
    made = refined([True], 0)
    del made.meta["trace"][0]["right"]
    assert "accuracy" not in report([made]).text
    assert report([]).text == "no versions"
    lost = Rejection(
        reason="-", meta={"trace": [], "stop_reason": "-", "feedback_source": "critic"}
    )
    assert report([lost]).text == "1 tasks without an answer"


async def test_a_rejected_pair_is_still_a_task_of_the_report() -> None:
    made = await rejected(drafts("It is 7."), complains(0), SUM, keep="pairs")
    assert "accuracy of 1 tasks: first 1.000, final 1.000" in report([made]).text
    beyond = Rejection(reason="beyond n", example=await one(drafts("It is 7."), complains(0), SUM))
    assert "accuracy of 1 tasks: first 1.000" in report([beyond]).text
