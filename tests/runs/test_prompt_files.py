"""A method's prompts, to copy and edit."""

from pathlib import Path

import pytest
import yaml

from understudy.errors import ConfigError
from understudy.methods import methods
from understudy.prompts import PromptSet
from understudy.runs.prompt_files import find_prompts
from understudy.runs.recipe import Step, step_config


@pytest.mark.parametrize("name", methods.names())
def test_the_prompts_of_every_method_can_be_given_back_to_it(name: str, tmp_path: Path) -> None:
    text = find_prompts(name).path.read_text()
    own = tmp_path / "mine.yaml"
    own.write_text(text)

    config = step_config(Step(use=name, settings={"prompts": str(own)}))

    assert config == step_config(Step(use=name))
    (prompts,) = [value for _, value in config if isinstance(value, PromptSet)]
    assert set(yaml.safe_load(text)) == set(type(prompts).model_fields)


def test_another_file_of_the_method_is_named_by_its_path() -> None:
    assert "presets/math.yaml" in find_prompts("self_refine").others
    file = find_prompts("self_refine", "presets/math.yaml").path
    assert step_config(Step(use="self_refine", settings={"preset": str(file)}))


@pytest.mark.parametrize(
    ("method", "file", "message"),
    [
        ("length", "", "length has no prompts that can be replaced"),
        ("self_refine", "presets/maths.yaml", "did you mean 'presets/math.yaml'"),
        ("self_refined", "", "did you mean 'self_refine'"),
    ],
)
def test_what_is_not_there_is_refused_with_a_suggestion(
    method: str, file: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        find_prompts(method, file)
