"""The rules that keep the package in order: arrows, purity, sizes, words."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import understudy
from understudy.filters import filters
from understudy.methods import methods
from understudy.registry import Definition

ROOT = Path(understudy.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

LAYERS = [
    # nouns
    ["errors", "values"],
    ["types"],
    # machinery
    ["plugins", "prompts", "text", "user_code"],
    ["data", "journal", "pocket", "sandbox"],
    ["call", "charts"],
    ["handles"],
    ["providers", "registry"],
    # parts
    ["filters", "methods"],
    # engine
    ["runs"],
    # uses
    ["reports"],
    ["exports"],
    ["api", "train", "viewer", "scale"],
    ["cli"],
    ["__init__", "__main__"],
]
"""A module imports from earlier lines, or from its own folder; never from its own line or later."""

LEVEL = {name: i for i, names in enumerate(LAYERS) for name in names}

IMPURE = {
    "aiohttp", "asyncio", "concurrent", "datetime", "http", "httpx", "multiprocessing", "os", "requests",
    "secrets", "signal", "socket", "sqlite3", "subprocess", "tempfile", "threading", "time", "urllib",
    "uuid",
}  # fmt: skip
"""Effects that a method has only through its handles."""

ENVIRONMENT = {
    "providers/connect.py": "the only reader of keys",
    "pocket/threads.py": "how many threads a numerical library may use",
    "sandbox/forkserver.py": "a program's environment is emptied",
}

CATCH_ALL = {
    "journal/writer.py": "an error of the thread that writes is raised by all who wait for it",
    "reports/account.py": "what a method's report raises, maybe a user's, is said in its place",
    "runs/step.py": "an error in a method's code is a failure row where the recipe says so",
    "sandbox/runner.py": "whatever a program raises is part of its outcome",
    "sandbox/isolated_tests.py": "whatever a test raises is its verdict",
    "sandbox/forkserver.py": "a process that could not be isolated must end, not return",
}
"""Where an exception of any kind may end, and why."""

LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
"""What may be longer than the limits, and why."""


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:  # a method's folder can be copied: what is in it imports each other so
                assert in_a_room(file), f"{name_of(file)}: imports are absolute"
                folder = ("understudy", *file.relative_to(ROOT).parent.parts)
                above = folder[: len(folder) - node.level + 1]
                assert len(above) > 2, f"{name_of(file)}: imports from above its method's folder"
                package = ".".join(above)
                inner = f"{package}.{node.module}" if node.module else package
                yield from [inner] if node.module else [f"{inner}.{a.name}" for a in node.names]
                continue
            yield node.module or ""
            if node.module == "understudy":
                yield from (f"understudy.{alias.name}" for alias in node.names)


def in_a_room(file: Path) -> bool:
    """Whether a file stands in the folder of a method, or in a folder of that one."""
    inside = file.is_relative_to(ROOT / "methods")
    return inside and len(file.relative_to(ROOT / "methods").parts) > 1


def part(module: str) -> str:
    return module.split(".")[1]


def complaints(rule: Callable[[Path], Iterator[str]]) -> str:
    """One line each; text, so that a failing test shows them all."""
    return "\n".join(f"{name_of(file)}: {line}" for file in FILES for line in rule(file))


def test_every_module_has_its_place() -> None:
    parts = {file.relative_to(ROOT).parts[0].removesuffix(".py") for file in FILES}
    assert parts - set(LEVEL) == set(), "new: give it a place in LAYERS"


def test_imports_point_down() -> None:
    def upward(file: Path) -> Iterator[str]:
        own = file.relative_to(ROOT).parts[0].removesuffix(".py")
        for module in imports(file):
            ours = module.startswith("understudy.") and part(module) != own
            if ours and LEVEL.get(part(module), 99) >= LEVEL.get(own, 0):
                yield f"must not import {module}"

    assert complaints(upward) == ""


def dotted(file: Path) -> str:
    module = ".".join(("understudy", *file.relative_to(ROOT).with_suffix("").parts))
    return module.removesuffix(".__init__")


def test_no_imports_go_in_circles() -> None:
    """Inside folders too, and those that only a type checker follows."""
    modules = {dotted(file): file for file in FILES}
    below = {m: {i for i in imports(f) if i in modules and i != m} for m, f in modules.items()}
    while leaves := [module for module, needs in below.items() if not needs & below.keys()]:
        for module in leaves:
            del below[module]
    assert "\n".join(f"{m} -> {sorted(n & below.keys())}" for m, n in sorted(below.items())) == ""


def test_no_methods_folder_imports_anothers() -> None:
    def strangers(file: Path) -> Iterator[str]:
        if not in_a_room(file):
            return
        own = f"understudy.methods.{file.relative_to(ROOT / 'methods').parts[0]}"
        for module in imports(file):
            shared = module.startswith(("understudy.methods._shared", own))
            if module.startswith("understudy.methods.") and not shared and module[19:] != "method":
                yield f"must not import {module}"

    assert complaints(strangers) == ""


def test_files_are_short() -> None:
    def too_long(file: Path) -> Iterator[str]:
        lines = len(file.read_text().splitlines())
        if lines > 400 and name_of(file) not in LONG_FILES:
            yield f"{lines} lines, more than 400"

    assert complaints(too_long) == ""


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_functions_are_short() -> None:
    def too_long(file: Path) -> Iterator[str]:
        for node in functions(file):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > 60 and f"{name_of(file)}:{node.name}" not in LONG_FUNCTIONS:
                yield f"{node.name} has {lines} lines, more than 60"

    assert complaints(too_long) == ""


def test_what_is_excused_from_the_limits_is_still_there() -> None:
    assert set(LONG_FILES) <= set(map(name_of, FILES))
    names = {f"{name_of(file)}:{node.name}" for file in FILES for node in functions(file)}
    assert set(LONG_FUNCTIONS) <= names


# Documentation


def test_every_file_says_what_it_is() -> None:
    assert [name_of(file) for file in FILES if not ast.get_docstring(parsed(file))] == []


DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def undocumented(file: Path) -> Iterator[str]:
    """Public functions and classes without a docstring. A short one's name may say enough, and the
    settings of a step are documented below each field."""
    for node in parsed(file).body:
        if not isinstance(node, DEFINITIONS) or node.name.startswith("_"):
            continue
        if node.name != "Config" and too_long_to_speak_for_itself(node, 3):
            yield node.name
        for inner in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(inner, DEFINITIONS) and not inner.name.startswith("_"):
                overloads = [d for d in inner.decorator_list if "overload" in ast.unparse(d)]
                if not overloads and too_long_to_speak_for_itself(inner, 7):
                    yield f"{node.name}.{inner.name}"


def too_long_to_speak_for_itself(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, lines: int
) -> bool:
    return ast.get_docstring(node) is None and (node.end_lineno or 0) - node.lineno >= lines


def test_public_functions_and_classes_have_docstrings() -> None:
    assert complaints(undocumented) == ""


# Methods and filters


METHODS = sorted(set((ROOT / "methods").rglob("*.py")) - {ROOT / "methods/__init__.py"})
PAPERS = sorted({definition.file for definition in methods.all().values()})


@pytest.mark.parametrize("file", METHODS, ids=name_of)
def test_methods_touch_the_world_only_through_their_handles(file: Path) -> None:
    assert not IMPURE & {name.split(".")[0] for name in imports(file)}
    for node in ast.walk(parsed(file)):
        # A yield inside a task group or a lock cancels or blocks the engine.
        assert not isinstance(node, ast.AsyncWith)
        if isinstance(node, ast.ImportFrom) and node.module == "random":
            assert [alias.name for alias in node.names] == ["Random"]
        assert not (isinstance(node, ast.Import) and "random" in [a.name for a in node.names])
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in {"Random", "open", "input", "eval", "exec"}


@pytest.mark.parametrize("file", PAPERS, ids=name_of)
def test_methods_name_their_paper_and_where_they_depart_from_it(file: Path) -> None:
    doc = ast.get_docstring(parsed(file)) or ""
    (definition,) = [d for d in methods.all().values() if d.file == file]
    assert re.fullmatch(r"arXiv:\d{4}\.\d{4,5}", definition.paper)
    assert f"https://arxiv.org/abs/{definition.paper.removeprefix('arXiv:')}" in doc
    assert re.search(r"^Departures\b.*:", doc, re.MULTILINE)


def steps() -> list[Any]:
    found = [*methods.all().values(), *filters.all().values()]
    return [pytest.param(definition, id=definition.name) for definition in found]


@pytest.mark.parametrize("definition", steps())
def test_a_steps_file_is_named_after_it_and_its_settings_are_its_own(
    definition: Definition,
) -> None:
    assert definition.name in (definition.file.stem, definition.file.parent.name)
    assert definition.about
    assert definition.config.__module__ == definition.run.__module__


@pytest.mark.parametrize("definition", steps())
def test_settings_are_documented_named_and_typed(definition: Definition) -> None:
    for name, field in definition.config.model_fields.items():
        assert field.description, f"{name} has no string below it"
        assert field.default is not ..., f"{name} has no default"
        kind = str(field.annotation)
        assert "Any" not in kind, f"{name} is {kind}: a setting has a type"
        assert "dict" not in kind, f"{name} is {kind}: nest a settings model"


@pytest.mark.parametrize("definition", steps())
def test_settings_survive_being_written_down(definition: Definition) -> None:
    config = definition.config()
    assert definition.config.model_validate(config.model_dump(mode="json")) == config
    assert definition.config.model_validate_json(config.model_dump_json()) == config
    schema = definition.config.model_json_schema()
    assert set(schema.get("properties", {})) == set(definition.config.model_fields)
    for field in definition.config.model_fields:
        with pytest.raises(ValueError, match="frozen"):
            setattr(config, field, None)
    with pytest.raises(ValueError, match="not permitted"):
        definition.config.model_validate({"no_such_setting": 1})


# Habits


def test_keys_are_read_in_one_place() -> None:
    readers = {
        name_of(file) for file in FILES if re.search(r"os\.environ\b|\bgetenv\b", file.read_text())
    }
    assert readers <= set(ENVIRONMENT)


def test_nothing_is_swallowed() -> None:
    def swallowed(file: Path) -> Iterator[str]:
        for node in ast.walk(parsed(file)):
            if isinstance(node, ast.ExceptHandler):
                caught = re.findall(r"\w+", ast.unparse(node.type)) if node.type else ["Exception"]
                raises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
                every = {"Exception", "BaseException"} & set(caught)
                if every and not raises and name_of(file) not in CATCH_ALL:
                    yield f"line {node.lineno}"

    assert complaints(swallowed) == ""


def test_settings_are_frozen_and_closed() -> None:
    def open_settings(file: Path) -> Iterator[str]:
        for node in ast.walk(parsed(file)):
            bases = node.bases if isinstance(node, ast.ClassDef) else []
            if "BaseModel" in map(ast.unparse, bases) and name_of(file) != "values.py":
                yield f"line {node.lineno}: use Settings, which is frozen and closed"  # type: ignore[attr-defined]  # a class

    assert complaints(open_settings) == ""


def test_defaults_are_given_by_name() -> None:
    """Else type checkers take a setting for one that must be given."""

    def unnamed(file: Path) -> Iterator[str]:
        for node in ast.walk(parsed(file)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Field" and node.args:
                yield f"line {node.lineno}: write Field(default=...)"

    assert complaints(unnamed) == ""


def test_settings_refuse_what_they_do_not_know() -> None:
    assert issubclass(understudy.Settings, BaseModel)
    assert understudy.Settings.model_config.get("frozen") is True
    assert understudy.Settings.model_config.get("extra") == "forbid"
