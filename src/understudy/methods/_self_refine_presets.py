"""Kinds of task that Self-Refine knows: how to ask, what to look at, and the paper's constants.

They are data: `refinement/*.yaml` are what is shipped, and a user's own file takes their place.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args

import yaml
from pydantic import Field

from understudy.types import Settings

Name: TypeAlias = Literal[
    "general",
    "sentiment",
    "dialogue",
    "code_speed",
    "code_readability",
    "math",
    "acronym",
    "constrained",
]
"""The default, and the seven tasks of the paper."""


class Aspect(Settings):
    """Something to score."""

    name: str
    about: str
    """When it scores high."""


class Preset(Settings):
    """A kind of task."""

    write: str = ""
    """Stands before the task's prompt; empty where that says all."""
    criticise: str = (
        "Check each step of the answer. Say what is wrong in it, with what would fix it."
    )
    """Asks for feedback on an answer, in words that do not say there is a fault."""
    fine: str = "If nothing is wrong, end with"
    """Says when feedback ends with the words that mean: no complaint."""
    rewrite: str = "Write the answer again so that every point of all feedback is met."
    """Asks for the next version."""
    aspects: tuple[Aspect, ...] = Field(
        default=(
            Aspect(name="correct", about="Everything it says is true and follows."),
            Aspect(name="complete", about="It does all that was asked for."),
            Aspect(name="clear", about="It is easy to follow and has nothing superfluous."),
        ),
        min_length=1,
    )
    """What structured feedback and the judge score."""
    scale: int = Field(default=5, ge=1)
    """The highest score of an aspect; the lowest is 0."""
    turns: int | None = Field(default=None, ge=1)
    """The last turns of a conversation that are shown; all by default."""
    rounds: int | None = None
    feedback: Literal["text", "structured"] | None = None
    verdict: bool | None = None
    temperature: float | None = None
    feedback_temperature: float | None = None
    refine_temperature: float | None = None
    """The settings of these names, where they are not set."""


CONSTANTS = (
    "rounds",
    "feedback",
    "verdict",
    "temperature",
    "feedback_temperature",
    "refine_temperature",
)


def filled(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they were given, over those of their preset."""
    chosen: Any = given.get("preset", "general")
    if isinstance(chosen, str) and chosen not in get_args(Name):
        chosen = _own(chosen)
    preset = of(cast("Name", chosen)) if isinstance(chosen, str) else chosen
    known: Any = preset.model_dump() if isinstance(preset, Preset) else preset
    constants = dict[str, Any]()
    if isinstance(known, Mapping):
        values = cast("Mapping[str, Any]", known)
        constants = {name: values[name] for name in CONSTANTS if values.get(name) is not None}
    return {**constants, **given, "preset": chosen}


def of(chosen: Name | Preset) -> Preset:
    """The preset of a name."""
    return chosen if isinstance(chosen, Preset) else _shipped(chosen)


@cache
def _shipped(name: Name) -> Preset:
    if name == "general":
        return Preset()
    text = (files("understudy.methods") / "refinement" / f"{name}.yaml").read_text()
    return Preset.model_validate(yaml.safe_load(text))


def _own(file: str) -> Any:
    try:
        return yaml.safe_load(Path(file).read_text())
    except (OSError, yaml.YAMLError) as error:
        names = ", ".join(get_args(Name))
        raise ValueError(f"expected one of {names}, or a YAML file at {file} ({error})") from None
