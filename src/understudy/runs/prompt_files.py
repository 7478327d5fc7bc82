"""The YAML files with a method's prompts, presets and exemplars, for a user to copy and edit."""

from pathlib import Path
from typing import NamedTuple

from understudy.errors import ConfigError, nearest
from understudy.prompts import PromptSet
from understudy.runs.recipe import find


class PromptFile(NamedTuple):
    """One file of a method."""

    path: Path
    others: tuple[str, ...]
    """The names of further files in its folder."""


def find_prompts(method: str, name: str = "") -> PromptFile:
    """The prompts of a method; with a `name` such as `presets/math.yaml`, that file beside them.

    Raises:
        ConfigError: there is no such method or no such file, or the method has no prompts.
    """
    fields = find(method).config.model_fields.values()
    kinds = [field.annotation for field in fields]
    sources = [
        kind.source for kind in kinds if isinstance(kind, type) and issubclass(kind, PromptSet)
    ]
    if not sources:
        raise ConfigError(f"{method} has no prompts that can be replaced.")
    folder = sources[0].parent
    paths = [*folder.glob("*.yaml"), *folder.glob("*/*.yaml")]
    files = {str(file.relative_to(folder)): file for file in sorted(paths)}
    path = files.get(name) if name else sources[0]
    if path is None:
        raise ConfigError(f"{method} has no file {name!r}{nearest(name, files)}")
    return PromptFile(path, tuple(other for other, file in files.items() if file != path))
