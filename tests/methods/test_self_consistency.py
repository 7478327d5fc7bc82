"""Self-Consistency: the prompts, every vote, and the data set made of the paths that agree."""

# ruff: noqa: E501 -- prompts and messages stand here as they are printed

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from understudy.call.model import Model
from understudy.errors import ConfigError, Rejected
from understudy.methods._self_consistency_report import report
from understudy.methods._shared.exemplars import shipped_exemplars
from understudy.methods.self_consistency import Config, self_consistency
from understudy.providers.scripted import Scripted
from understudy.runs.recipe import Step, step_config
from understudy.types import Example, Image, Rejection, Reply, Task, Token, assistant, user

TASK = Task(id="t", prompt="What is 3 + 4?", reference="7", meta={"source": "hand"})
CHOICE = Task(id="c", prompt="Which is a prime?", choices=("four", "five"), reference="B")


UNREADABLE = "I cannot say.\nNor can anyone\nwho has thought about it for as long as I have."


def path(answer: object, thought: str = "Let me see.") -> str:
    return f"{thought} The answer is {answer}."


async def run(
    teacher: Scripted, task: Task = TASK, verifier: Scripted | None = None, **settings: Any
) -> Example | Rejection | list[Example]:
    models = Model.over("m", teacher), Model.over("v", verifier or Scripted([]), role="verifier")
    return await self_consistency(task, *models, Config(**settings))


async def one(teacher: Scripted, task: Task = TASK, **settings: Any) -> Example:
    made = await run(teacher, task, **settings)
    assert isinstance(made, Example)
    return made


async def several(teacher: Scripted, task: Task = TASK, **settings: Any) -> list[Example]:
    made = await run(teacher, task, **settings)
    assert isinstance(made, list)
    return made


async def rejected(teacher: Scripted, task: Task = TASK, **settings: Any) -> Rejection:
    made = await run(teacher, task, **settings)
    assert isinstance(made, Rejection)
    return made


def prompt(teacher: Scripted, call: int = 0) -> str:
    return teacher.calls[call].request.messages[-1].text


# Prompts


async def test_exemplars_come_before_the_question() -> None:
    teacher = Scripted([path(7)])
    await one(teacher, samples=1, shots=2)
    assert prompt(teacher) == snapshot("""\
Q: A baker fills 6 trays with 8 rolls each and then sells 29 rolls. How many rolls are left?
A: 6 trays of 8 rolls are 6 * 8 = 48 rolls. After selling 29, 48 - 29 = 19 rolls are left. The answer is 19.

Q: Nora reads 14 pages on Monday and twice as many on Tuesday. How many pages does she read on both days together?
A: On Tuesday she reads 2 * 14 = 28 pages. Together that is 14 + 28 = 42 pages. The answer is 42.

Q: What is 3 + 4?
A:\
""")


async def test_without_exemplars_the_question_ends_with_the_trigger() -> None:
    teacher = Scripted([path(7)])
    await one(teacher, samples=1, shots=0)
    assert prompt(teacher) == snapshot("""\
What is 3 + 4?
Let's think step by step.\
""")


@pytest.mark.parametrize(
    ("endpoint", "settings", "shown"),
    [
        ("openai", {}, 8),
        ("pocket", {}, 0),
        ("pocket", {"shots": 3}, 3),
        ("pocket", {"exemplars": [{"question": "1 + 1?", "reasoning": "", "answer": "2"}]}, 1),
    ],
)
async def test_all_exemplars_are_shown_but_none_of_ours_to_the_built_in_model(
    endpoint: str, settings: dict[str, Any], shown: int
) -> None:
    teacher = Scripted([path(7)])
    model = Model.over("m", teacher, endpoint=endpoint)
    config = step_config(Step(use="self_consistency", settings={"samples": 1, **settings}))
    assert isinstance(config, Config)
    await self_consistency(TASK, model, model, config)
    assert prompt(teacher).count("The answer is") == shown


