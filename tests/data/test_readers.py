"""Files of every kind, and every way in which one can be broken."""

import csv
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from seed_files import lines

from understudy.data.bad_row import BadSeed
from understudy.data.read import read_tasks
from understudy.types import Task


def test_every_kind_of_file_gives_the_same_tasks(tmp_path: Path) -> None:
    rows = [{"id": str(n), "question": f"q{n} é", "answer": f"a{n}"} for n in range(3)]
    wanted = [Task(id=str(n), prompt=f"q{n} é", reference=f"a{n}") for n in range(3)]
    jsonl = lines(tmp_path / "t.jsonl", *rows)
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(jsonl.read_bytes()))
    (tmp_path / "list.json").write_text(json.dumps(rows))
    (tmp_path / "data.json").write_text(json.dumps({"data": rows}))
    (tmp_path / "really_lines.json").write_bytes(jsonl.read_bytes())
    with (tmp_path / "t.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, ["id", "question", "answer"])
        writer.writeheader()
        writer.writerows(rows)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress((tmp_path / "t.csv").read_bytes()))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")

    assert list(read_tasks(rows)) == wanted
    for path in tmp_path.iterdir():
        assert list(read_tasks(path)) == wanted, path.name
        assert list(read_tasks(str(path))) == wanted, path.name


def test_csv_cells_hold_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'prompt,choices\r\n"a, ""b""\nc","[""x"", ""y""]"\r\n\r\nlast,\r\n')

    assert list(read_tasks(path)) == [
        Task(prompt='a, "b"\nc', choices=("x", "y")),
        Task(prompt="last", meta={"choices": ""}),
    ]


def test_a_cell_may_be_longer_than_the_csv_module_allows_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("prompt\n" + "x" * 500_000)

    (task,) = read_tasks(path)

    assert isinstance(task, Task)
    assert len(task.prompt) == 500_000


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"a,b,c", "expected 2 cells, found 3"),
        (b"a", "expected 2 cells, found 1"),
        (b"\xff,b", "expected UTF-8"),
        (b'"a"b,c', "expected cells with commas"),
    ],
)
def test_a_broken_csv_line_does_not_stop_the_rest(tmp_path: Path, line: bytes, why: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"prompt,note\none,1\n" + line + b"\nthree,3\n")

    first, broken, last = read_tasks(path)

    assert isinstance(broken, BadSeed)
    assert broken.where == "t.csv:3"
    assert why in broken.why
    assert (first, last) == (
        Task(prompt="one", meta={"note": "1"}),
        Task(prompt="three", meta={"note": "3"}),
    )


def test_a_quote_that_is_never_closed_is_said_and_not_swallowed(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('prompt\none\n"two\nthree\n')

    _, broken = read_tasks(path)

    assert isinstance(broken, BadSeed)
    assert broken.where == "t.csv:3"


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"[1]",
        b"3",
        b'{"prompt": "cut',
        b'{"prompt": "\x00"}',
        b'{"prompt": "\xff"}',
        b'{"prompt": NaN}',
        b'{"prompt": "\\ud800"}',
        b'{"prompt": "p", "x": 1e999}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"prompt": "p", "x": ' + b"[" * 500 + b"]" * 500 + b"}",
        b"\x00",
        b"x" * 10_000_000,
        b'{"prompt": ""}',
        b"{}",
    ],
    ids=range(16),
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_hostile_line_does_not_stop_the_rest(tmp_path: Path, line: bytes, end: bytes) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(end.join([b'{"prompt": "one"}', b"", line, b'{"prompt": "three"}']))

    first, broken, last = read_tasks(path)

    assert isinstance(broken, BadSeed)
    assert broken.where == "t.jsonl:3"
    assert len(broken.why) < 500
    assert (first, last) == (Task(prompt="one"), Task(prompt="three"))


def test_a_long_line_is_read_and_of_two_equal_keys_the_last_counts(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('\ufeff{"prompt": "a", "prompt": "' + "b" * 10_000_000 + '"}')

    assert list(read_tasks(path)) == [Task(prompt="b" * 10_000_000)]


def test_a_gzip_file_that_is_cut_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    rows = b"".join(b'{"prompt": "%d"}\n' % n for n in range(5_000))
    path = tmp_path / "t.jsonl.gz"
    path.write_bytes(gzip.compress(rows)[:-2_000])

    *tasks, last = read_tasks(path)

    assert len(tasks) > 1_000
    assert isinstance(last, BadSeed)
    assert "cut" in last.why


def test_a_picture_that_is_missing_is_a_bad_seed_with_its_line(tmp_path: Path) -> None:
    path = lines(tmp_path / "t.jsonl", {"prompt": "p", "image": "no.png"}, {"prompt": "q"})

    broken, fine = read_tasks(path)

    assert isinstance(broken, BadSeed)
    assert broken.where == "t.jsonl:1"
    assert fine == Task(prompt="q")
