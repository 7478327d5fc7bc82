"""Examples out: `.jsonl`, `.jsonl.gz` or `.parquet`, by suffix, in a trainer's format.

Memory is bounded by some megabytes of rows; the file appears whole or not at all (`atomic.py`); the
same examples give the same bytes.

In Parquet, which has one schema for all rows, `meta` and the arguments of tool calls are JSON text,
and pictures are `{bytes, path}`, which `datasets` reads as its `Image` once cast to it. Its columns
depend on whether any example calls tools or has pictures, so the rows are first written to a
temporary file of JSON lines in the same folder, which has no name and goes with the process.
"""

import base64
import gzip
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from understudy.data.atomic import atomic
from understudy.data.optional import needs
from understudy.data.plain import as_list, plain
from understudy.errors import ConfigError
from understudy.exports.formats import Format, row
from understudy.types import Example, Json

_ROW_GROUP = 2 * 2**20
"""Bytes of JSON that make one row group of a Parquet file: some MB in memory, fewer on disk."""
_ROWS_PER_GROUP = 10_000

_encode = msgspec.json.Encoder().encode


def write(examples: Iterable[Example], path: Path, format: Format, *, extras: bool = True) -> int:
    """The number of examples that `path` now holds; with `extras`, also what is known of each.

    Raises:
        ConfigError: the suffix is none of the three, or needs the extra `parquet`, which is missing.
        ValueError: the format cannot express an example; `path` is as it was.
        RunFolderError: the disk did not take it; `path` is as it was.
    """
    kind = _kind(path)
    rows = (row(example, format, extras=extras) for example in examples)
    if kind == ".parquet":
        return _parquet(rows, path, format, extras=extras)
    with atomic(path) as file:
        return _lines(rows, file, zipped=kind == ".gz")


def write_rows(rows: Iterable[Mapping[str, Any]], path: Path) -> int:
    """The number of rows that `path`, a `.jsonl` or `.jsonl.gz`, now holds.

    Raises:
        ConfigError: the suffix is another.
        RunFolderError: the disk did not take it; `path` is as it was.
    """
    kind = _kind(path)
    if kind == ".parquet":
        raise ConfigError(
            f"{path}: expected .jsonl or .jsonl.gz for rows of any shape, found {kind!r}."
        )
    with atomic(path) as file:
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
    for made in rows:
        file.write(_line(made))
        number += 1
    return number


def _line(made: Mapping[str, Any]) -> bytes:
    try:
        return _encode(made) + b"\n"
    except (TypeError, UnicodeError):  # a value that is not plain JSON: a date, half a character
        return _encode(plain(made)) + b"\n"


def _parquet(rows: Iterable[Json], path: Path, format: Format, *, extras: bool) -> int:
    with needs("parquet", path):
        from understudy.exports import parquet

    with atomic(path) as file, tempfile.TemporaryFile(dir=path.parent) as spool:
        seen, number = set[str](), 0
        for made in rows:
            spool.write(_line(_flat(made, seen)))
            number += 1
        spool.seek(0)
        parquet.write(_batches(spool), file, format, seen, extras=extras)
    return number


def _flat(made: Json, seen: set[str]) -> Json:
    """A row with values of the same type in every row; what optional parts it has goes to `seen`."""
    seen.update(made.keys() & {"images", "audios"})
    if "meta" in made:
        made["meta"] = _line(made["meta"]).decode().rstrip("\n")
    for name in ("messages", "prompt", "completion", "chosen", "rejected"):
        for turn in as_list(made.get(name)) or ():
            if not isinstance(turn["content"], str):
                raise ValueError(
                    f"example {made['id']!r}: Parquet needs pictures at the start of the first user "
                    "turn, and no sound; found others. Export as .jsonl, or as sharegpt."
                )
            if "tool_calls" in turn or "tool_call_id" in turn:
                seen.add("tools")
            for call in turn.get("tool_calls", ()):
                function = call["function"]
                if not isinstance(function["arguments"], str):
                    function["arguments"] = _encode(function["arguments"]).decode()
    return made


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


def _with_bytes(made: Json) -> Json:
    for name in ("images", "audios"):
        if (urls := as_list(made.get(name))) is not None:
            made[name] = [_stored(url) for url in urls]
    return made


def _stored(url: str) -> Json:
    if url.startswith("data:"):
        return {"bytes": base64.b64decode(url.partition(",")[2]), "path": None}
    return {"bytes": None, "path": url}
