"""Presets: how to ask about a kind of task, what to look at, and the paper's constants for it.

They are data. `presets/*.yaml` are the shipped ones; a user's own file takes their place.
"""

from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args

from pydantic import Field, model_validator

from understudy.errors import nearest
from understudy.prompts import read_yaml
from understudy.types import Json, Settings

Name: TypeAlias = Literal[
    "general", "sentiment", "dialogue", "code_speed", "code_readability", "math", "acronym",
    "constrained",
]  # fmt: skip
"""The default, and the paper's seven tasks."""


class Aspect(Settings):
    """Something to score."""

    name: str
    about: str
    """When it scores high."""


class Preset(Settings):
    """A kind of task. What is not given is that of `general`."""

    write: str
    """Stands before the task's prompt. Empty where the prompt says all."""
    criticise: str
    """Asks for feedback on an answer, without saying that it has a fault."""
    fine: str
    """Says when feedback is to end with the words that mean "no complaint"."""
    rewrite: str
    """Asks for the next version."""
    aspects: tuple[Aspect, ...] = Field(min_length=1)
    """What structured feedback and the judge score."""
    scale: int = Field(ge=1)
    """The highest score of an aspect. The lowest is 0."""
    turns: int | None = Field(default=None, ge=1)
    """How many of a conversation's last turns are shown. All by default."""
    rounds: int | None = None
    feedback: Literal["text", "structured"] | None = None
    verdict: bool | None = None
    temperature: float | None = None
    feedback_temperature: float | None = None
    refine_temperature: float | None = None
    """The settings of these names, where the recipe does not set them."""

    @model_validator(mode="before")
    @classmethod
    def _over_general(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {**_load("general"), **cast("Mapping[str, Any]", value)}


def read_preset(preset: Any) -> Any:
    """A preset as a recipe has it, but with the contents of a user's file in place of its name.

    Raises:
        ValueError: it is neither a known name nor a YAML file.
    """
    if not isinstance(preset, str) or preset in get_args(Name):
        return preset
    if not Path(preset).is_file():
        guess = nearest(preset, get_args(Name))
        raise ValueError(f"preset: expected a shipped one or a YAML file, found {preset!r}{guess}")
    return read_yaml(Path(preset))


def read_constants(preset: Any, settings: Collection[str]) -> Json:
    """The values that a preset has for settings of these names."""
    entries = _load(preset) if isinstance(preset, str) else preset
    entries = entries.model_dump() if isinstance(entries, Preset) else entries
    if not isinstance(entries, Mapping):
        return {}  # no preset, and refused as such
    values = cast("Json", entries)
    return {k: v for k, v in values.items() if k in settings and v is not None}


def load_preset(preset: Name | Preset) -> Preset:
    """The preset of a name."""
    return preset if isinstance(preset, Preset) else Preset.model_validate(_load(preset))


@cache
def _load(name: str) -> Json:
    return read_yaml(Path(__file__).parent / "presets" / f"{name}.yaml")
