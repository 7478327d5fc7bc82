"""Declared columns as the schema of a Parquet file."""

import io
from collections.abc import Set

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from understudy.exports import parquet
from understudy.exports.columns import Column

COLUMNS: dict[str, Column] = {
    "id": "text",
    "turns": [{"role": "text", "calls?": [{"name": "text", "arguments": "json"}]}],
    "n": "integer",
    "share": "number",
    "right": "boolean",
    "images?": ["media"],
}


def schema(present: Set[str]) -> pa.Schema:
    file = io.BytesIO()
    parquet.write([], file, COLUMNS, present)
    return pq.read_schema(file)


def test_every_kind_of_column_has_its_arrow_type() -> None:
    full = schema({"calls?", "images?"})

    assert [str(field.type) for field in full] == [
        "string",
        "list<element: struct<role: string, "
        "calls: list<element: struct<name: string, arguments: string>>>>",
        "int64",
        "double",
        "bool",
        "list<element: struct<bytes: binary, path: string>>",
    ]


def test_optional_fields_that_no_row_has_are_left_out() -> None:
    lean = schema(set())

    assert lean.names == ["id", "turns", "n", "share", "right"]
    assert [field.name for field in lean.field("turns").type.value_type] == ["role"]


@pytest.mark.parametrize("batches", [1, 3])
def test_each_batch_is_a_row_group(batches: int) -> None:
    file = io.BytesIO()
    row = {"id": "a", "turns": [{"role": "user"}], "n": 1, "share": 0.5, "right": True}

    parquet.write([[row, row]] * batches, file, COLUMNS, set())

    assert pq.ParquetFile(file).num_row_groups == batches
    assert pq.read_table(file).to_pylist() == [row] * 2 * batches
