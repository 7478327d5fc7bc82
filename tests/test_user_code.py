"""A user's own file or folder, as it is now."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

from understudy import Task
from understudy.errors import ConfigError
from understudy.filters import filters
from understudy.methods import methods
from understudy.registry import Definition, Registry, from_file
from understudy.types import Example
from understudy.user_code import content_digest, load_module

METHOD = """
from understudy import Example, Task, method

@method(paper="arXiv:0000.00000")
async def mine(task: Task) -> Example:
    return task.example({answer!r})
"""


def find(reference: str) -> Definition:
    return from_file(reference, (methods, filters))


def answer(definition: Definition) -> str:
    """What it says of a task."""
    return asyncio.run(definition.run(Task(prompt="?"))).answer


def test_an_edited_file_counts_at_once() -> None:
    file = Path("mine.py")
    file.write_text(METHOD.format(answer="a"))
    before = find("./mine.py:mine")
    again = find("mine.py:mine")
    time = file.stat().st_mtime_ns
    file.write_text(METHOD.format(answer="b"))
    os.utime(file, ns=(time, time))  # the clock of a file system may be coarse
    after = find("./mine.py:mine")

    assert again is before
    assert [answer(before), answer(after)] == ["a", "b"]
    assert before.digest != after.digest


def test_two_files_of_one_name_do_not_meet() -> None:
    for folder in ("a", "b"):
        Path(folder).mkdir()
        Path(folder, "mine.py").write_text(METHOD.format(answer=folder))

    first, second = find("a/mine.py:mine"), find("b/mine.py:mine")

    assert [answer(first), answer(second)] == ["a", "b"]
    assert first.run.__module__ != second.run.__module__


def test_a_folder_with_relative_imports_is_a_method() -> None:
    Path("copied").mkdir()
    Path("copied/__init__.py").write_text(
        METHOD.format(answer="")
        .replace("''", "SAY")
        .replace("from", "from .words import SAY\nfrom", 1)
    )
    Path("copied/words.py").write_text("SAY = 'hello'\n")
    first = find("./copied:mine")
    assert answer(first) == "hello"
    assert find("copied/__init__.py:mine") is first

    Path("copied/words.py").write_text("SAY = 'hallo'\n")
    second = find("./copied:mine")
    assert answer(second) == "hallo"
    assert first.digest != second.digest


def test_a_copy_of_a_methods_folder_is_a_method_with_prompts_of_its_own() -> None:
    import understudy.methods.self_refine as ours

    shutil.copytree(Path(ours.__file__).parent, "refine")
    copy = find("./refine:self_refine")
    assert copy.run is not ours.self_refine
    assert Path("refine").resolve() in copy.code
    text = next(Path("refine").rglob("*.yaml"))
    text.write_text(text.read_text() + "\n# mine\n")
    assert find("./refine:self_refine").digest != copy.digest


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


def test_a_file_that_fails_leaves_nothing_behind() -> None:
    Path("mine.py").write_text("import json\nraise RuntimeError('no')\n")
    before = set(sys.modules)
    with pytest.raises(RuntimeError, match="no"):
        load_module(Path("mine.py").resolve())
    assert not [name for name in set(sys.modules) - before if name.startswith("understudy_user")]


def test_what_is_not_there_is_named() -> None:
    Path("empty").mkdir()
    for reference in ("./empty:mine", "./nowhere.py:mine"):
        with pytest.raises(ConfigError, match="a folder with an __init__"):
            find(reference)
    Path("mine.py").write_text(METHOD.format(answer="a"))
    with pytest.raises(ConfigError, match=r"a function 'yours' decorated .* found mine"):
        find("mine.py:yours")


def test_the_digest_of_a_folder_is_that_of_its_files_and_their_names() -> None:
    Path("a").mkdir()
    Path("a/x.py").write_text("1")
    first = content_digest(Path("a"))
    Path("a/__pycache__").mkdir()
    Path("a/__pycache__/x.pyc").write_text("2")
    Path("a/.hidden").write_text("3")
    assert content_digest(Path("a")) == first
    Path("a/x.py").rename("a/y.py")
    assert content_digest(Path("a")) != first


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


# What a signature says


def test_a_parameter_that_is_no_handle_is_named() -> None:
    async def strange(task: Task, weather: str) -> Example:
        return task.example(weather)

    with pytest.raises(
        ConfigError, match="strange: expected a handle as the annotation of 'weather'"
    ):
        Registry("understudy.methods", "method").add(strange)
