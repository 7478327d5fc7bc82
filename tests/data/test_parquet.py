"""Rows of a Parquet file."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from understudy.data.parquet import read_columns, read_rows
from understudy.errors import ConfigError


def test_columns_and_rows_are_read_in_order(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    rows = [{"a": i, "b": {"c": [i]}} for i in range(600)]
    pq.write_table(pa.Table.from_pylist(rows), path)

    assert read_columns(path) == ("a", "b")
    assert list(read_rows(path)) == rows


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_text('{"a": 1}')

    with pytest.raises(
        ConfigError, match=r"expected a Parquet file, found: .* Make or fetch it again"
    ):
        read_columns(path)
