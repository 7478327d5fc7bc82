"""Tests mirror the package: those of `runs/quota.py` are in `tests/runs/test_quota.py`."""

import ast
from pathlib import Path

import understudy

ROOT = Path(understudy.__file__).parent
TESTS = Path(__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

TESTED_IN: dict[str, list[str]] = {
    "__init__.py": ["typing_api.py", "test_user_code.py"],
    "__main__.py": ["cli/test_app.py"],
    "cli/__init__.py": ["cli/test_app.py"],
    "handles/__init__.py": ["handles/test_world.py"],
}
"""Modules without a file of their own, and the tests of what stands around them."""


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


def dotted(name: str) -> str:
    return ".".join(("understudy", *Path(name).with_suffix("").parts)).removesuffix(".__init__")


def does_nothing(file: Path) -> bool:
    """Whether it has a docstring at most."""
    return len(ast.parse(file.read_text()).body) <= 1


def own_tests(name: str) -> Path:
    """`runs/quota.py`: `runs/test_quota.py`; a folder's `__init__.py` is called like the folder."""
    path = Path(name)
    path = path.parent if path.name == "__init__.py" else path.with_suffix("")
    return TESTS / path.parent / f"test_{path.name.lstrip('_')}.py"


def test_every_module_has_its_tests() -> None:
    missing = [
        name_of(file)
        for file in FILES
        if not does_nothing(file)
        and not own_tests(name_of(file)).exists()
        and name_of(file) not in TESTED_IN
    ]
    assert missing == [], "write tests/ROOM/test_NAME.py, or say in TESTED_IN where they are"


def test_what_is_said_to_be_tested_elsewhere_exists() -> None:
    names = set(map(name_of, FILES))
    assert [name for name in TESTED_IN if name not in names] == []


def test_the_tests_that_are_named_stand_in_the_room_of_their_module_or_above() -> None:
    for name, files in TESTED_IN.items():
        for file in files:
            assert (TESTS / file).is_file(), f"{file}, of {name}, does not exist"
            room, *inner = Path(file).parts
            assert not inner or Path(name).parts[0] in (room, name), f"{file} is far from {name}"
