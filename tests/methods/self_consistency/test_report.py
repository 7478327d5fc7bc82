"""The report of Self-Consistency."""

# ruff: noqa: E501 -- prompts and messages stand here as they are printed

from typing import Any

from inline_snapshot import snapshot

from understudy.charts.histogram import Histogram
from understudy.charts.lines import Lines
from understudy.charts.reliability import Reliability
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
    chart = report([voted(["7", "7", "5"], "7"), voted(["5", "7"], "7")]).charts[0]
    assert isinstance(chart, Lines)
    assert tuple(chart.at) == (1, 2)
    assert [len(line) for line in chart.lines.values()] == [2, 2]
    assert "Larger numbers, of fewer tasks, are in the table only." in chart.caption
    whole = report([voted(["7", "7", "5"], "7")]).charts[0]
    assert whole.caption == snapshot(
        "Of 1 tasks, one path answers 66.7% right, the vote of 3 paths (maj@k) 100.0%: +33.3 points. At least one of 3 paths is right (pass@k) for 100.0%."
    )
    assert not any(isinstance(c, Lines) for c in report([voted(["7"], "7")]).charts)


def test_shares_are_a_histogram_and_with_references_a_reliability_diagram() -> None:
    tasks = [
        voted(["7", "7", "5", "6"], "7", answer="7"),
        voted(["5", "5", "6", "7"], "5", answer="5"),
        voted(["5", "5", "7", "6"], "7", answer="5"),
    ]
    _, histogram, diagram = report(tasks).charts
    assert isinstance(histogram, Histogram)
    assert [count for count in histogram.counts if count] == [3]
    assert isinstance(diagram, Reliability)
    assert [(bin.mean, bin.n, bin.right) for bin in diagram.bins if bin.n] == [(0.5, 3, 2)]
    assert "On average they are 0.167 from it (expected calibration error)." in diagram.caption
    (alone,) = report([voted(["7", "7"], None)]).charts
    assert isinstance(alone, Histogram)


def test_the_report_has_no_curve_without_references_and_no_figures_without_votes() -> None:
    assert report([voted(["7"], None)]).text.count("\n") == 0
    assert report([Rejection(reason="no complete reply")]).text == "no votes"
    assert report([]).text == "no votes"


def test_a_task_of_several_examples_is_reported_once() -> None:
    rows = [voted(["7", "7"], "7")] * 5
    assert report(rows).text.startswith("votes of 1 tasks")
