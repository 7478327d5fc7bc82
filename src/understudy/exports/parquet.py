"""Rows as Parquet, a batch at a time, with the extra `parquet`.

Imported only where such a file is written: Arrow is larger than the rest of the install together.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false
# (Arrow comes without types.)

from collections.abc import Iterable, Mapping, Set
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from understudy.exports.formats import Format

# Arrow's own allocator keeps what it once had; an export at the end of a run should not set its peak.
pa.set_memory_pool(pa.system_memory_pool())


def write(
    batches: Iterable[list[Mapping[str, Any]]],
    file: IO[bytes],
    format: Format,
    optional: Set[str],
    *,
    extras: bool,
) -> None:
    """One row group for each batch; `optional` says which of `tools`, `images` and `audios` occur."""
    schema = _schema(format, optional, extras=extras)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))


def _schema(format: Format, optional: Set[str], *, extras: bool) -> pa.Schema:
    """The columns of a format.

    Trainers take the mere presence of a column `images`, and chat templates that of a key
    `tool_calls`, for its use: what no row has is left out.
    """
    text = pa.string()
    call = pa.struct([("name", text), ("arguments", text)])
    calls = pa.list_(pa.struct([("id", text), ("type", text), ("function", call)]))
    tools = [("tool_calls", calls), ("tool_call_id", text), ("name", text)]
    turn = pa.struct([("role", text), ("content", text), *(tools if "tools" in optional else ())])
    spoken = pa.struct([("from", text), ("value", text)])
    columns: dict[Format, list[tuple[str, pa.DataType]]] = {
        "messages": [("messages", pa.list_(turn))],
        "prompt-completion": [("prompt", pa.list_(turn)), ("completion", pa.list_(turn))],
        "preference": [(name, pa.list_(turn)) for name in ("prompt", "chosen", "rejected")],
        "alpaca": [
            *((name, text) for name in ("instruction", "input", "output", "system")),
            ("history", pa.list_(pa.list_(text))),
        ],
        "sharegpt": [("conversations", pa.list_(spoken))],
    }
    media = pa.list_(pa.struct([("bytes", pa.binary()), ("path", text)]))
    return pa.schema(
        [
            ("id", text),
            *columns[format],
            *((name, media) for name in ("images", "audios") if name in optional),
            *([("meta", text)] if extras else ()),
        ]
    )
