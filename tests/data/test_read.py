"""Seeds in: what is refused at once, what is bounded, and what reads back."""

import gzip
import string
import tracemalloc
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seed_files import lines

from understudy.data.bad_row import BadSeed
from understudy.data.read import read_tasks
from understudy.errors import ConfigError
from understudy.types import Task


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("t.jsonl", b"", "expected tasks, found nothing"),
        ("t.jsonl", b"\n \r\n", "expected tasks, found nothing"),
        ("t.csv", b"", "expected a first line"),
        ("t.csv", b"prompt\n", "expected tasks, found nothing"),
        ("t.csv", b"a,a\n1,2", "expected each column once"),
        ("t.json", b"[]", "expected tasks, found nothing"),
        ("t.json", b"{", "one object a line is named .jsonl"),
        ("t.json", b'{"a": 1}', "expected a list of tasks"),
        ("t.parquet", b"PAR1 but not really", "expected a Parquet file"),
        ("t.jsonl.gz", b"not gzip", "expected a whole gzip file"),
        ("t.json.gz", b"not gzip", "expected a whole gzip file"),
        ("t.txt", b"x", "found '.txt'"),
        ("t", b"x", "found ''"),
    ],
)
def test_a_file_that_cannot_be_seeds_is_refused_at_once(
    tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ConfigError, match=why.replace(".", r"\.")):
        read_tasks(tmp_path / name)


def test_a_missing_file_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "tasks.jsonl").touch()

    with pytest.raises(ConfigError, match=r"did you mean 'tasks\.jsonl'"):
        read_tasks(tmp_path / "task.jsonl")
    with pytest.raises(ConfigError, match="expected a file, found none"):
        read_tasks(tmp_path / "no" / "such.jsonl")
    with pytest.raises(ConfigError, match="found a folder"):
        read_tasks(tmp_path)


@pytest.mark.parametrize("name", ["t.jsonl", "t.csv", "t.parquet"])
def test_a_mapped_column_that_is_not_there_is_refused_with_the_nearest_name(
    tmp_path: Path, name: str
) -> None:
    rows = [{"question": "q", "answer": "a"}]
    lines(tmp_path / "t.jsonl", *rows)
    (tmp_path / "t.csv").write_text("question,answer\nq,a\n")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")

    with pytest.raises(ConfigError, match="did you mean 'question'"):
        read_tasks(tmp_path / name, {"prompt": "qestion"})


def test_a_mapped_column_may_be_missing_in_some_rows(tmp_path: Path) -> None:
    path = lines(tmp_path / "t.jsonl", {"q": "1"}, {"q": "2", "gold": "x"})

    first, second = read_tasks(path, {"prompt": "q", "reference": "gold"})

    assert (first, second) == (Task(prompt="1"), Task(prompt="2", reference="x"))


def test_a_mapping_of_a_field_that_tasks_lack_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'reference'"):
        read_tasks([{"q": "1"}], {"referense": "q"})


def test_an_unknown_builtin_set_is_refused() -> None:
    with pytest.raises(ConfigError, match="builtin:no_such_set"):
        read_tasks("builtin:no_such_set")


def test_the_hub_needs_its_extra_and_a_name() -> None:
    with pytest.raises(ConfigError, match="expected hf:org/name"):
        read_tasks("hf:a b")
    try:
        import datasets  # noqa: F401  # type: ignore[import-not-found]  # an optional extra
    except ImportError:
        with pytest.raises(ConfigError, match=r"pip install 'understudy\[hub\]'"):
            read_tasks("hf:org/name:train")


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz", "t.csv"])
def test_a_big_file_is_never_held(tmp_path: Path, name: str) -> None:
    path, number = tmp_path / name, 500
    opened = gzip.open if name.endswith(".gz") else open
    with opened(path, "wb") as file:
        if name == "t.csv":
            file.write(b"prompt\n")
        for n in range(number):  # 50 MB
            text = b"%06d" % n + b"x" * 100_000
            file.write((text if name == "t.csv" else b'{"prompt": "%b"}' % text) + b"\n")

    tracemalloc.start()
    try:
        assert sum(isinstance(task, Task) for task in read_tasks(path)) == number
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4 * 2**20


def test_a_big_parquet_file_is_read_in_batches(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    schema = pa.schema([("prompt", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for group in range(50):
            texts = [f"{group:03}{n:03}" + "x" * 10_000 for n in range(100)]
            writer.write_table(pa.table({"prompt": texts}, schema=schema))

    before = pa.total_allocated_bytes()
    number = most = 0
    for _ in read_tasks(path):
        number += 1
        most = max(most, pa.total_allocated_bytes() - before)

    assert number == 5_000
    assert most < 12 * 2**20


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
COLUMNS = (
    *("prompt", "messages", "instruction", "input", "history", "meta", "choices", "answer"),
    *("tests", "image", "system", "id", "completion"),
)
NAME = st.text(string.ascii_lowercase, min_size=1, max_size=6).map(lambda name: f"x_{name}")


@settings(max_examples=60, deadline=None)
@given(
    prompt=TEXT.filter(str.strip),
    reference=st.none() | TEXT.filter(str.strip),
    rest=st.dictionaries(NAME, JSON, max_size=3),
)
def test_any_json_row_reads_back_as_its_task(
    tmp_path_factory: pytest.TempPathFactory,
    prompt: str,
    reference: str | None,
    rest: dict[str, Any],
) -> None:
    row = {"prompt": prompt, **({"reference": reference} if reference else {}), **rest}
    path = lines(tmp_path_factory.mktemp("t") / "t.jsonl", row)

    assert list(read_tasks(path)) == [Task(prompt=prompt, reference=reference, meta=rest)]


@given(
    st.dictionaries(
        st.sampled_from(["id", "question", "text", "answer", "label", "x"]),
        TEXT | st.integers() | st.none() | st.just(" "),
    )
)
def test_rows_that_are_read_the_quick_way_give_the_same_task(row: dict[str, Any]) -> None:
    (quick,) = read_tasks([row])
    (slow,) = read_tasks([{**row, "system": None}])

    if isinstance(quick, Task):
        assert slow == msgspec.structs.replace(quick, meta={**quick.meta, "system": None})
    else:
        assert isinstance(slow, BadSeed)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=5))
def test_no_bytes_make_reading_fail_but_with_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, rows: list[bytes]
) -> None:
    for name in ("t.jsonl", "t.csv", "t.json"):
        path = tmp_path_factory.mktemp("t") / name
        path.write_bytes(b"\n".join([b"prompt" if name == "t.csv" else b"", *rows]))
        try:
            for task in read_tasks(path):
                assert isinstance(task, Task | BadSeed)
        except ConfigError:
            pass


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(COLUMNS), JSON, max_size=6))
def test_no_row_makes_reading_fail(row: dict[str, Any]) -> None:
    (task,) = read_tasks([row])

    assert isinstance(task, Task | BadSeed)
