"""What `understudy show` prints."""

# ruff: noqa: E501 -- prompts and messages stand here as they are printed

import re
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from understudy import open_run, run_async
from understudy.errors import ConfigError
from understudy.journal.read import Attempt
from understudy.reports.text import group_failures, list_attempts, list_programs, render_text
from understudy.runs.facts import collect

SCRIPT = """
from understudy.errors import Rejected, Unparsable

def answer(call):
    number = int(call.task[1:])
    if number > 7:
        raise Rejected("400: the same for all")
    if number == 7:
        raise Rejected("400: another")
    return f"The answer is {number if call.draw else 3}."
"""


@pytest.fixture(autouse=True)
def script(own_folder: None) -> None:
    Path("script.py").write_text(SCRIPT)


async def run(out: str = "out", **changes: object) -> None:
    await run_async(
        **{
            "seeds": [{"id": f"t{i}", "prompt": f"{i}?", "reference": str(i)} for i in range(10)]
            + [{"x": 1}],
            "models": {"teacher": "scripted:script.py:answer"},
            "steps": [
                {"self_consistency": {"samples": 3, "min_share": 0.5}},
                {"length": {"max_characters": 16}},
            ],
            "out": out,
            **changes,
        }
    )


def show() -> str:
    opened = open_run("out")
    return render_text(opened, collect(opened))


async def test_a_run_is_shown_with_counts_reasons_costs_and_figures() -> None:
    await run()
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", show())
    text = re.sub("(BrokenSeed: row 11: ).*", r"\1...", text)
    assert text == snapshot("""\
out

attempt 1: TIME UTC, done at TIME

step                      examples  rejected    failed
seeds                            0         0         1
    1 failure: broken seed
self_consistency                 7         0         3
    3 failure: Rejected
length                           7         0         0

step                     role       model                            calls    reused    tokens in   tokens out  cost
self_consistency         teacher    script.py:answer                     7         0        2,926           84  unknown

self_consistency
  votes of 7 tasks: mean share 0.714, mean entropy 0.787 bits, 0 ties
     paths    maj@k   pass@k    tasks
         1    0.714    0.714        7
         2    0.714    1.000        7
         3    1.000    1.000        7

failures
  self_consistency/t8 (and 1 more): Rejected: 400: the same for all
  seeds/row 11: BrokenSeed: row 11: ...
  self_consistency/t7: Rejected: 400: another\
""")


async def test_rows_can_be_read_by_kind_and_step() -> None:
    await run(steps=[{"self_consistency": {"samples": 3}}, {"length": {"max_characters": 2}}])
    opened = open_run("out")
    assert [e.id for e in opened.examples("self_consistency")] == [f"t{i}" for i in range(7)]
    assert list(opened.examples()) == []
    rejected = list(opened.rejections())
    assert {(r["step"], r["reason"]) for r in rejected} == {("length", "answer too long")}
    assert [f["step"] for f in opened.failures()] == ["seeds"] + ["self_consistency"] * 3
    assert len(list(opened.outcomes("length"))) == 7


async def test_a_run_with_prices_says_what_it_cost() -> None:
    await run(prices={"script.py:answer": {"input": 1_000, "output": 10_000}}, budget=1_000)
    assert re.search(r"teacher .* \$\d\.\d{4}\n", show() + "\n")


def test_a_folder_without_a_run_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected a run folder with a run\.json, found none"):
        open_run(tmp_path)


def test_failures_of_many_kinds_are_counted_together() -> None:
    failures = [
        {"error": "Rejected", "message": f"{i % 10}", "step": "s", "task": f"t{i}"}
        for i in range(25)
    ]
    lines = list(group_failures(failures, most=2))
    assert lines == [
        "s/t0 (and 2 more): Rejected: 0",
        "s/t1 (and 2 more): Rejected: 1",
        "... 8 other messages; failures.jsonl has all",
    ]


def test_of_many_attempts_the_first_and_the_last_are_listed() -> None:
    attempts = [Attempt(i, f"day {i}", f"night {i}", "stopped") for i in range(1, 10)]
    lines = list_attempts(attempts).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "attempt 1", "attempt 2", "... 4 more ...", "attempt 7", "attempt 8", "attempt 9",
    ]  # fmt: skip
    assert "..." not in list_attempts(attempts[:6])


def test_programs_are_counted_by_isolation() -> None:
    assert list_programs({"namespaces": 1_200, "": 3}) == (
        "programs run in the sandbox (refused): 3\nprograms run in the sandbox (namespaces): 1,200"
    )
