"""Rows of a Parquet file, a small batch at a time. Needs the extra `parquet`.

Imported only when there is such a file: Arrow is larger than the rest of the install together and
takes up to a second to import.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false
# (Arrow comes without types.)

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from understudy.errors import ConfigError

# Arrow's own allocator does not give memory back.
pa.set_memory_pool(pa.system_memory_pool())

_BATCH = 256
"""Rows read at a time."""


def read_columns(path: Path) -> tuple[str, ...]:
    """The names of its columns.

    Raises:
        ConfigError: it is not a Parquet file.
    """
    with _open(path) as file:
        return tuple(file.schema_arrow.names)


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file, a small batch in memory at a time."""
    with _open(path) as file:
        try:
            for batch in file.iter_batches(batch_size=_BATCH):
                yield from batch.to_pylist()
        except (pa.ArrowException, OSError) as error:
            raise ConfigError(f"{path}: expected a sound Parquet file, found: {error}.") from error


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(
            f"{path}: expected a Parquet file, found: {error}. Make or fetch it again."
        ) from error
