"""Parquet in and out, a few megabytes at a time, with the extra `parquet`.

Imported only where there is such a file: Arrow is larger than the rest of the install together and
takes up to a second to import.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false
# (Arrow comes without types.)

from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from understudy.data.formats import Format
from understudy.errors import ConfigError

# Arrow's own allocator keeps what it once had; an export at the end of a run should not set its peak.
pa.set_memory_pool(pa.system_memory_pool())

_BATCH = 256
"""Rows read at a time."""


def columns(path: Path) -> tuple[str, ...]:
    """
    Raises:
        ConfigError: it is no Parquet file.
    """
    with _opened(path) as file:
        return tuple(file.schema_arrow.names)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file, a small batch in memory at a time."""
    with _opened(path) as file:
        try:
            for batch in file.iter_batches(batch_size=_BATCH):
                yield from batch.to_pylist()
        except (pa.ArrowException, OSError) as error:
            raise ConfigError(f"{path}: expected a sound Parquet file, found: {error}.") from error


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(
            f"{path}: expected a Parquet file, found: {error}. Make or fetch it again."
        ) from error


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
