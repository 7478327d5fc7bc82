"""What the engine knows of a method or a filter: read off its signature, nothing declared twice."""

import importlib
import inspect
import pkgutil
import sys
import typing
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import EntryPoint, version
from pathlib import Path
from types import FunctionType
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from understudy.call.model import Model
from understudy.charts import Chart
from understudy.errors import ConfigError
from understudy.handles import HANDLES
from understudy.handles.world import Handle, World
from understudy.plugins import find_plugins, load
from understudy.prompts import PromptSet
from understudy.types import Example, Rejection, Settings, Task
from understudy.user_code import content_digest, load_module, load_submodule

Shape: TypeAlias = Literal["task", "pool", "example"]
"""One task at a time; all tasks at once, as an async generator; or one example to judge."""


class Account(NamedTuple):
    """A method's report on everything it made."""

    text: str
    """For a terminal, tables included: `understudy show` prints it."""
    charts: tuple[Chart, ...] = ()
    """Charts of figures in the text: `report.html` draws them."""


Report: TypeAlias = Callable[[Iterable[Example | Rejection]], str | Account]
"""A method's own account of what it made; only text if there is nothing to draw."""

Function = TypeVar("Function", bound=Callable[..., Any])


class Index(Protocol):
    """What a filter that compares examples with each other keeps of those it has accepted."""

    def add(self, example: Example, /) -> None:
        """Add an example that was kept."""
        ...


class NoSettings(Settings):
    """For a step that has none."""


@dataclass(frozen=True)
class Definition:
    """A method or a filter, as it was registered."""

    name: str
    run: Callable[..., Any]
    kind: Literal["method", "filter"]
    shape: Shape
    config: type[Settings]
    handles: Mapping[str, type]
    """Parameters that are handles, with their annotation."""
    paper: str
    """E.g. `arXiv:2203.11171`; empty for a filter that has none."""
    report: Report | None
    index: Callable[[Settings], Index] | None
    """Of a filter with a parameter `index`: makes one, empty, from the settings. The engine hands
    the filter one example after another, in the order of the seeds, and adds what is kept."""
    seeds: str
    """What a recipe that names no seeds begins with, e.g. `builtin:self_instruct`; empty for none."""
    about: str
    """First line of its module's or its own docstring."""
    file: Path
    code: tuple[Path, ...]
    """The files and folders that decide what it does: its own, and those of its prompts."""
    release: str = ""
    """Of the package it came with, e.g. `understudy 0.1.0`; empty for a user's own file."""

    @property
    def roles(self) -> tuple[str, ...]:
        """Parameters annotated `Model`: the recipe binds each of them, by default to `teacher`."""
        return tuple(name for name, kind in self.handles.items() if kind is Model)

    @cached_property
    def digest(self) -> str:
        """Of its code and prompts, and the release of the package they came with: another digest
        may make other rows of the same tasks."""
        return f"{self.release} {content_digest(*self.code)}".strip()

    def open_handles(self, world: World, models: Mapping[str, str]) -> dict[str, Handle]:
        """Its handles, bound to no task yet. `models`: the recipe's model of each role."""
        return {
            name: HANDLES[kind](world, models.get(name, name))
            for name, kind in self.handles.items()
        }


@dataclass(frozen=True, eq=False)
class Registry:
    """All methods, or all filters: one file or folder each, named after what it holds."""

    package: str
    kind: Literal["method", "filter"]
    rooms: Mapping[str, str] = field(default_factory=dict[str, str])
    """For what stands in another's folder, that folder: `{"verbose_cloning": "self_align"}`."""
    definitions: dict[str, Definition] = field(default_factory=dict[str, Definition])

    def add(
        self, function: Function, paper: str = "", report: Report | None = None, seeds: str = ""
    ) -> Function:
        """Register a function under its name, and return it untouched."""
        definition = _define(function, self.kind, paper, report, seeds)
        self.definitions[definition.name] = definition
        return function

    def list_shipped(self) -> list[str]:
        """The names of all that come with this package, without importing them."""
        package = importlib.import_module(self.package)
        own = [m.name for m in pkgutil.iter_modules(package.__path__) if m.name[0] != "_"]
        return sorted([*own, *self.rooms])

    def list_installed(self) -> dict[str, EntryPoint]:
        """What other packages add by entry points, but for names that are taken by ours."""
        ours = self.list_shipped()
        points = find_plugins(f"understudy.{self.kind}s").items()
        return {name: point for name, point in points if name not in ours}

    def names(self) -> list[str]:
        """Of all there are, shipped or installed, without importing them."""
        return sorted([*self.list_shipped(), *self.list_installed()])

    def get(self, name: str) -> Definition | None:
        """The definition of that name, imported where it is not yet.

        Raises:
            ConfigError: the package that adds it cannot be imported.
        """
        if name not in self.definitions and name in self.list_shipped():
            room = f"{self.rooms[name]}." if name in self.rooms else ""
            importlib.import_module(f"{self.package}.{room}{name}")
        elif name not in self.definitions and (point := self.list_installed().get(name)):
            self.definitions[name] = self._load(point)
        return self.definitions.get(name)

    def all(self) -> dict[str, Definition]:
        """All that are shipped."""
        names = self.list_shipped()
        return {name: definition for name in names if (definition := self.get(name))}

    def _load(self, point: EntryPoint) -> Definition:
        with registering(self) as definitions:
            function = load(point, FunctionType)
        for definition in definitions:
            if definition.run is function:
                release = f"{point.dist.name} {point.dist.version}" if point.dist else ""
                return replace(definition, name=point.name, release=release)
        raise ConfigError(
            f"the entry point {point.name!r} of {point.group}: expected a function decorated with "
            f"@method or @rule at {point.value}, found none. Fix or uninstall that package."
        )


