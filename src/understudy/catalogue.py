"""The methods and filters there are, described from their own definitions."""

from typing import Any

from understudy.filters import filters
from understudy.methods import methods
from understudy.recipe import find
from understudy.registry import Definition


def listing() -> str:
    """One line each."""
    lines = list[str]()
    for title, registry in (("methods", methods), ("filters", filters)):
        lines += [title, *(f"  {d.name:<20} {d.about}" for d in registry.all().values()), ""]
    lines.append("understudy methods NAME lists the settings of one.")
    return "\n".join(lines)


def describe(name: str) -> str:
    """What a method or filter is, where it comes from, its roles and settings.

    Raises:
        ConfigError: there is none of that name.
    """
    definition = find(name)
    lines = [f"{definition.name}: {definition.about}"]
    if definition.paper:
        lines.append(f"paper: {definition.paper}")
    if definition.roles:
        lines.append(f"roles: {', '.join(definition.roles)} (each is the teacher unless bound)")
    return "\n".join([*lines, "", *settings(definition)])


def settings(definition: Definition) -> list[str]:
    """One line per setting: name, default, what it is."""
    fields: dict[str, Any] = definition.config.model_json_schema().get("properties", {})
    lines = list[str]()
    for name, field in fields.items():
        default = definition.config.model_fields[name].default
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
