"""What a step's method says of its rows."""

from pathlib import Path

import pytest

import understudy
from understudy import open_run
from understudy.charts.bars import Bars
from understudy.registry import Account
from understudy.reports.account import draw, give_account

METHOD = '''"""Says "!"."""

from understudy import Example, Task, method
from understudy.registry import Account


def report(rows):
    rows = list(rows)
    return Account(f"{len(rows)} rows")


@method(paper="arXiv:0000.00000", report=REPORT)
async def exclaim(task: Task) -> Example:
    return task.example("!")
'''


def account(report: str, most: int | None = None) -> Account | None:
    Path("mine.py").write_text(METHOD.replace("REPORT", report))
    understudy.run(
        seeds=[{"id": f"t{i}", "prompt": "?"} for i in range(4)],
        steps=["./mine.py:exclaim"],
        out="out",
    )
    return give_account(open_run("out"), "exclaim", most)


def test_text_alone_is_an_account_without_charts(own_folder: None) -> None:
    assert account("lambda rows: 'words'") == Account("words")


def test_an_account_is_of_all_rows_or_of_the_oldest(own_folder: None) -> None:
    assert account("report") == Account("4 rows")
    assert account("report", 3) == Account("3 rows")


def test_a_method_without_a_report_gives_none(own_folder: None) -> None:
    assert account("None") is None


@pytest.mark.parametrize(
    ("report", "words"),
    [
        ("lambda rows: 1 / 0", "ZeroDivisionError: division by zero"),
        ("lambda rows: 7", "expected a report to return text or an Account, found a int"),
    ],
)
def test_a_report_that_fails_is_said_with_its_place_and_what_to_do(
    own_folder: None, report: str, words: str
) -> None:
    failure = account(report)

    assert failure is not None
    assert failure.text.startswith("the report of exclaim failed: ")
    assert words in failure.text
    assert failure.text.endswith("understudy export out")


def test_a_method_whose_file_has_gone_gives_none(own_folder: None) -> None:
    account("report")
    Path("mine.py").unlink()

    assert give_account(open_run("out"), "exclaim") is None


def test_a_chart_is_drawn_or_said_to_fail() -> None:
    class Broken(Bars):
        def draw(self) -> str:
            raise KeyError("no bar")

    assert draw(Bars("t", {"a": 1}, "tasks")).startswith("<svg ")
    assert draw(Broken("t", {"a": 1}, "tasks")).startswith(
        "the chart could not be drawn: KeyError: "
    )
