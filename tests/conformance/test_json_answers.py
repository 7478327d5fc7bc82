"""What two models really wrote when asked for JSON: 1,319 answers each to the same questions."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from understudy.text.fences import strip_fences
from understudy.text.lenient_json import has_json, loads


def number(value: Any) -> float | None:
    """The last number in an answer."""
    found = re.findall(r"-?\d+(?:\.\d+)?", str(value).replace(",", ""))
    return float(found[-1]) if found else None


def strict(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def outcome(row: dict[str, Any]) -> str:
    try:
        value = loads(row["output"])
    except ValueError:
        return "no JSON"
    if not isinstance(value, dict) or "answer" not in value:
        return "no answer"
    right = number(value["answer"]) == number(row["answer"])
    return "as recorded" if right == row["correct"] else "otherwise"


@pytest.mark.parametrize(
    ("name", "whole", "fenced", "found", "outcomes"),
    [
        (
            "claude-3-haiku-20240307", 0, 90, 1316,
            {"as recorded": 1317, "otherwise": 1, "no answer": 1},
        ),
        (
            "Mixtral-8x7B-Instruct-v0.1", 835, 1253, 1261,
            {"as recorded": 1286, "otherwise": 3, "no answer": 19, "no JSON": 11},
        ),
    ],
)  # fmt: skip
def test_json_is_recovered_with_the_answers_that_were_graded(
    data: Path, name: str, whole: int, fenced: int, found: int, outcomes: dict[str, int]
) -> None:
    """`otherwise`: the grader read units or a calculation differently ("2:00 pm", "0.08, or 8%").

    `no answer`: cut before the answer; once, inches (36") ended the string too early.
    `no JSON`: prose without a brace.
    """
    text = (data / "json_answers" / f"{name}.jsonl").read_text()
    rows = [json.loads(line) for line in text.split("\n") if line]

    assert len(rows) == 1319
    assert sum(strict(row["output"]) for row in rows) == whole
    assert sum(strict(strip_fences(row["output"])) for row in rows) == fenced
    assert sum(has_json(row["output"]) for row in rows) == found
    assert Counter(map(outcome, rows)) == outcomes
