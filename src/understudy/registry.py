"""What the engine knows of a method or a filter: read off its signature, nothing declared twice."""

import importlib
import importlib.util
import inspect
import pkgutil
import sys
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from understudy.call.model import Model
from understudy.charts import Chart
from understudy.errors import ConfigError
from understudy.sandbox.handle import Sandbox
from understudy.types import Example, Rejection, Settings, Task

Shape: TypeAlias = Literal["task", "pool", "example"]
"""One task at a time; all tasks at once, as an async generator; or one example to judge."""


class Account(NamedTuple):
    """What a method says of all that it made."""

    text: str
    """For a terminal, tables included: `understudy show` prints it."""
    charts: tuple[Chart, ...] = ()
    """Of the figures of the text those that are better seen: `report.html` draws them."""


Report: TypeAlias = Callable[[Iterable[Example | Rejection]], str | Account]
"""A method's own account of what it made; text alone where there is nothing to draw."""

Function = TypeVar("Function", bound=Callable[..., Any])


class Memory(Protocol):
    """What a filter that compares examples with each other knows of those it has kept."""

    def add(self, example: Example, /) -> None:
        """`example` was kept."""
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
    roles: tuple[str, ...]
    """Parameters annotated `Model`: the recipe binds each of them, by default to `teacher`."""
    takes_rng: bool
    takes_sandbox: bool
    """It runs programs: a parameter annotated `Sandbox`."""
    paper: str
    """E.g. `arXiv:2203.11171`; empty for a filter that has none."""
    report: Report | None
    memory: Callable[[Settings], Memory] | None
    """Of a filter with a parameter `memory`: makes one, empty, from the settings. The engine hands
    the filter one example after another, in the order of the seeds, and adds what is kept."""
    seeds: str
    """What a recipe that names no seeds begins with, e.g. `builtin:self_instruct`; empty for none."""
    about: str
    """First line of its module's or its own docstring."""
    file: Path


@dataclass(frozen=True, eq=False)
class Registry:
    """All methods, or all filters: one file or folder each, named after what it holds."""

    package: str
    kind: Literal["method", "filter"]
    rooms: Mapping[str, str] = field(default_factory=dict[str, str])
    """For what stands in another's folder, that folder: `{"verbose_cloning": "self_align"}`."""
    found: dict[str, Definition] = field(default_factory=dict[str, Definition])

    def add(
        self, function: Function, paper: str = "", report: Report | None = None, seeds: str = ""
    ) -> Function:
        """Register a function under its name, and return it untouched."""
        definition = _define(function, self.kind, paper, report, seeds)
        self.found[definition.name] = definition
        return function

    def names(self) -> list[str]:
        """Of all that are shipped, without importing them."""
        package = importlib.import_module(self.package)
        own = [m.name for m in pkgutil.iter_modules(package.__path__) if m.name[0] != "_"]
        return sorted([*own, *self.rooms])

    def get(self, name: str) -> Definition | None:
        if name not in self.found and name in self.names():
            room = f"{self.rooms[name]}." if name in self.rooms else ""
            importlib.import_module(f"{self.package}.{room}{name}")
        return self.found.get(name)

    def all(self) -> dict[str, Definition]:
        return {name: definition for name in self.names() if (definition := self.get(name))}


def from_file(reference: str, registries: tuple[Registry, ...]) -> Definition:
    """The method or filter `./mine.py:my_method`, a function of the user's own."""
    path, _, name = reference.rpartition(":")
    file = Path(path).expanduser()
    if not file.is_file():
        raise ConfigError(f"{reference}: expected a Python file at {file}, found none.")
    found = _definitions(file.resolve(), tuple(registries))
    if name in found:
        return found[name]
    raise ConfigError(
        f"{reference}: expected a function {name!r} decorated with @method or @rule in {file}, "
        f"found {', '.join(found) or 'none'}."
    )


@cache
def _definitions(file: Path, registries: tuple[Registry, ...]) -> dict[str, Definition]:
    """What a user's file registers. It is run once, however often its functions are named, and its
    names stay out of the registries: they may be those of methods that come with the package."""
    before = [dict(registry.found) for registry in registries]
    spec = importlib.util.spec_from_file_location(f"understudy_user_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
        every = [d for registry in registries for d in registry.found.values()]
        return {d.name: d for d in every if d.file == file}
    finally:
        for registry, found in zip(registries, before, strict=True):
            registry.found.clear()
            registry.found.update(found)


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
    return Definition(
        name=name,
        run=function,
        kind=kind,
        shape=_shape(name, function, hints),
        config=hints.get("config", NoSettings),
        roles=tuple(parameter for parameter, hint in hints.items() if hint is Model),
        takes_rng=hints.get("rng") is Random,
        takes_sandbox=hints.get("sandbox") is Sandbox,
        paper=paper,
        report=report,
        memory=hints.get("memory") if kind == "filter" else None,
        seeds=seeds,
        about=about.partition("\n")[0],
        file=Path(inspect.getsourcefile(function) or "").resolve(),
    )


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
