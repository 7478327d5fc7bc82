"""The methods and filters there are, described from their own definitions."""

from typing import Any

from understudy.filters import filters
from understudy.methods import methods
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
                          *settings(Recipe)])  # fmt: skip
    definition = find(name)
    lines = [f"{definition.name}: {definition.about}"]
    if definition.paper:
        lines.append(f"paper: {definition.paper}")
    if definition.roles:
        lines.append(f"roles: {', '.join(definition.roles)} (each is the teacher unless bound)")
    return "\n".join([*lines, "", *settings(definition.config)])


def settings(kind: type[Settings]) -> list[str]:
    """One line per setting: name, default, what it is."""
    fields: dict[str, Any] = kind.model_json_schema().get("properties", {})
    lines = list[str]()
    for name, field in fields.items():
        info = kind.model_fields[name]
        default = (
            info.default
            if info.default_factory is None
            else info.get_default(call_default_factory=True)
        )
        if info.is_required():
            default = "(needed)"
        about = str(field.get("description", "")).replace("\n", " ")
        lines.append(f"  {name}={_yaml(default)}{_options(field)}\n      {about}")
    return lines


def _yaml(default: object) -> str:
    match default:
        case None:
            return "null"
        case bool():
            return str(default).lower()
        case tuple() | list():
            return "[" + ", ".join(map(_yaml, default)) + "]"  # type: ignore[reportUnknownArgumentType]  # items of a default
        case _:
            return str(default)


def _options(field: dict[str, Any]) -> str:
    if "enum" in field:
        return f"   ({' | '.join(map(str, field['enum']))})"
    bounds = [
        f"{sign} {field[key]:g}"
        for key, sign in (("minimum", ">="), ("exclusiveMinimum", ">"),
                          ("maximum", "<="), ("exclusiveMaximum", "<"))
        if key in field
    ]  # fmt: skip
    return f"   ({', '.join(bounds)})" if bounds else ""
