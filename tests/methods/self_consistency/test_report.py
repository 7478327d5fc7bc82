"""The report of Self-Consistency."""

# ruff: noqa: E501 -- prompts and messages stand here as they are printed

from typing import Any

from inline_snapshot import snapshot

from understudy.methods.self_consistency.report import report
from understudy.types import Example, Rejection, user


def voted(answers: list[str | None], reference: str | None, **meta: Any) -> Example:
    return Example(
        messages=(user("?"),), reference=reference, scores={"share": 0.5},
        meta={"answers": answers, "entropy": 1.0, "tie": False, **meta},
        lineage=(f"s/{answers}{reference}",),
    )  # fmt: skip


def test_the_report_gives_shares_ties_and_the_curve() -> None:
    lost = Rejection(
        reason="no readable answer", score=0.0, meta={"answers": [None, None], "reference": "7"}
    )
    rows = [voted(["7", "7.0", "5"], "7"), voted(["5", "7"], "7", tie=True), lost]
    assert report(rows).text == snapshot("""\
votes of 3 tasks: mean share 0.333, mean entropy 0.667 bits, 1 ties
   paths    maj@k   pass@k    tasks
       1    0.389    0.389        3
       2    0.389    0.667        3
       3    1.000    1.000        1\
""")


def test_the_chart_is_of_the_numbers_of_paths_that_all_tasks_have() -> None:
    chart = report([voted(["7", "7", "5"], "7"), voted(["5", "7"], "7")]).chart
    assert chart
    assert tuple(chart.at) == (1, 2)
    assert [len(line) for line in chart.lines.values()] == [2, 2]
    assert "Larger numbers, of fewer tasks, are in the table only." in chart.says
    whole = report([voted(["7", "7", "5"], "7")]).chart
    assert whole
    assert whole.says == snapshot(
        "Of 1 tasks, one path answers 66.7% right, the vote of 3 paths (maj@k) 100.0%: +33.3 points. At least one of 3 paths is right (pass@k) for 100.0%."
    )
    assert report([voted(["7"], "7")]).chart is None
    assert report([voted(["7", "7"], None)]).chart is None


def test_the_report_has_no_curve_without_references_and_no_figures_without_votes() -> None:
    assert report([voted(["7"], None)]).text.count("\n") == 0
    assert report([Rejection(reason="no complete reply")]).text == "no votes"
    assert report([]).text == "no votes"


def test_a_task_of_several_examples_is_reported_once() -> None:
    rows = [voted(["7", "7"], "7")] * 5
    assert report(rows).text.startswith("votes of 1 tasks")
