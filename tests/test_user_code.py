"""A user's own file or folder, as it is now."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from user_methods import METHOD, answer, find

from understudy.errors import ConfigError
from understudy.user_code import content_digest, load_module


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