async def test_choices_are_listed_and_have_exemplars_of_their_own() -> None:
    teacher = Scripted([path("(B)")])
    made = await one(teacher, CHOICE, samples=1, shots=1)
    assert prompt(teacher) == snapshot("""\
Q: A train covers 150 km in 2.5 hours. What is its average speed?
Answer Choices: (A) 50 km/h (B) 60 km/h (C) 65 km/h (D) 75 km/h
A: Average speed is distance over time. 150 / 2.5 = 60, so the speed is 60 km/h. The answer is (B).

Q: Which is a prime?
Answer Choices: (A) four (B) five
A:\
""")
    assert (made.meta["answer"], made.choices, made.reference) == ("B", CHOICE.choices, "B")


async def test_earlier_turns_and_pictures_are_kept() -> None:
    picture = Image(data=b"x", media_type="image/png")
    turns = (user("Hi"), assistant("Hello"), user("What is 3 + 4?"))
    teacher = Scripted([path(7)] * 2)
    await one(teacher, Task(messages=turns), samples=1, shots=0)
    await one(teacher, Task(prompt="?", images=(picture,)), samples=1)
    assert teacher.calls[0].request.messages[:2] == turns[:2]
    assert teacher.calls[1].request.messages[-1].media == (picture,)


async def test_own_exemplars_come_from_a_list_or_a_file(tmp_path: Path) -> None:
    own = [{"question": "1 + 1?", "reasoning": "One and one.", "answer": "2"}]
    file = tmp_path / "shots.yaml"
    file.write_text("- {question: '1 + 1?', reasoning: One and one., answer: '2'}\n")
    teacher = Scripted([path(7)] * 2)
    await one(teacher, samples=1, exemplars=own)
    await one(teacher, samples=1, exemplars=str(file))
    assert prompt(teacher) == prompt(teacher, 1)
    assert prompt(teacher).startswith("Q: 1 + 1?\nA: One and one. The answer is 2.\n\nQ: What is")
    with pytest.raises(ConfigError, match=r"expected a YAML file at nowhere\.yaml"):
        step_config(Step(use="self_consistency", settings={"exemplars": "nowhere.yaml"}))


def test_the_shipped_exemplars_say_their_own_answers() -> None:
    assert (len(shipped_exemplars("arithmetic")), len(shipped_exemplars("choice"))) == (8, 4)
    for exemplar in shipped_exemplars("arithmetic"):
        assert exemplar.answer in exemplar.reasoning.replace(",", "")


async def test_paths_are_drawn_together_at_the_papers_temperature() -> None:
    teacher = Scripted(lambda call: path(7))
    await one(teacher)
    (call,) = teacher.calls
    assert (call.n, call.request.sampling.temperature) == (40, 0.7)
    assert (call.request.sampling.max_tokens, call.request.logprobs) == (1024, None)


# The vote