@contextmanager
def registering(*registries: Registry) -> Generator[list[Definition]]:
    """Collects what is registered inside; at the end the registries are as they were, since the
    names may be those of what comes with the package."""
    before = [dict(registry.definitions) for registry in registries]
    for registry in registries:
        registry.definitions.clear()
    collected = list[Definition]()
    try:
        yield collected
        collected += [d for registry in registries for d in registry.definitions.values()]
    finally:
        for registry, definitions in zip(registries, before, strict=True):
            prefix = f"{registry.package}."
            # What comes with the package is imported only once, whoever imports it first.
            for name, definition in registry.definitions.items():
                if definition.run.__module__.startswith(prefix):
                    definitions[name] = definition
            registry.definitions.clear()
            registry.definitions.update(definitions)


def from_file(reference: str, registries: tuple[Registry, ...]) -> Definition:
    """A function of the user's own: `./mine.py:my_method`, or that of a folder with an
    `__init__.py`, e.g. a copy of a method's: `./self_refine:self_refine`. Of a folder, also that of a
    file of its name: `./self_align:verbose_cloning`.

    Raises:
        ConfigError: there is no such file or function.
    """
    place, _, name = reference.rpartition(":")
    path = Path(place).expanduser().resolve()
    if path.name == "__init__.py":
        path = path.parent
    if not (path / "__init__.py").is_file() and not path.is_file():
        raise ConfigError(
            f"{reference}: expected a Python file, or a folder with an __init__.py, at {place}, "
            "found none."
        )
    definitions = _user_definitions(path, name, registries)
    if name in definitions:
        return definitions[name]
    raise ConfigError(
        f"{reference}: expected a function {name!r} decorated with @method or @rule in {place}, "
        f"found {', '.join(definitions) or 'none'}."
    )


_USERS: dict[tuple[Path, str], dict[str, Definition]] = {}
"""What each content of a user's file or folder registered: it is run once for each."""


def _user_definitions(
    path: Path, name: str, registries: tuple[Registry, ...]
) -> dict[str, Definition]:
    loaded = _USERS.setdefault((path, content_digest(path)), {})
    if name not in loaded:
        with registering(*registries) as definitions:
            module = load_module(path)
            if (path / f"{name}.py").is_file():
                load_submodule(module, name)
        own = [d for d in definitions if d.file == path or d.file.is_relative_to(path)]
        own = [replace(d, release="", code=_code(path, d.config)) for d in own]
        loaded |= {d.name: d for d in own if d.digest}  # of the code as it was loaded
    return loaded


def _code(path: Path, config: type[Settings]) -> tuple[Path, ...]:
    """A file or folder, and the prompts that its settings read from elsewhere."""
    sets = [f.annotation for f in config.model_fields.values() if inspect.isclass(f.annotation)]
    prompts = {
        kind.source for kind in sets if issubclass(kind, PromptSet) and kind is not PromptSet
    }
    return path, *sorted(file for file in prompts if not file.is_relative_to(path))


def _define(
    function: Callable[..., Any],
    kind: Literal["method", "filter"],
    paper: str,
    report: Report | None,
    seeds: str,
) -> Definition:
    name = function.__name__
    hints = typing.get_type_hints(function)
    module = sys.modules[function.__module__]
    about = inspect.getdoc(module) or inspect.getdoc(function) or ""
    file = Path(inspect.getsourcefile(function) or "").resolve()
    config = hints.get("config", NoSettings)
    return Definition(
        name=name,
        run=function,
        kind=kind,
        shape=_shape(name, function, hints),
        config=config,
        handles=_handles(name, function, hints),
        paper=paper,
        report=report,
        index=hints.get("index") if kind == "filter" else None,
        seeds=seeds,
        about=about.partition("\n")[0],
        file=file,
        code=_code(_room(function.__module__, file), config),
        release=f"understudy {version('understudy')}",
    )


def _room(module: str, file: Path) -> Path:
    """The folder of a method of ours, or its file where it has none."""
    parts = module.split(".")
    depth = len(parts) - 3  # understudy, methods, the room
    inside = file.parent if file.name == "__init__.py" else file
    for _ in range(depth):
        inside = inside.parent
    return inside


def _handles(
    name: str, function: Callable[..., Any], hints: Mapping[str, object]
) -> dict[str, type]:
    handles = {
        parameter: hint
        for parameter, hint in hints.items()
        if isinstance(hint, type) and hint in HANDLES and parameter != "return"
    }
    for parameter, details in inspect.signature(function).parameters.items():
        free = details.default is inspect.Parameter.empty
        if free and parameter not in handles and parameter not in _OTHERS:
            raise ConfigError(
                f"{name}: expected a handle as the annotation of {parameter!r}, found "
                f"{details.annotation!r}; available: "
                f"{', '.join(sorted(kind.__name__ for kind in HANDLES))}."
            )
    return handles


_OTHERS = {"task", "tasks", "example", "config", "index"}
"""Parameters that are no handles."""


def _shape(name: str, function: Callable[..., Any], hints: Mapping[str, object]) -> Shape:
    if inspect.isasyncgenfunction(function):
        return "pool"
    if hints.get("task") is Task:
        return "task"
    if hints.get("example") is Example:
        return "example"
    raise ConfigError(
        f"{name}: expected a parameter `task: Task`, `example: Example`, or an async generator over "
        f"`tasks`; found ({', '.join(hints)})."
    )
