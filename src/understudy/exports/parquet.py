"""Rows as Parquet, a batch at a time. Needs the extra `parquet`.

Imported only when such a file is written: Arrow is larger than the rest of the install together.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false
# (Arrow comes without types.)

from collections.abc import Iterable, Mapping, Set
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from understudy.exports.columns import Column

# Arrow's own allocator does not give memory back; an export should not set the peak of a run.
pa.set_memory_pool(pa.system_memory_pool())

_LEAVES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "media": pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
}


def write(
    batches: Iterable[list[Mapping[str, Any]]],
    file: IO[bytes],
    columns: Mapping[str, Column],
    present: Set[str],
) -> None:
    """One row group for each batch. `present` names the optional fields that occur."""
    schema = pa.schema(_fields(columns, present))
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))


def _fields(columns: Mapping[str, Column], present: Set[str]) -> list[tuple[str, pa.DataType]]:
    return [
        (name.rstrip("?"), _type(column, present))
        for name, column in columns.items()
        if not name.endswith("?") or name in present
    ]


def _type(column: Column, present: Set[str]) -> pa.DataType:
    if isinstance(column, str):
        return _LEAVES[column]
    if isinstance(column, list):
        return pa.list_(_type(column[0], present))
    return pa.struct(_fields(column, present))