async def test_the_answer_that_most_paths_reach_wins_and_its_first_path_is_kept() -> None:
    teacher = Scripted([[path(5), path(7, "First."), path("7.0", "Second."), UNREADABLE, path(7)]])
    made = await one(teacher, samples=5)
    assert made.messages == (user("What is 3 + 4?"), assistant("First. The answer is 7."))
    assert made.scores == {"share": 3 / 5}
    assert made.meta == snapshot(
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
    assert made.reference == "7"


async def test_answers_are_equal_by_value() -> None:
    teacher = Scripted([[path("1/2"), path("0.5"), path(3), path("50%")]])
    assert (await one(teacher, samples=4)).scores["share"] == 3 / 4


async def test_a_tie_goes_to_the_answer_drawn_first_and_is_told() -> None:
    made = await one(Scripted([[path(5), path(7), path(7), path(5)]]), samples=4)
    assert (made.meta["answer"], made.meta["tie"]) == ("5", True)


@given(st.lists(st.sampled_from([1, 2, 3, None]), min_size=1, max_size=9))
def test_unreadable_answers_have_no_vote_but_count_in_the_share(answers: list[int | None]) -> None:
    texts = [UNREADABLE if a is None else path(a) for a in answers]
    made = asyncio.run(run(Scripted([texts]), samples=len(texts)))
    read = [a for a in answers if a is not None]
    if not read:
        assert isinstance(made, Rejection)
        assert (made.reason, made.score) == ("no readable answer", 0)
        return
    assert isinstance(made, Example)
    best = max(read.count(a) for a in read)
    winner = next(a for a in answers if a is not None and read.count(a) == best)
    assert made.meta["answer"] == str(winner)
    assert made.scores["share"] == best / len(answers)


async def test_a_truncated_reply_has_no_answer() -> None:
    cut = Reply(text=path(5), stop="length")
    made = await one(Scripted([[cut, cut, Reply(text=path(7))]]), samples=3)
    assert made.meta["answers"] == [None, None, "7"]
    assert made.scores["share"] == 1 / 3


async def test_a_reply_that_runs_on_to_a_next_question_is_cut_there_and_is_no_truncation() -> None:
    ran_on = Reply(text=f"{path(7)}\n\nQ: And 5 + 5?\nA: The answer is 10. Q", stop="length")
    made = await one(Scripted([[ran_on]]), samples=1)
    assert (made.meta["answers"], made.answer) == (["7"], path(7))


async def test_a_winner_with_too_small_a_share_is_rejected_with_its_figures() -> None:
    texts = [path(5), path(7), path(7), UNREADABLE]
    assert (await one(Scripted([texts]), samples=4, min_share=0.5)).meta["answer"] == "7"
    made = await rejected(Scripted([texts]), samples=4, min_share=0.51)
    assert (made.reason, made.score) == ("share below min_share", 0.5)
    assert made.meta["answers"] == ["5", "7", "7", None]
    assert made.meta["reference"] == "7"


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
    made = await one(teacher, samples=3, vote=vote)
    assert made.meta["answer"] == winner
    total, expected = sum(made.meta["votes"].values()), sum(weights.values())
    shares = {key: weight / total for key, weight in made.meta["votes"].items()}
    assert shares == pytest.approx({key: weight / expected for key, weight in weights.items()})
    assert (teacher.calls[0].request.logprobs is None) == (vote == "count")


async def test_one_likely_path_outweighs_two_unlikely_ones() -> None:
    replies = [with_logprobs(7, -2.0), with_logprobs(5, -0.1), with_logprobs(7, -2.0)]
    made = await one(Scripted([replies]), samples=3, vote="probability")
    assert (made.meta["answer"], made.scores["share"]) == ("5", 1 / 3)


async def test_paths_too_long_for_their_probability_to_be_a_number_are_still_weighed() -> None:
    long = [with_logprobs(5, *[-0.9] * 1_000), with_logprobs(7, *[-0.85] * 1_000)]
    made = await one(Scripted([long]), samples=2, vote="probability")
    assert (made.meta["answer"], made.meta["tie"]) == ("7", False)


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
    made = await one(teacher, verifier=verifier, samples=4, vote="verifier")
    assert made.meta["answer"] == "5"
    assert made.meta["votes"] == pytest.approx({"number 5": 0.9, "number 7": 0.6})
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


# Adaptive


@pytest.mark.parametrize(
    ("answers", "calls"),
    [([7] * 40, 4), ([5] + [7] * 40, 7), ([7, None] * 20, 7), ([1, 2] * 20, 40), ([7, 7, 7], 3)],
)
async def test_drawing_stops_when_the_leader_will_stay_ahead(
    answers: Sequence[int | None], calls: int
) -> None:
    script = [UNREADABLE if a is None else path(a) for a in answers]
    teacher = Scripted(script)
    made = await one(teacher, samples=min(40, len(script)), adaptive=True)
    assert len(teacher.calls) == len(made.meta["answers"]) == calls
    assert [call.draw for call in teacher.calls] == list(range(calls))


# The self-improvement data set


async def test_every_path_that_agrees_is_kept_in_the_four_formats_of_the_paper() -> None:
    teacher = Scripted([[path(7, "One."), path(5), path(7, "Two.")]])
    formats = ("few_shot_path", "few_shot_answer", "trigger_path", "answer")
    made = await several(teacher, samples=3, shots=1, keep="all", formats=formats)
    assert [(e.meta["format"], e.answer) for e in made] == [
        (kind, "The answer is 7." if "answer" in kind else f"{thought} The answer is 7.")
        for thought in ("One.", "Two.")
        for kind in formats
    ]
    assert {e.scores["share"] for e in made} == {2 / 3}
    assert [e.messages[0].text for e in made[:4]] == snapshot(
        [
            """\
Q: A baker fills 6 trays with 8 rolls each and then sells 29 rolls. How many rolls are left?
A: 6 trays of 8 rolls are 6 * 8 = 48 rolls. After selling 29, 48 - 29 = 19 rolls are left. The answer is 19.

Q: What is 3 + 4?
A:\
""",
            """\
Q: A baker fills 6 trays with 8 rolls each and then sells 29 rolls. How many rolls are left?
A: The answer is 19.

Q: What is 3 + 4?
A:\
""",
            """\
What is 3 + 4?
Let's think step by step.\
""",
            "What is 3 + 4?",
        ]
    )


async def test_paths_may_be_kept_once_and_no_more_than_so_many() -> None:
    texts = [path(7, "One."), path(7, "One."), path(7, "Two."), path(7, "Three.")]
    every = await several(Scripted([texts]), samples=4, keep="all")
    distinct = await several(Scripted([texts]), samples=4, keep="all", distinct=True)
    first = await several(Scripted([texts]), samples=4, keep="all", distinct=True, max_paths=2)
    assert [len(every), len(distinct), len(first)] == [4, 3, 2]
    assert [e.answer[:4] for e in distinct] == ["One.", "Two.", "Thre"]


async def test_one_path_may_be_kept_in_several_formats() -> None:
    teacher = Scripted([[path(7), path(7)]])
    made = await several(teacher, samples=2, formats=("path", "answer"))
    assert [e.meta["format"] for e in made] == ["path", "answer"]


# The report


def voted(answers: list[str | None], reference: str | None, **meta: Any) -> Example:
    return Example(
        messages=(user("?"),), reference=reference, scores={"share": 0.5},
        meta={"answers": answers, "entropy": 1.0, "tie": False, **meta},
        lineage=(f"s/{answers}{reference}",),
    )  # fmt: skip


def test_the_report_gives_shares_ties_and_the_curve() -> None:
    lost = Rejection(
        reason="no readable answer", score=0.0, meta={"answers": [None, None], "reference": "7"}
    )
    made = [voted(["7", "7.0", "5"], "7"), voted(["5", "7"], "7", tie=True), lost]
    assert report(made).text == snapshot("""\
votes of 3 tasks: mean share 0.333, mean entropy 0.667 bits, 1 ties
   paths    maj@k   pass@k    tasks
       1    0.389    0.389        3
       2    0.389    0.667        3
       3    1.000    1.000        1\
""")


def test_the_chart_is_of_the_numbers_of_paths_that_all_tasks_have() -> None:
    chart = report([voted(["7", "7", "5"], "7"), voted(["5", "7"], "7")]).chart
    assert chart
    assert tuple(chart.at) == (1, 2)
    assert [len(line) for line in chart.lines.values()] == [2, 2]
    assert "Larger numbers, of fewer tasks, are in the table only." in chart.says
    whole = report([voted(["7", "7", "5"], "7")]).chart
    assert whole
    assert whole.says == snapshot(
        "Of 1 tasks, one path answers 66.7% right, the vote of 3 paths (maj@k) 100.0%: +33.3 points. At least one of 3 paths is right (pass@k) for 100.0%."
    )
    assert report([voted(["7"], "7")]).chart is None
    assert report([voted(["7", "7"], None)]).chart is None


def test_the_report_has_no_curve_without_references_and_no_figures_without_votes() -> None:
    assert report([voted(["7"], None)]).text.count("\n") == 0
    assert report([Rejection(reason="no complete reply")]).text == "no votes"
    assert report([]).text == "no votes"


def test_a_task_of_several_examples_is_reported_once() -> None:
    made = [voted(["7", "7"], "7")] * 5
    assert report(made).text.startswith("votes of 1 tasks")
