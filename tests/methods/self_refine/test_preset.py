"""Presets: the paper's tasks, and a user's own."""

# ruff: noqa: E501 -- prompts and reports stand here as they are printed

from pathlib import Path
from typing import Any, get_args

import pytest
from inline_snapshot import snapshot
from refine_bench import complains, drafts, one, prompt, scores, trace

from understudy.errors import ConfigError
from understudy.methods.self_refine import Config
from understudy.methods.self_refine.preset import Name, load_preset
from understudy.runs.recipe import Step, step_config
from understudy.types import Task, assistant, system, user


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
    presets = {name: load_preset(name) for name in ("dialogue", "acronym")}
    assert {name: (len(p.aspects), p.scale) for name, p in presets.items()} == {
        "dialogue": (10, 3),
        "acronym": (5, 5),
    }


@pytest.mark.parametrize("name", get_args(Name))
def test_no_preset_says_that_there_is_a_fault(name: Any) -> None:
    preset = load_preset(name)
    assert preset.fine.startswith("If ")
    assert preset.fine.endswith(", end with")


def test_what_is_set_goes_over_the_preset() -> None:
    config = Config(preset="acronym", rounds=1, feedback="text")
    assert (config.rounds, config.feedback, config.verdict) == (1, "text", False)


async def test_a_presets_instruction_is_part_of_the_task_and_of_the_example() -> None:
    writer, critic = drafts("It was awful."), complains(0)
    example = await one(writer, critic, Task(prompt="It was lovely."), preset="sentiment", rounds=0)
    assert example.messages == (*writer.calls[0].request.messages, assistant("It was awful."))
    assert prompt(writer) == snapshot("""\
Turn the review below into its opposite: if its author was pleased, write as if thoroughly disappointed, and the other way round. Keep to the same place, things and events, and to about the same length.

It was lovely.\
""")  # fmt: skip


async def test_of_a_dialogue_the_last_eight_turns_are_shown() -> None:
    turns = [(user if i % 2 else assistant)(f"turn {i}") for i in range(1, 12)]
    writer = drafts("Hm.")
    await one(writer, None, Task(messages=(system("s"), *turns)), preset="dialogue", rounds=0,
              feedback="text")  # fmt: skip
    texts = [message.text for message in writer.calls[0].request.messages]
    assert texts[:2] == ["s", "turn 4"]
    assert len(texts) == 9


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
    example = await one(drafts("a", "b"), critic, preset=str(file))
    assert (example.answer, trace(example, "score")) == ("b", [0.5, 1.0])
    assert "from 0 to 2" in prompt(critic)


def test_a_preset_that_is_neither_a_name_nor_a_file_is_refused() -> None:
    with pytest.raises(
        ConfigError,
        match=r"expected a shipped one or a YAML file, found 'maths'; did you mean 'math'",
    ):
        step_config(Step(use="self_refine", settings={"preset": "maths"}))
    with pytest.raises(ConfigError, match="preset"):
        step_config(Step(use="self_refine", settings={"preset": 3}))
