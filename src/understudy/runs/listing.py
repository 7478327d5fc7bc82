"""The methods and filters there are, described from their own definitions."""

from typing import Any, NamedTuple

from pydantic import BaseModel

from understudy.filters import filters
from understudy.methods import methods
from understudy.prompts import PromptSet
from understudy.runs.recipe import Recipe, find
from understudy.types import Settings


def listing() -> str:
    """One line each."""
    lines = list[str]()
    for title, registry in (("methods", methods), ("filters", filters)):
        lines += [title, *(f"  {d.name:<20} {d.about}" for d in registry.all().values()), ""]
    lines.append(
        "understudy methods NAME lists the settings of one, understudy methods recipe a run's."
    )
    return "\n".join(lines)


def describe(name: str) -> str:
    """What a method or filter is, where it comes from, its roles and settings.

    Raises:
        ConfigError: there is none of that name.
    """
    if name == "recipe":
        return "\n".join(["recipe: what a run is to do, as a file or as key=value", "",
                          *_print_settings(Recipe)])  # fmt: skip
    definition = find(name)
    lines = [f"{definition.name}: {definition.about}"]
    if definition.paper:
        lines.append(f"paper: {definition.paper}")
    if definition.roles:
        lines.append(f"roles: {', '.join(definition.roles)} (each is the teacher unless bound)")
    return "\n".join([*lines, "", *_print_settings(definition.config)])


class Setting(NamedTuple):
    """One field of a step's settings or of a recipe, in words."""

    name: str
    default: str
    """As YAML, or `(needed)`."""
    bounds: str
    """The values that it may have, e.g. `>= 1` or `one | all`; empty if its type says it all."""
    about: str


def list_settings(kind: type[Settings]) -> list[Setting]:
    """The fields in their order, read off the type: nothing is declared twice."""
    fields: dict[str, Any] = kind.model_json_schema().get("properties", {})
    settings = list[Setting]()
    for name, field in fields.items():
        info = kind.model_fields[name]
        default = "(needed)"
        if not info.is_required():
            default = _yaml(info.get_default(call_default_factory=True))
        about = " ".join(str(field.get("description", "")).split())
        settings.append(Setting(name, default, _bounds(field), about))
    return settings


def _print_settings(kind: type[Settings]) -> list[str]:
    return [
        f"  {name}={default}{f'   ({bounds})' if bounds else ''}\n      {about}"
        for name, default, bounds, about in list_settings(kind)
    ]


def _yaml(default: object) -> str:
    match default:
        case None:
            return "null"
        case bool():
            return str(default).lower()
        case PromptSet():
            return str(default)
        case BaseModel():
            return str(default.model_dump(exclude_defaults=True))
        case tuple() | list():
            return "[" + ", ".join(map(_yaml, default)) + "]"  # type: ignore[reportUnknownArgumentType]  # items of a default
        case _:
            return str(default)


def _bounds(field: dict[str, Any]) -> str:
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    return ", ".join(
        f"{sign} {field[key]:g}"
        for key, sign in (("minimum", ">="), ("exclusiveMinimum", ">"),
                          ("maximum", "<="), ("exclusiveMaximum", "<"))
        if key in field
    )  # fmt: skip
