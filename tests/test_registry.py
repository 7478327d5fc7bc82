"""Methods and filters: what is read off a signature, and where they come from."""

import inspect
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

import pytest
from user_methods import METHOD, answer, find

from understudy.call.model import Model
from understudy.errors import ConfigError
from understudy.filters import filters
from understudy.handles.sandbox import Sandbox
from understudy.methods import methods
from understudy.registry import Definition, NoSettings, Registry, registering
from understudy.types import Example, Settings, Task, Verdict

# What a signature says


def test_a_parameter_that_is_no_handle_is_named() -> None:
    async def strange(task: Task, weather: str) -> Example:
        return task.example(weather)

    with pytest.raises(
        ConfigError, match="strange: expected a handle as the annotation of 'weather'"
    ):
        Registry("understudy.methods", "method").add(strange)


class Config(Settings):
    times: int = 1


class Index:
    def __init__(self, config: Config) -> None:
        self.examples = list[Example]()

    def add(self, example: Example) -> None:
        self.examples.append(example)


async def each(
    task: Task, teacher: Model, critic: Model, sandbox: Sandbox, rng: Random, config: Config
) -> Example:
    """What it does.

    And more.
    """
    return task.example("x")


async def pool(tasks: Sequence[Task], teacher: Model) -> AsyncIterator[Example]:
    for task in tasks:
        yield task.example("x")


def unlike(example: Example, index: Index, config: Config) -> Verdict:
    return Verdict(example not in index.examples)


def register(function: object, registry: Registry | None = None) -> Definition:
    registry = registry or Registry("understudy.methods", "method")
    assert inspect.isfunction(function)
    registry.add(function, paper="arXiv:0000.00000")
    return registry.definitions[function.__name__]


def test_a_function_is_registered_under_its_name_and_given_back_untouched() -> None:
    registry = Registry("understudy.methods", "method")

    assert registry.add(each) is each
    assert registry.definitions["each"].run is each


def test_the_signature_says_what_a_method_is_given() -> None:
    definition = register(each)

    assert definition.handles == {
        "teacher": Model, "critic": Model, "sandbox": Sandbox, "rng": Random,
    }  # fmt: skip
    assert definition.roles == ("teacher", "critic")
    assert definition.config is Config


def test_the_signature_says_what_a_step_takes_at_a_time() -> None:
    shapes = [register(function).shape for function in (each, pool, unlike)]

    assert shapes == ["task", "pool", "example"]


def test_a_function_that_takes_neither_tasks_nor_an_example_is_refused() -> None:
    async def nothing(teacher: Model) -> Example:
        raise AssertionError("it is never run")

    with pytest.raises(
        ConfigError, match=r"nothing: expected a parameter `task: Task`.*found \(tea"
    ):
        register(nothing)


def test_a_parameter_with_a_default_need_not_be_a_handle() -> None:
    async def easy(task: Task, weather: str = "fine") -> Example:
        return task.example(weather)

    assert register(easy).handles == {}
    assert register(easy).config is NoSettings


def test_only_a_filter_makes_an_index() -> None:
    rule = register(unlike, Registry("understudy.filters", "filter"))

    assert rule.index is Index
    assert register(unlike).index is None


def test_every_shipped_one_says_what_it_is_and_every_method_names_its_paper() -> None:
    for registry in (methods, filters):
        for name, definition in registry.all().items():
            assert definition.name == name
            assert definition.about.endswith((".", ":")), name
            assert definition.paper.startswith("arXiv:") or registry is filters
            assert definition.release.startswith("understudy ")


# What is shipped


@pytest.mark.parametrize("name", methods.list_shipped())
def test_every_method_works_from_a_copy_of_its_folder(name: str) -> None:
    definition = methods.get(name)
    assert definition is not None
    room = methods.rooms.get(name, name)
    shutil.copytree(definition.file.parent, "copy")

    copy = find(f"./copy:{name}")

    assert copy.file == Path("copy").resolve() / definition.file.name
    assert copy.config is not definition.config
    assert copy.config().model_dump() == definition.config().model_dump()
    assert find(f"./copy:{room}").run is not copy.run or room == name


def test_ours_is_digested_with_its_folder_and_the_release() -> None:
    definition = methods.get("self_consistency")
    variant = methods.get("universal_self_consistency")
    assert definition is not None
    assert variant is not None
    assert definition.digest.startswith("understudy ")
    assert definition.file.parent in definition.code
    assert variant.code == definition.code, "both stand in one folder"


def test_names_are_known_without_importing_anything() -> None:
    registry = Registry("understudy.methods", "method", methods.rooms)

    assert registry.names() == registry.list_shipped()
    assert set(methods.rooms) < set(registry.names())
    assert registry.definitions == {}
    assert not [name for name in registry.names() if name.startswith("_")]


def test_a_name_that_nobody_has_has_no_definition() -> None:
    assert methods.get("no_such_method") is None


def test_what_is_registered_meanwhile_is_collected_and_gone() -> None:
    before = dict(methods.definitions)
    with registering(methods, filters) as collected:
        methods.add(each)
        filters.add(unlike)

    assert [definition.name for definition in collected] == ["each", "unlike"]
    assert methods.definitions == before


def test_what_comes_with_the_package_stays_whoever_imports_it_first() -> None:
    definition = methods.get("self_refine")
    assert definition is not None
    del methods.definitions["self_refine"]

    with registering(methods):
        methods.add(definition.run)

    assert methods.definitions["self_refine"].run is definition.run


def test_what_is_registered_goes_even_after_an_error() -> None:
    def fails() -> None:
        methods.add(each)
        raise RuntimeError("no")

    before = dict(methods.definitions)
    with pytest.raises(RuntimeError, match="no"), registering(methods):
        fails()

    assert methods.definitions == before


# Packages that were installed


@pytest.fixture
def visitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "visitor-2.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: visitor\nVersion: 2.1\n")
    (info / "entry_points.txt").write_text(
        "[understudy.methods]\n"
        "guest = visitor_methods:mine\nself_refine = visitor_methods:mine\n"
        "plain = visitor_methods:plain\n"
    )
    (tmp_path / "visitor_methods.py").write_text(
        METHOD.format(answer="from afar") + "\ndef plain():\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


def test_an_installed_package_adds_a_method(visitor: None) -> None:
    sys.modules.pop("visitor_methods", None)
    assert "guest" in methods.names()
    assert "visitor_methods" not in sys.modules, "named without being imported"

    definition = methods.get("guest")

    assert definition is not None
    assert (definition.name, answer(definition)) == ("guest", "from afar")
    assert definition.digest.startswith("visitor 2.1 ")
    assert "mine" not in methods.definitions
    del methods.definitions["guest"]


def test_what_is_shipped_goes_before_what_is_installed(visitor: None) -> None:
    definition = methods.get("self_refine")
    assert definition is not None
    assert definition.run.__module__ == "understudy.methods.self_refine"
    assert "self_refine" not in methods.list_installed()


def test_an_entry_point_that_is_no_method_names_its_package(visitor: None) -> None:
    with pytest.raises(
        ConfigError, match=r"'plain' of understudy\.methods: expected a function dec"
    ):
        methods.get("plain")
