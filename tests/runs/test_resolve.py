"""A recipe with everything looked up, once."""

from pathlib import Path
from typing import Any

import pytest

from understudy.errors import ConfigError
from understudy.registry import Registry
from understudy.runs.recipe import Recipe
from understudy.runs.resolve import ResolvedRecipe, resolve

BASE: dict[str, Any] = {
    "seeds": "tasks.jsonl",
    "models": {"teacher": "openai:gpt-5-mini"},
    "steps": [{"self_consistency": {"samples": 20}}, {"length": {}, "label": "short"}],
}

MINE = '''"""Mine."""

from understudy import Example, Settings, Task, method


class Config(Settings):
    times: int = 1


@method(paper="arXiv:0000.00000")
async def mine(task: Task, config: Config) -> Example:
    return task.example(task.prompt * config.times)
'''


def resolved(**changes: Any) -> ResolvedRecipe:
    return resolve(Recipe.of({**BASE, **changes}))


def test_a_resolved_step_has_definition_settings_and_label() -> None:
    vote, short = resolved().steps
    assert (vote.label, vote.use, vote.definition.name) == ("self_consistency",) * 3
    assert vote.config.model_dump()["samples"] == 20
    assert (short.label, short.use, short.definition.kind) == ("short", "length", "filter")


def test_a_users_file_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.py").write_text(f"print('run')\n{MINE}")
    runs = list[str]()
    monkeypatch.setattr("builtins.print", lambda *words: runs.append(*words))
    assert resolved(steps=["./mine.py:mine", {"./mine.py:mine": {}, "label": "b"}]).steps
    assert runs == ["run"]


def test_each_step_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    names, get = list[str](), Registry.get

    def counting(self: Registry, name: str) -> Any:
        if self.kind == "method":
            names.append(name)
        return get(self, name)

    monkeypatch.setattr(Registry, "get", counting)
    resolved().fingerprint()
    assert names == ["self_consistency", "length"]


@pytest.mark.parametrize(
    ("models", "step_models", "bound"),
    [
        ({"teacher": "openai:a"}, {}, {"teacher": "teacher", "verifier": "teacher"}),
        (
            {"teacher": "openai:a", "verifier": "openai:b"}, {},
            {"teacher": "teacher", "verifier": "verifier"},
        ),
        (
            {"teacher": "openai:a", "judge": "openai:b"}, {"verifier": "judge"},
            {"teacher": "teacher", "verifier": "judge"},
        ),
    ],
)  # fmt: skip
def test_a_role_is_bound_to_its_model_and_else_to_the_teacher(
    models: dict[str, str], step_models: dict[str, str], bound: dict[str, str]
) -> None:
    recipe = resolved(models=models, steps=[{"self_consistency": {}, "models": step_models}])
    assert recipe.steps[0].roles == bound
    assert not recipe.default_teacher


def test_the_built_in_model_stands_in_for_a_teacher_that_is_not_named() -> None:
    recipe = resolved(models={})
    assert recipe.default_teacher
    assert recipe.recipe.models["teacher"].model == "pocket"
    named = resolved(models={"teacher": "pocket"})
    assert not named.default_teacher
    assert recipe.fingerprint() == named.fingerprint(), "spelt out or not, it is the same recipe"


def test_no_teacher_is_taken_where_every_role_has_its_model() -> None:
    models = dict.fromkeys(resolved(steps=["self_refine"]).steps[0].roles, "openai:a")
    assert not resolved(models=models, steps=["self_refine"]).default_teacher
    assert not resolved(models={}, steps=["length"]).default_teacher


def test_the_first_steps_own_seeds_are_taken_where_none_are_named() -> None:
    recipe = resolved(seeds="", steps=["self_consistency"])
    assert recipe.recipe.seeds == recipe.steps[0].definition.seeds
    assert recipe.fingerprint()["seeds"] == recipe.recipe.seeds


def test_a_recipe_without_seeds_is_refused_with_what_to_add() -> None:
    with pytest.raises(ConfigError, match=r"short: expected seeds\. Add seeds=FILE"):
        resolved(seeds="", steps=[{"length": {}, "label": "short"}])


def test_seeds_may_be_an_empty_list() -> None:
    assert resolved(seeds=[]).recipe.seeds == []
