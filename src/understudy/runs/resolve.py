"""A recipe with everything looked up: the methods, filters, settings and models that its steps name."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast

from understudy.errors import ConfigError, nearest
from understudy.providers.connect import parse, read_revision
from understudy.registry import Definition
from understudy.runs.recipe import ModelSettings, Recipe, find, step_config
from understudy.types import Settings


@dataclass(frozen=True)
class ResolvedStep:
    """A step with its definition and its validated settings."""

    label: str
    """Its name in rows, keys and reports."""
    use: str
    """How the recipe names the method or filter."""
    definition: Definition
    config: Settings
    roles: Mapping[str, str]
    """Role of the step to model of the recipe."""


@dataclass(frozen=True)
class ResolvedRecipe:
    """What an attempt runs, `plan` extrapolates from and `run.json` keeps."""

    recipe: Recipe
    """With the seeds and the teacher that it takes by default."""
    steps: tuple[ResolvedStep, ...]
    revisions: Mapping[str, str]
    """Which weights answer as each model of the recipe; empty if that is not known."""
    default_teacher: bool
    """The recipe names no teacher and a step needs one: the built-in model stands in."""

    def fingerprint(self) -> dict[str, Any]:
        """What makes two recipes the same run, flat and with every default spelt out. Limits,
        prices and places are not part of it."""
        data = self.recipe.model_dump(mode="json", exclude=OPERATIONAL)
        if not isinstance(self.recipe.seeds, str):
            data["seeds"] = "rows"  # like those of a file, they may change between attempts
        data["steps"] = [
            {
                "use": step.use,
                "code": step.definition.digest,
                "label": step.label,
                "models": self.recipe.steps[i].models,
                "settings": step.config.model_dump(mode="json"),
            }
            for i, step in enumerate(self.steps)
        ]
        for name, model in data["models"].items():
            model["revision"] = self.revisions[name]
        for model in [*data["models"].values(), data["embedder"]]:
            for key in ("rpm", "tpm", "timeout", "key_env"):
                del model[key]
        return flatten(data)


OPERATIONAL = {
    "n", "max_seeds", "out", "reuse", "budget", "prices", "concurrency", "attempts", "down_after",
    "strict", "license", "sandbox", "on_error",
}  # fmt: skip


def resolve(recipe: Recipe) -> ResolvedRecipe:
    """The recipe with all that it names.

    Raises:
        ConfigError: a step, a setting, a role or a model does not exist, or there are no seeds.
    """
    steps = list[ResolvedStep]()
    for step in recipe.steps:
        definition = find(step.use)
        config = step_config(step, definition)
        _check_models(step.name, step.models, definition, recipe)
        roles = {role: _model_of(step.models.get(role, role), recipe) for role in definition.roles}
        steps.append(ResolvedStep(step.name, step.use, definition, config, roles))
    _check_spelling(recipe, steps)
    seeds = steps[0].definition.seeds if recipe.seeds == "" else recipe.seeds
    if seeds == "":
        raise ConfigError(
            f"{steps[0].label}: expected seeds. Add seeds=FILE (.jsonl, .json, .csv or .parquet), or "
            "seeds=builtin:arithmetic for a first try."
        )
    default_teacher = "teacher" not in recipe.models and any(
        model == "teacher" for step in steps for model in step.roles.values()
    )
    models = recipe.models
    if default_teacher:
        models = {**models, "teacher": ModelSettings.model_validate("pocket")}
    revisions = {
        name: settings.revision or read_revision(parse(settings.model))
        for name, settings in models.items()
    }
    recipe = recipe.model_copy(update={"seeds": seeds, "models": models})
    return ResolvedRecipe(recipe, tuple(steps), revisions, default_teacher)


def _model_of(role: str, recipe: Recipe) -> str:
    """The recipe's model for a role; the teacher stands in for every role that is not named."""
    return role if role in recipe.models else "teacher"


def _check_models(
    label: str, models: Mapping[str, str], definition: Definition, recipe: Recipe
) -> None:
    names = sorted({"teacher", *recipe.models})
    for role, model in models.items():
        if role not in definition.roles:
            raise ConfigError(f"{label}: no role {role!r}{nearest(role, definition.roles)}")
        if model not in names:
            raise ConfigError(
                f"{label}: models.{role}: no model {model!r} in the recipe{nearest(model, names)}"
            )


def _check_spelling(recipe: Recipe, steps: list[ResolvedStep]) -> None:
    """Refuse a misspelt role, which would silently be answered by the teacher."""
    used = {"teacher"}
    for step, entry in zip(steps, recipe.steps, strict=True):
        used |= {entry.models.get(role, role) for role in step.definition.roles}
    for name in recipe.models.keys() - used:
        if get_close_matches(name, used - recipe.models.keys(), cutoff=0.75):
            raise ConfigError(f"recipe: no step has a role {name!r}{nearest(name, used)}")


def flatten(data: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dicts and lists as one dict of dotted keys."""
    if isinstance(data, Mapping) and data:
        items = cast("Mapping[str, Any]", data).items()
    elif isinstance(data, list) and data:
        items = ((str(i), item) for i, item in enumerate(cast("list[Any]", data)))
    else:
        return {prefix: data}
    flat: dict[str, Any] = {}
    for key, value in items:
        flat |= flatten(value, f"{prefix}.{key}" if prefix else key)
    return flat
