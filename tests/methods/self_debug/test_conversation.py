"""The conversation: what the model still sees, what it says, what it costs."""

from collections.abc import Sequence
from typing import Any

import pytest
from debug_bench import NO, YES

from understudy.call.model import Model
from understudy.methods.self_debug.conversation import Attempt, CountingModel, read_verdict, window
from understudy.methods.self_debug.problem import Candidate, Observation, Score
from understudy.providers.scripted import Scripted
from understudy.types import Message, Reply, Usage, assistant, user

HEAD = (user("task"),)


def attempt(reply: str, *more: Message, **fields: Any) -> Attempt:
    fields = {"observation": None, "answers": {}, "verdict": ""} | fields
    return Attempt(Candidate(reply), reply, messages=(assistant(reply), *more), **fields)


def texts(messages: Sequence[Message]) -> list[str]:
    return [message.text for message in messages]


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (YES, "right"),
        (NO, "wrong"),
        ("Yes. It does all that is asked, and there is no case it misses.", "right"),
        ("No: it returns x + 1.", "wrong"),
        ("The tests look fine, but the translation is not correct", "wrong"),
        ("At first the code is wrong in my eyes; on reflection it is correct.", "right"),
        ("It seems incorrect.", "wrong"),
        ("Correct!", "right"),
        ("Hard to say.", ""),
    ],
)
def test_a_verdict_is_read_off_what_the_model_says(reply: str, verdict: str) -> None:
    assert read_verdict(reply) == verdict


def test_the_last_plain_statement_goes_before_a_first_yes_or_no() -> None:
    assert read_verdict("Yes, I read it. The code is wrong.") == "wrong"
    assert read_verdict("No doubt: wrong at first, it is right now.") == "right"
    assert read_verdict("Yes. Or no.") == "right"


@pytest.mark.parametrize(
    "denial", ["It isn't right.", "It isn\u2019t correct.", "They aren't correct."]
)
def test_a_shortened_denial_is_a_denial(denial: str) -> None:
    assert read_verdict(denial) == "wrong"


@pytest.mark.parametrize(
    ("history", "earlier"),
    [(None, ["a", "b", "c"]), (3, ["b", "c"]), (2, ["c"]), (1, [])],
)
def test_the_window_counts_what_is_being_said_as_an_attempt(
    history: int | None, earlier: list[str]
) -> None:
    attempts = [attempt("a"), attempt("b"), attempt("c")]

    assert texts(window(HEAD, attempts, [assistant("d")], history)) == ["task", *earlier, "d"]


def test_without_a_current_program_the_window_is_all_earlier_ones() -> None:
    attempts = [attempt("a"), attempt("b")]

    assert texts(window(HEAD, attempts, [], 1)) == ["task", "b"]
    assert texts(window(HEAD, attempts, [], 9)) == ["task", "a", "b"]
    assert texts(window(HEAD, [], [], 1)) == ["task"]


async def test_tokens_are_those_counted_and_else_a_quarter_of_the_characters() -> None:
    script = [Reply(text="x", usage=Usage(tokens_out=5)), Reply(text="y" * 5, reasoning="z" * 4)]

    async def answer(call: Any) -> list[Reply]:
        return [script.pop(0)]

    model = CountingModel(Model.over("m", answer), max_tokens=9)
    assert await model.ask(HEAD) == "x"
    assert (model.tokens, model.estimated) == (5, False)
    assert await model.ask(HEAD) == "yyyyy"
    assert (model.tokens, model.estimated) == (5 + 3, True)


async def test_a_question_is_greedy_and_a_sample_is_as_warm_as_it_is_told() -> None:
    teacher = Scripted([["a"], ["b", "c"]])
    model = CountingModel(Model.over("m", teacher), max_tokens=9)

    assert await model.ask(HEAD) == "a"
    assert await model.sample(HEAD, 2, 0.7) == ["b", "c"]
    sampling = [call.request.sampling for call in teacher.calls]
    assert [(s.temperature, s.max_tokens) for s in sampling] == [(0.0, 9), (0.7, 9)]


def test_a_turn_tells_only_what_there_was() -> None:
    assert attempt("p").as_json(0, "simple") == {
        "turn": 0, "code": "p", "visible": None, "hidden": None,
    }  # fmt: skip
    observation = Observation("failed", False, "it returned 1", "assert f(1)", trace="Line 2")
    full = attempt(
        "p", user("Fix."), observation=observation, verdict="wrong",
        answers={"explanation": "It adds."}, score=Score(False, True),
    )  # fmt: skip
    assert full.as_json(3, "unit_test") == {
        "turn": 3,
        "code": "p",
        "status": "failed",
        "failed_test": "assert f(1)",
        "outcome": "it returned 1",
        "feedback": "unit_test",
        "verdict": "wrong",
        "explanation": "It adds.",
        "trace": "Line 2",
        "visible": False,
        "hidden": True,
    }


def test_the_models_own_trace_goes_before_the_sandboxs() -> None:
    one = attempt("p", observation=Observation("failed", False, trace="theirs"))
    own = one._replace(answers={"trace": "mine"})

    assert (one.as_json(0, "trace")["trace"], own.as_json(0, "trace")["trace"]) == (
        "theirs",
        "mine",
    )


def test_hidden_tests_say_the_truth_where_there_are_any() -> None:
    scores = [Score(True, False), Score(False, None), Score(None, None)]

    assert [attempt("p", score=score).truth for score in scores] == [False, False, None]
