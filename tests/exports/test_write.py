"""Examples out: whole files or none, the same bytes for the same examples."""

import gzip
import json
import resource
import tracemalloc
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from understudy.data.atomic import write_text
from understudy.data.read import read_tasks
from understudy.errors import ConfigError, RunFolderError
from understudy.exports.formats import DEFAULT, FORMATS, Format, encode, find_format
from understudy.exports.write import write, write_rows
from understudy.types import Example, Image, Message, Text, ToolCall, assistant, system, user

CAT = Image(media_type="image/png", data=b"\x89PNG")
ENDS = (".jsonl", ".jsonl.gz", ".parquet")


def chats(number: int, size: int = 10) -> Iterator[Example]:
    for n in range(number):
        yield Example(
            id=f"e{n}",
            messages=(system("s"), user(f"q{n}"), assistant(f"{n:08}" + "é" * size)),
            rejected=(assistant(f"not {n}"),),
            scores={"share": n / (n + 1)},
            meta={"n": n} if n % 2 else {"other": {"shape": [n]}},
        )


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
@pytest.mark.parametrize("end", ENDS)
def test_every_format_and_file_reads_back_and_is_the_same_bytes_twice(
    tmp_path: Path, format: Format, end: str
) -> None:
    one, two = tmp_path / f"one{end}", tmp_path / f"two{end}"

    assert write(chats(7), one, format) == write(chats(7), two, format) == 7

    assert one.read_bytes() == two.read_bytes()
    assert list(read_tasks(one)) == list(
        read_tasks([row for example in chats(7) for row in encode(example, format)])
    )
    assert {file.name for file in tmp_path.iterdir()} == {one.name, two.name}


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
@pytest.mark.parametrize("end", ENDS)
def test_no_examples_make_an_empty_file_of_the_right_kind(
    tmp_path: Path, format: Format, end: str
) -> None:
    path = tmp_path / f"t{end}"

    assert write([], path, format) == 0

    if end == ".parquet":
        assert pq.read_table(path).num_rows == 0
    else:
        assert (gzip.decompress if end == ".jsonl.gz" else bytes)(path.read_bytes()) == b""


def test_extras_can_be_left_out(tmp_path: Path) -> None:
    write(chats(1), tmp_path / "t.parquet", DEFAULT, extras=False)

    assert pq.read_schema(tmp_path / "t.parquet").names == ["id", "messages"]


def test_parquet_has_columns_for_tools_and_pictures_only_where_they_occur(tmp_path: Path) -> None:
    plain, rich = tmp_path / "plain.parquet", tmp_path / "rich.parquet"
    calls = Message("assistant", tool_calls=(ToolCall("1", "f", '{"x": 1}'),))
    tool = Message("tool", "r", tool_call_id="1")
    examples = (
        *chats(1),
        Example(id="t", messages=(user("q"), calls, tool, assistant("a"))),
        Example(id="i", messages=(user("q", CAT), assistant("a"))),
    )

    write(chats(1), plain, DEFAULT)
    write(examples, rich, DEFAULT)

    turn = pq.read_schema(plain).field("messages").type.value_type
    assert [field.name for field in turn] == ["role", "content"]
    _, called, pictured = pq.read_table(rich).to_pylist()
    assert called["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"x":1}'
    assert pictured["images"] == [{"bytes": b"\x89PNG", "path": None}]
    assert [getattr(task, "parts", ()) for task in read_tasks(rich)] == [(), (), (CAT,)]


def test_parquet_refuses_pictures_in_odd_places_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_text("old")
    odd = Example(id="odd", messages=(Message("user", (Text("a"), CAT)), assistant("a")))

    with pytest.raises(ValueError, match="example 'odd': Parquet needs"):
        write([odd], path, DEFAULT)

    assert path.read_text() == "old"
    assert write([odd], path, find_format("sharegpt")) == 1


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_export_that_breaks_off_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, end: str, error: type[BaseException]
) -> None:
    path = tmp_path / f"t{end}"
    path.write_text("old")

    def broken() -> Iterator[Example]:
        yield from chats(3)
        raise error

    with pytest.raises(error):
        write(broken(), path, DEFAULT)

    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "old"


@pytest.mark.parametrize("end", ENDS)
def test_a_full_disk_is_said_in_words_and_leaves_the_old_file(tmp_path: Path, end: str) -> None:
    path = tmp_path / f"t{end}"
    path.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))
    try:
        with pytest.raises(RunFolderError, match=r"What was there before is untouched\. Raise"):
            write(chats(2_000, size=100), path, DEFAULT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "old"


def test_a_folder_that_cannot_be_made_is_a_run_folder_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(RunFolderError, match="Choose a folder that can be made"):
        write(chats(1), tmp_path / "file" / "t.jsonl", DEFAULT)


def test_folders_are_made(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "README.md", "text é")

    assert (tmp_path / "a" / "b" / "README.md").read_text(encoding="utf-8") == "text é"


@pytest.mark.parametrize("name", ["t.json", "t.csv", "t", "t.gz"])
def test_other_suffixes_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"\.jsonl, \.jsonl\.gz or \.parquet"):
        write(chats(1), tmp_path / name, DEFAULT)


def test_rows_of_any_shape_are_lines(tmp_path: Path) -> None:
    path = tmp_path / "rejected.jsonl"

    number = write_rows([{"a": 1}, {"b": date(2026, 1, 2), "c": "\ud800"}, {}], path)

    assert number == 3
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"a": 1},
        {"b": "2026-01-02", "c": "?"},
        {},
    ]
    with pytest.raises(ConfigError, match="rows of any shape"):
        write_rows([], tmp_path / "t.parquet")


@pytest.mark.parametrize(("end", "most"), [(".jsonl", 2), (".jsonl.gz", 2), (".parquet", 40)])
def test_a_big_export_is_never_held(tmp_path: Path, end: str, most: int) -> None:
    """`most` megabytes of Python's memory; the export is 50 MB."""
    path = tmp_path / f"t{end}"
    write(chats(10), path, DEFAULT)  # imports are not the export's memory

    tracemalloc.start()
    try:
        assert write(chats(500, size=50_000), path, DEFAULT) == 500
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < most * 2**20
    if end == ".parquet":
        assert pq.ParquetFile(path).num_row_groups > 4
