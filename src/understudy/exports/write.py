"""Examples out: `.jsonl`, `.jsonl.gz` or `.parquet`, by suffix, in a trainer's format.

At most some megabytes of rows are in memory. The file appears whole or not at all (`atomic.py`). The
same examples give the same bytes.

Parquet has one schema for all rows. In it, `meta` and the arguments of tool calls are JSON text, and
pictures are `{bytes, path}`, which `datasets` reads as its `Image` once cast to it. Its columns
depend on whether any example calls tools or has pictures. So the rows are first written to a
temporary file of JSON lines in the same folder, which has no name and goes with the process.
"""

import base64
import gzip
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from understudy.data.atomic import open_atomic
from understudy.data.optional import require
from understudy.data.plain import as_list
from understudy.errors import ConfigError
from understudy.exports.columns import Column, Misfit, encode_line, fit
from understudy.exports.formats import Format, encode
from understudy.types import Example, Json

_ROW_GROUP = 2 * 2**20
"""Bytes of JSON that make one row group of a Parquet file: some MB in memory, fewer on disk."""
_ROWS_PER_GROUP = 10_000

_MEDIA: dict[str, Column] = {"images?": ["media"], "audios?": ["media"]}


def write(examples: Iterable[Example], path: Path, format: Format, *, extras: bool = True) -> int:
    """Write examples as rows of a format; with `extras`, also what is known of each. Returns the number
    of rows that `path` now holds.

    Raises:
        ConfigError: the suffix is none of the three, or needs the extra `parquet`, which is missing.
        ValueError: the format cannot express an example; `path` is as it was.
        RunFolderError: the disk did not take it; `path` is as it was.
    """
    kind = _kind(path)
    rows = (row for example in examples for row in encode(example, format, extras=extras))
    if kind == ".parquet":
        return _parquet(rows, path, format, extras=extras)
    with open_atomic(path) as file:
        return _lines(rows, file, zipped=kind == ".gz")


def write_rows(rows: Iterable[Mapping[str, Any]], path: Path) -> int:
    """Write rows of any shape to a `.jsonl` or `.jsonl.gz`. Returns their number.

    Raises:
        ConfigError: the suffix is another.
        RunFolderError: the disk did not take it; `path` is as it was.
    """
    kind = _kind(path)
    if kind == ".parquet":
        raise ConfigError(
            f"{path}: expected .jsonl or .jsonl.gz for rows of any shape, found {kind!r}."
        )
    with open_atomic(path) as file:
        return _lines(rows, file, zipped=kind == ".gz")


def _kind(path: Path) -> str:
    name = path.name.lower()
    if name.endswith((".jsonl", ".jsonl.gz", ".parquet")):
        return Path(name).suffix
    raise ConfigError(
        f"{path}: expected a name that ends in .jsonl, .jsonl.gz or .parquet, found {path.name!r}."
    )


def _lines(rows: Iterable[Mapping[str, Any]], file: IO[bytes], *, zipped: bool) -> int:
    if zipped:
        # No name and no time in the head, so that the same rows give the same bytes.
        with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
            return _lines(rows, cast("IO[bytes]", packed), zipped=False)
    number = 0
    for row in rows:
        file.write(encode_line(row) + b"\n")
        number += 1
    return number


def _parquet(rows: Iterable[Json], path: Path, format: Format, *, extras: bool) -> int:
    with require("parquet", path):
        from understudy.exports import parquet

    columns: dict[str, Column] = {"id": "text", **format.arrow, **_MEDIA}
    if extras:
        columns["meta"] = "json"
    with open_atomic(path) as file, tempfile.TemporaryFile(dir=path.parent) as spool:
        present, number = set[str](), 0
        for row in rows:
            spool.write(encode_line(_fit(row, columns, present)) + b"\n")
            number += 1
        spool.seek(0)
        parquet.write(_batches(spool), file, columns, present)
    return number


def _fit(row: Json, columns: Mapping[str, Column], present: set[str]) -> Json:
    try:
        return fit(row, columns, present)
    except Misfit as misfit:
        raise ValueError(f"example {row['id']!r}: {misfit}") from None


def _batches(spool: IO[bytes]) -> Iterator[list[Mapping[str, Any]]]:
    batch, size = list[Mapping[str, Any]](), 0
    for line in spool:
        batch.append(_with_bytes(msgspec.json.decode(line)))
        size += len(line)
        if size >= _ROW_GROUP or len(batch) >= _ROWS_PER_GROUP:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _with_bytes(row: Json) -> Json:
    for name in ("images", "audios"):
        if (urls := as_list(row.get(name))) is not None:
            row[name] = [_decode_url(url) for url in urls]
    return row


def _decode_url(url: str) -> Json:
    if url.startswith("data:"):
        return {"bytes": base64.b64decode(url.partition(",")[2]), "path": None}
    return {"bytes": None, "path": url}
