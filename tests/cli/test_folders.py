"""Commands that read a run folder."""

# ruff: noqa: E501 -- messages stand here as they are printed

import json
from pathlib import Path

from commands import cli, run
from inline_snapshot import snapshot


def test_a_run_is_made_shown_explained_and_exported() -> None:
    first = run()
    assert (first.exit_code, first.stdout) == (
        0,
        snapshot(
            "out: done; 2 examples, 0 rejected, 0 failed; 2 calls sent, 0 replies from the journal; cost unknown\n"
        ),
    )
    again = run()
    assert (again.exit_code, again.stdout) == (
        0,
        snapshot(
            "out: done; 2 examples, 0 rejected, 0 failed; 0 calls sent, 0 replies from the journal; cost unknown\n"
        ),
    )
    rows = [json.loads(line) for line in Path("out/data/train.jsonl").read_text().splitlines()]
    answers = [row["messages"][-1]["content"] for row in rows]
    assert answers == ["Thought 0. The answer is 1.", "Thought 0. The answer is 2."]

    assert "self_consistency                 2         0         0" in cli("show", "out").stdout
    assert "call as teacher, draw 1: sent in attempt 1" in cli("why", "out", "bb").stdout
    assert cli("export", "out", "--to", "x.jsonl", "--format", "alpaca").stdout == (
        "x.jsonl: 2 rows\n"
    )
    assert json.loads(Path("x.jsonl").read_text().splitlines()[0])["instruction"] == "1 + 1?"
    assert "out/data/train.parquet" in cli("export", "out").stdout
    assert cli("record", "out", "replies.jsonl").stdout == "replies.jsonl: 4 replies\n"
