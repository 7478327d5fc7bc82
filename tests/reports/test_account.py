"""A method's report may be a user's own code: that it fails is said in its place."""

from pathlib import Path

import pytest

import understudy
from understudy import open_run
from understudy.registry import Account
from understudy.reports.account import draw, give_account

METHOD = '''"""Repeats the question."""

from understudy import Example, Task, method
from understudy.registry import Account


def report(outcomes):
    %s


@method(paper="arXiv:0000.00000", report=report)
async def echo(task: Task) -> Example:
    return task.example(task.prompt)
'''


def account_of(body: str, most: int | None = None) -> Account | None:
    Path("echo.py").write_text(METHOD % body)
    seeds = [{"id": f"t{i}", "prompt": f"{i}?"} for i in range(3)]
    understudy.run(seeds=seeds, steps=["./echo.py:echo"], out="out", models={"teacher": "pocket"})
    run = open_run("out")
    try:
        return give_account(run, "echo", most)
    finally:
        run.close()


def test_a_report_of_text_is_an_account() -> None:
    assert account_of("return f'{len(list(outcomes))} rows'") == Account("3 rows")


def test_a_report_may_be_of_the_oldest_rows_only() -> None:
    assert account_of("return f'{len(list(outcomes))} rows'", most=2) == Account("2 rows")


def test_an_account_is_passed_on_as_it_is() -> None:
    assert account_of("return Account('all well')") == Account("all well")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("return 1 / 0", "ZeroDivisionError: division by zero"),
        (
            "return None",
            "TypeError: expected a report to return text or an Account, found a NoneType",
        ),
        ("return [o for o in outcomes]", "TypeError: expected a report to return text"),
    ],
)
def test_a_report_that_fails_says_so_in_its_place(body: str, error: str) -> None:
    account = account_of(body)
    assert account is not None
    assert account.text.startswith(f"the report of echo failed: {error}")
    assert "understudy export out" in account.text


def test_a_step_without_a_report_has_no_account() -> None:
    Path("echo.py").write_text((METHOD % "pass").replace(", report=report", ""))
    understudy.run(
        seeds=[{"prompt": "x"}], steps=["./echo.py:echo"], out="out", models={"teacher": "pocket"}
    )
    run = open_run("out")
    assert give_account(run, "echo") is None
    run.close()
    Path("echo.py").unlink()
    run = open_run("out")
    assert give_account(run, "echo") is None, "the file has gone, the run is still readable"
    run.close()


class Broken:
    title = caption = ""

    def draw(self) -> str:
        raise ValueError("no points")


def test_a_chart_that_cannot_be_drawn_says_why() -> None:
    text = draw(Broken())
    assert text.startswith("the chart could not be drawn: ValueError: no points (")
