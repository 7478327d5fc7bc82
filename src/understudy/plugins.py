"""What installed packages add by entry points: methods, filters, providers and formats.

A package names them in its `pyproject.toml`, e.g.

    [project.entry-points."understudy.formats"]
    chatml = "my_package.chatml:CHATML"
"""

from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from understudy.errors import ConfigError

T = TypeVar("T")


def find_plugins(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name, in alphabetical order. Nothing is imported."""
    points = {point.name: point for point in entry_points(group=group)}
    return dict(sorted(points.items()))


def load(point: EntryPoint, kind: type[T]) -> T:
    """What an entry point names.

    Raises:
        ConfigError: it cannot be imported, or is not a `kind`.
    """
    who = f"the entry point {point.name!r} of {point.group} ({_package(point)})"
    cure = "Fix or uninstall that package."
    try:
        value: object = point.load()
    except Exception as error:  # whatever the other package's import raises
        raise ConfigError(
            f"{who}: expected to import {point.value}, found {type(error).__name__}: {error}. {cure}"
        ) from error
    if not isinstance(value, kind):
        raise ConfigError(
            f"{who}: expected {point.value} to be a {kind.__name__}, found a "
            f"{type(value).__name__}. {cure}"
        )
    return value


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "of an unknown package"
