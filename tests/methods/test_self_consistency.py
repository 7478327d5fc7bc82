"""The vote of Self-Consistency: what a path answers, what it weighs, when drawing stops."""

import asyncio
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from vote_bench import UNREADABLE, one, path, rejected, run

from understudy.errors import Rejected
from understudy.providers.scripted import Scripted
from understudy.types import Example, Rejection, Reply, Token, assistant, user


async def test_the_answer_that_most_paths_reach_wins_and_its_first_path_is_kept() -> None:
    teacher = Scripted([[path(5), path(7, "First."), path("7.0", "Second."), UNREADABLE, path(7)]])
    outcome = await one(teacher, samples=5)
    assert outcome.messages == (user("What is 3 + 4?"), assistant("First. The answer is 7."))
    assert outcome.scores == {"share": 3 / 5}
    assert outcome.meta == snapshot(
        {
            "source": "hand",
            "answers": ["5", "7", "7.0", None, "7"],
            "tie": False,
            "entropy": 0.811278,
            "answer": "7",
            "votes": {"number 7": 3.0, "number 5": 1.0},
            "format": "path",
        }
    )
    assert outcome.reference == "7"


async def test_answers_are_equal_by_value() -> None:
    teacher = Scripted([[path("1/2"), path("0.5"), path(3), path("50%")]])
    assert (await one(teacher, samples=4)).scores["share"] == 3 / 4


async def test_a_tie_goes_to_the_answer_drawn_first_and_is_told() -> None:
    outcome = await one(Scripted([[path(5), path(7), path(7), path(5)]]), samples=4)
    assert (outcome.meta["answer"], outcome.meta["tie"]) == ("5", True)


@given(st.lists(st.sampled_from([1, 2, 3, None]), min_size=1, max_size=9))
def test_unreadable_answers_have_no_vote_but_count_in_the_share(answers: list[int | None]) -> None:
    texts = [UNREADABLE if a is None else path(a) for a in answers]
    outcome = asyncio.run(run(Scripted([texts]), samples=len(texts)))
    read = [a for a in answers if a is not None]
    if not read:
        assert isinstance(outcome, Rejection)
        assert (outcome.reason, outcome.score) == ("no readable answer", 0)
        return
    assert isinstance(outcome, Example)
    best = max(read.count(a) for a in read)
    winner = next(a for a in answers if a is not None and read.count(a) == best)
    assert outcome.meta["answer"] == str(winner)
    assert outcome.scores["share"] == best / len(answers)


async def test_a_truncated_reply_has_no_answer() -> None:
    cut = Reply(text=path(5), stop="length")
    outcome = await one(Scripted([[cut, cut, Reply(text=path(7))]]), samples=3)
    assert outcome.meta["answers"] == [None, None, "7"]
    assert outcome.scores["share"] == 1 / 3


async def test_a_reply_that_runs_on_to_a_next_question_is_cut_there_and_is_no_truncation() -> None:
    ran_on = Reply(text=f"{path(7)}\n\nQ: And 5 + 5?\nA: The answer is 10. Q", stop="length")
    outcome = await one(Scripted([[ran_on]]), samples=1)
    assert (outcome.meta["answers"], outcome.answer) == (["7"], path(7))


async def test_a_winner_with_too_small_a_share_is_rejected_with_its_figures() -> None:
    texts = [path(5), path(7), path(7), UNREADABLE]
    assert (await one(Scripted([texts]), samples=4, min_share=0.5)).meta["answer"] == "7"
    outcome = await rejected(Scripted([texts]), samples=4, min_share=0.51)
    assert (outcome.reason, outcome.score) == ("share below min_share", 0.5)
    assert outcome.meta["answers"] == ["5", "7", "7", None]
    assert outcome.meta["reference"] == "7"


def with_logprobs(answer: object, *logprobs: float) -> Reply:
    tokens = tuple(Token("x", logprob) for logprob in logprobs)
    return Reply(text=path(answer), logprobs=tokens)


