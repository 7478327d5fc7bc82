"""The prompts of Self-Consistency: exemplars, choices, earlier turns."""

# ruff: noqa: E501 -- prompts and messages stand here as they are printed

from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot
from vote_bench import CHOICE, TASK, one, path, prompt

from understudy.call.model import Model
from understudy.errors import ConfigError
from understudy.methods.self_consistency import Config, Prompts, self_consistency
from understudy.providers.scripted import Scripted
from understudy.runs.recipe import Step, step_config
from understudy.types import Image, Task, assistant, user


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
        (
            "pocket",
            {"prompts": {"exemplars": [{"question": "", "reasoning": "", "answer": ""}]}},
            1,
        ),
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
    outcome = await one(teacher, CHOICE, samples=1, shots=1)
    assert prompt(teacher) == snapshot("""\
Q: A train covers 150 km in 2.5 hours. What is its average speed?
Answer Choices: (A) 50 km/h (B) 60 km/h (C) 65 km/h (D) 75 km/h
A: Average speed is distance over time. 150 / 2.5 = 60, so the speed is 60 km/h. The answer is (B).

Q: Which is a prime?
Answer Choices: (A) four (B) five
A:\
""")
    assert (outcome.meta["answer"], outcome.choices, outcome.reference) == (
        "B",
        CHOICE.choices,
        "B",
    )


async def test_earlier_turns_and_pictures_are_kept() -> None:
    picture = Image(data=b"x", media_type="image/png")
    turns = (user("Hi"), assistant("Hello"), user("What is 3 + 4?"))
    teacher = Scripted([path(7)] * 2)
    await one(teacher, Task(messages=turns), samples=1, shots=0)
    await one(teacher, Task(prompt="?", parts=(picture,)), samples=1)
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
    prompts = Prompts.load()
    assert (len(prompts.exemplars), len(prompts.choice_exemplars)) == (8, 4)
    for exemplar in prompts.exemplars:
        assert exemplar.answer in exemplar.reasoning.replace(",", "")


async def test_paths_are_drawn_together_at_the_papers_temperature() -> None:
    teacher = Scripted(lambda call: path(7))
    await one(teacher)
    (call,) = teacher.calls
    assert (call.n, call.request.sampling.temperature) == (40, 0.7)
    assert (call.request.sampling.max_tokens, call.request.logprobs) == (1024, None)
