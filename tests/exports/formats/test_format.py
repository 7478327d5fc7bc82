"""What an export format is: one value that turns an example into rows."""

from pathlib import Path

import pyarrow.parquet as pq
from conversations import CALLS, CHAT

from understudy.exports.formats import encode
from understudy.exports.formats.format import Format, inexpressible
from understudy.exports.write import write
from understudy.types import Example, Json


def test_an_example_may_give_several_rows(tmp_path: Path) -> None:
    def every_answer(example: Example) -> list[Json]:
        return [{"text": turn.text} for turn in example.messages if turn.role == "assistant"]

    answers = Format("answers", every_answer, {"text": "text"}, "Each answer is a row.")

    assert [(row["id"], row["text"]) for row in encode(CHAT, answers)] == [
        ("e1#1", "a1"),
        ("e1#2", "a2"),
    ]
    for end in (".jsonl", ".parquet"):
        assert write([CHAT, CALLS], tmp_path / f"t{end}", answers) == 4


def test_a_refusal_names_the_example_what_was_needed_what_is_there_and_what_to_do() -> None:
    error = inexpressible(CHAT, "alpaca", "one question", "two")
    assert isinstance(error, ValueError)
    assert str(error) == (
        "example 'e1': alpaca needs one question; found two. Export as messages, or filter such "
        "examples out."
    )


def test_a_new_format_is_one_value_from_which_a_table_is_written(tmp_path: Path) -> None:
    length = Format("length", lambda e: [{"size": str(len(e.messages))}], {"size": "text"}, "Size.")
    assert write([CHAT], tmp_path / "t.parquet", length) == 1
    table = pq.read_table(tmp_path / "t.parquet")
    assert table.column_names == ["id", "size", "meta"]
    assert table.column("size").to_pylist() == ["5"]