PROBABLE = [with_logprobs(5, -0.1), with_logprobs(7, *[-0.06] * 9), with_logprobs(7, *[-0.06] * 9)]


@pytest.mark.parametrize(
    ("vote", "winner", "weights"),
    [
        ("count", "7", {"number 7": 2, "number 5": 1}),
        ("probability", "7", {"number 7": 2 * math.exp(-0.54), "number 5": math.exp(-0.1)}),
        ("normalized", "7", {"number 7": 2 * math.exp(-0.06), "number 5": math.exp(-0.1)}),
    ],
)
async def test_a_path_weighs_what_the_vote_says(
    vote: str, winner: str, weights: dict[str, float]
) -> None:
    teacher = Scripted([PROBABLE])
    outcome = await one(teacher, samples=3, vote=vote)
    assert outcome.meta["answer"] == winner
    total, expected = sum(outcome.meta["votes"].values()), sum(weights.values())
    shares = {key: weight / total for key, weight in outcome.meta["votes"].items()}
    assert shares == pytest.approx({key: weight / expected for key, weight in weights.items()})
    assert (teacher.calls[0].request.logprobs is None) == (vote == "count")


async def test_one_likely_path_outweighs_two_unlikely_ones() -> None:
    replies = [with_logprobs(7, -2.0), with_logprobs(5, -0.1), with_logprobs(7, -2.0)]
    outcome = await one(Scripted([replies]), samples=3, vote="probability")
    assert (outcome.meta["answer"], outcome.scores["share"]) == ("5", 1 / 3)


async def test_paths_too_long_for_their_probability_to_be_a_number_are_still_weighed() -> None:
    long = [with_logprobs(5, *[-0.9] * 1_000), with_logprobs(7, *[-0.85] * 1_000)]
    outcome = await one(Scripted([long]), samples=2, vote="probability")
    assert (outcome.meta["answer"], outcome.meta["tie"]) == ("7", False)


async def test_weights_need_an_endpoint_that_gives_them() -> None:
    with pytest.raises(Rejected, match="vote=probability needs the tokens' log-probabilities"):
        await run(Scripted([[path(7)]]), samples=1, vote="probability")


def believes(p: float) -> Reply:
    top = (("A", math.log(p)), ("B", math.log(1 - p)))
    return Reply(text="A", logprobs=(Token("A", math.log(p), top),))


async def test_a_verifier_weighs_each_path_that_has_an_answer() -> None:
    teacher = Scripted([[path(7), UNREADABLE, path(5), path(7)]])
    verifier = Scripted(
        lambda call: believes(0.9 if "is 5." in call.request.messages[0].text else 0.3)
    )
    outcome = await one(teacher, verifier=verifier, samples=4, vote="verifier")
    assert outcome.meta["answer"] == "5"
    assert outcome.meta["votes"] == pytest.approx({"number 5": 0.9, "number 7": 0.6})
    assert outcome.scores["share"] == 1 / 4  # of the paths, whatever they weigh
    assert sum(call.n for call in verifier.calls) == 3
    assert verifier.calls[0].request.messages[0].text == snapshot("""\
Question: What is 3 + 4?
Proposed solution: Let me see. The answer is 7.
Proposed answer: 7
Is the proposed answer:
(A) True
(B) False
Reply with the letter only: \
""")


@pytest.mark.parametrize(
    ("answers", "calls"),
    [([7] * 40, 4), ([5] + [7] * 40, 7), ([7, None] * 20, 7), ([1, 2] * 20, 40), ([7, 7, 7], 3)],
)
async def test_drawing_stops_when_the_leader_will_stay_ahead(
    answers: Sequence[int | None], calls: int
) -> None:
    script = [UNREADABLE if a is None else path(a) for a in answers]
    teacher = Scripted(script)
    outcome = await one(teacher, samples=min(40, len(script)), adaptive=True)
    assert len(teacher.calls) == len(outcome.meta["answers"]) == calls
    assert [call.draw for call in teacher.calls] == list(range(calls))
