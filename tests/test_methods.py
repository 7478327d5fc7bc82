"""The decorator of methods, and the folders in which they stand."""

from importlib import import_module
from pathlib import Path

import pytest

import understudy.methods
from understudy.methods import ROOMS, method, methods
from understudy.types import Example, Rejection, Task


async def mine(task: Task) -> Example:
    return task.example("x")


def test_a_method_is_the_function_itself_with_what_the_decorator_says() -> None:
    def report(rows: object) -> str:
        return "fine"

    assert method(paper="arXiv:1", report=report, seeds="builtin:functions")(mine) is mine
    definition = methods.get("mine")
    assert definition is not None
    assert (definition.paper, definition.report, definition.seeds) == (
        "arXiv:1", report, "builtin:functions",
    )  # fmt: skip


@pytest.mark.parametrize(("name", "room"), sorted(ROOMS.items()))
def test_a_stage_of_a_paper_stands_in_the_folder_of_that_paper(name: str, room: str) -> None:
    definition = methods.get(name)

    assert definition is not None
    assert definition.run.__module__ == f"understudy.methods.{room}.{name}"


def test_every_folder_holds_a_method_of_its_name() -> None:
    folder = Path(understudy.methods.__file__).parent
    rooms = sorted(path.parent.name for path in folder.glob("[!_]*/__init__.py"))

    assert [name for name in methods.list_shipped() if name not in ROOMS] == rooms
    for name in rooms:
        assert callable(getattr(import_module(f"understudy.methods.{name}"), name))


@pytest.mark.parametrize("name", methods.list_shipped())
def test_every_report_can_tell_of_nothing_but_a_rejection(name: str) -> None:
    definition = methods.get(name)
    assert definition is not None
    if definition.report is not None:
        account = definition.report([Rejection(reason="no luck")])
        assert (account if isinstance(account, str) else account.text).strip()
