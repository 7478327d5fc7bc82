"""Seeds in: files of many shapes read as tasks, one by one.

`.jsonl`, `.json` (a list, or an object whose `data` is one), `.csv` (these also with `.gz`) and
`.parquet`, in UTF-8 with or without a byte order mark; `hf:org/name[/config][:split]` from the hub;
`builtin:NAME` from the package; or rows in memory. `columns.py` says which column becomes what. One
row or one small batch of rows is in memory at a time, except for `.json`, which is read whole. If a
JSON object has a key twice, the last value counts. Lines end in LF or CR LF.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

from understudy.data.bad_row import BadSeed
from understudy.data.columns import NAMES, Reader, look_up
from understudy.data.hub import from_hub
from understudy.data.readers import Raw, Source, find_builtin, from_file, from_rows
from understudy.errors import ConfigError, nearest
from understudy.types import Task

__all__ = ["BadSeed", "read_tasks"]

_NONE: Mapping[str, str] = MappingProxyType({})
_LOOKED_AT = 100
"""Rows among the first that a column of the mapping must occur in, if the format lists no columns."""


def read_tasks(
    source: str | Path | Sequence[Mapping[str, Any]], columns: Mapping[str, str] = _NONE
) -> Iterator[Task | BadSeed]:
    """The tasks of a file. A row that is not a task comes as a `BadSeed` in its place.

    `columns` says which column holds a field of a task, if the column does not have a usual name
    (`{"prompt": "body", "reference": "gold.text", "meta.topic": "subject"}`). A dotted name is a path
    into nested records.

    Raises:
        ConfigError: at once, if the file is missing, unreadable, empty or of no known kind, or
            lacks a column that `columns` names.
    """
    rows = _open_source(source)
    _check(rows, columns)
    return _read_tasks(rows, columns)


def estimate_count(source: str | Path | Sequence[Mapping[str, Any]]) -> int | None:
    """About how many tasks there will be, for progress displays. None if that would take reading the
    source."""
    if not isinstance(source, str | Path):
        return len(source)
    path = Path(source)
    if path.suffix.lower() not in (".jsonl", ".ndjson") or not path.is_file():
        return None
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(2**20), b""))


def _open_source(source: str | Path | Sequence[Mapping[str, Any]]) -> Source:
    if isinstance(source, Path):
        return from_file(source.expanduser())
    if not isinstance(source, str):
        return from_rows(source)
    kind, _, name = source.partition(":")
    if kind == "builtin":
        return from_file(find_builtin(name))
    if kind == "hf":
        return from_hub(name)
    return from_file(Path(source).expanduser())


def _check(source: Source, columns: Mapping[str, str]) -> None:
    for field in columns:
        if field not in NAMES and not field.removeprefix("meta."):
            raise ConfigError(f"columns: expected a name after 'meta.', found {field!r}.")
        if field not in NAMES and not field.startswith("meta."):
            fields = [*NAMES, "meta.NAME"]
            raise ConfigError(
                f"columns: expected a field of a task, found {field!r}{nearest(field, fields)}"
            )
    rows = list[Mapping[str, Any]]()
    first = next(source.rows(), None)
    if first is None:
        raise ConfigError(f"{source.name}: expected tasks, found nothing. Is it the right file?")
    missing = dict(columns)
    if source.columns is not None:
        rows = [dict.fromkeys(source.columns)]
        missing = {f: c for f, c in columns.items() if c.partition(".")[0] not in source.columns}
        missing = {f: c for f, c in missing.items() if c not in source.columns}
    elif columns:
        for raw in islice(source.rows(), _LOOKED_AT):
            if isinstance(raw, Raw):
                rows = [raw.row]
                missing = {f: c for f, c in missing.items() if not _has(raw.row, c)}
                if not missing:
                    break
    if missing and rows:
        field, column = next(iter(missing.items()))
        names = [str(name) for name in rows[0]]
        raise ConfigError(
            f"{source.name}: expected a column {column!r} for {field!r}, found none"
            f"{nearest(column, names)}"
        )


def _has(row: Mapping[str, Any], column: str) -> bool:
    return column in row or look_up(row, column)[1] is not None


def _read_tasks(source: Source, columns: Mapping[str, str]) -> Iterator[Task | BadSeed]:
    reader = Reader(columns, source.folder)
    for raw in source.rows():
        if isinstance(raw, BadSeed):
            yield raw
            continue
        try:
            yield reader.read(raw.row)
        except ValueError as error:
            yield BadSeed(raw.where, str(error))
