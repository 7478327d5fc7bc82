"""What Self-Refine's report says and draws."""

# ruff: noqa: E501 -- prompts and reports stand here as they are printed

from collections.abc import Sequence
from typing import Any

from inline_snapshot import snapshot
from refine_bench import SUM, complains, drafts, one, rejected

from understudy.charts.bars import Bars
from understudy.charts.lines import Lines
from understudy.methods.self_refine.report import report
from understudy.types import Example, Rejection, user


def refined(
    right: Sequence[bool], chosen: int, stopped: str = "no complaint", **meta: Any
) -> Example:
    """A task whose versions are right or not."""
    versions = [{"t": t, "answer": f"{t}", "right": r} for t, r in enumerate(right)]
    facts = {
        "trace": versions,
        "chosen": chosen,
        "stop_reason": stopped,
        "feedback_source": "critic",
    }
    cost = {"calls": 2 * len(right), "tokens": 100, "first_calls": 1, "first_tokens": 20}
    return Example(
        messages=(user("?"),), meta=facts | {"cost": cost} | meta, lineage=(f"s/{right}{stopped}",)
    )


def test_the_report_gives_final_accuracy_apart_from_any_right_and_flips_and_cost() -> None:
    lost = Rejection(
        reason="no complete answer",
        meta={
            "trace": [],
            "stop_reason": "no complete answer",
            "feedback_source": "critic",
            "reference": "7",
        },
    )
    rows = [
        refined([False, True], 1),
        refined([False, True, True], 2, "rounds"),
        refined([True, False], 1),
        refined([False, True, False], 2, "rounds"),
        refined([True], 0),
        refined([True], 0),  # a second example of the same task
        lost,
    ]
    assert report(rows).text == snapshot("""\
5 tasks: 1.20 rewrites per task; 20.0% keep their first answer
stopped by: no complaint 3, rounds 2, no complete answer 1
accuracy of 6 tasks: first 0.333, final 0.500, any right 0.833 (what the published figures for GSM8K count)
wrong to right 2, right to wrong 1
after the first answers: 17 calls, 400 tokens; 17.0 calls and 400 tokens per task gained
   round   accuracy  any right
       0      0.333      0.333
       1      0.667      0.833
       2      0.500      0.833\
""")  # fmt: skip
    chart, stops = report(rows).charts
    assert isinstance(chart, Lines)
    assert isinstance(stops, Bars)
    assert stops.bars == {"no complaint": 3, "rounds": 2, "no complete answer": 1}
    assert list(chart.at) == [0, 1, 2]
    assert [f"{share:.3f}" for share in chart.lines["accuracy"]] == ["0.333", "0.667", "0.500"]
    assert chart.caption == snapshot(
        "Of 6 tasks, the first answer is right for 33.3%, the one that stands after the last round for 50.0%: +16.7 points."
    )


def test_the_report_names_an_oracle_and_a_loss() -> None:
    rows = [refined([True, False], 1, feedback_source="verifier (oracle)")]
    assert report(rows).text.splitlines()[2:6] == snapshot(
        [
            "ORACLE: the reference decided whether to go on; no figure of the model alone",
            "accuracy of 1 tasks: first 1.000, final 0.000, any right 1.000 (what the published figures for GSM8K count)",
            "wrong to right 0, right to wrong 1",
            "after the first answers: 3 calls, 80 tokens; no task gained",
        ]
    )  # fmt: skip
    assert "ORACLE" in report(rows).charts[0].caption


def test_a_version_that_was_turned_down_does_not_stand() -> None:
    turned_down = refined([True, False], 0)
    turned_down.meta["trace"][1]["accepted"] = False
    assert report([turned_down]).text.splitlines()[-1].split() == ["1", "1.000", "1.000"]


def test_without_references_there_is_no_accuracy_and_without_versions_nothing() -> None:
    example = refined([True], 0)
    del example.meta["trace"][0]["right"]
    assert "accuracy" not in report([example]).text
    assert report([]).text == "no versions"
    lost = Rejection(
        reason="-", meta={"trace": [], "stop_reason": "-", "feedback_source": "critic"}
    )
    assert report([lost]).text == "1 tasks without an answer"


async def test_a_rejected_pair_is_still_a_task_of_the_report() -> None:
    rejection = await rejected(drafts("It is 7."), complains(0), SUM, keep="pairs")
    assert "accuracy of 1 tasks: first 1.000, final 1.000" in report([rejection]).text
    beyond = Rejection(reason="beyond n", example=await one(drafts("It is 7."), complains(0), SUM))
    assert "accuracy of 1 tasks: first 1.000" in report([beyond]).text
