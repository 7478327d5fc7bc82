"""The types of a format's columns, as plain data, and the check that a row has them.

JSON Lines need no types. Parquet has one schema for all rows of a file; `parquet.py` makes it from
these. Nothing here needs Arrow, which comes with an extra.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, cast

import msgspec

from understudy.data.bad_row import preview
from understudy.data.plain import to_plain
from understudy.types import Json

Leaf: TypeAlias = Literal["text", "integer", "number", "boolean", "json", "media"]
"""A single value. `json` is a value of any shape, which Parquet holds as JSON text; `media` is a
picture or sound, as an `http(s)` or `data:` URL, which Parquet holds as bytes or a path."""

Column: TypeAlias = "Leaf | list[Column] | dict[str, Column]"
"""A leaf, a list of one type, or a record. A field whose name ends in `?` may be missing, and is left
out of a file in which no row has it: trainers take the mere presence of a column `images`, and chat
templates that of a key `tool_calls`, for its use."""

_CLASSES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "media": (str,),
}
_encode = msgspec.json.Encoder().encode


class Misfit(Exception):
    """A value does not have its column's type; the message says which and what to do."""


def fit(row: Json, columns: Mapping[str, Column], present: set[str]) -> Json:
    """The row with each `json` value as text. The names of optional fields that it has go to
    `present`.

    Raises:
        Misfit: a value is not of its column's type, or has no column.
    """
    return _fit(row, dict(columns), present, "row")


def encode_line(value: object) -> bytes:
    """A value as JSON. Of what JSON has no form for (a date, half a character) `plain` makes one."""
    try:
        return _encode(value)
    except (TypeError, UnicodeError):
        return _encode(to_plain(value))


def _fit(value: Any, column: Column, present: set[str], name: str) -> Any:
    if isinstance(column, str):
        if column == "json":
            return value if type(value) is str else encode_line(value).decode()
        if value is None or type(value) in _CLASSES[column]:
            return value
    elif isinstance(column, list):
        if isinstance(value, list):
            items = cast("list[Any]", value)
            return [_fit(item, column[0], present, name) for item in items]
    elif isinstance(value, dict):
        return _fit_record(cast("Json", value), column, present)
    raise Misfit(_explain(name, value))


def _fit_record(record: Json, column: dict[str, Column], present: set[str]) -> Json:
    fields = Json()
    for name, value in record.items():
        kind = column.get(name)
        if kind is None:
            optional = f"{name}?"
            kind = column.get(optional)
            if kind is None:
                names = ", ".join(field.rstrip("?") for field in column)
                raise Misfit(f"expected the fields {names}, found {name!r}. Correct the format.")
            present.add(optional)
        fields[name] = _fit(value, kind, present, name)
    return fields


def _explain(name: str, value: object) -> str:
    if name == "content":
        return (
            "Parquet needs pictures at the start of the first user turn, and no sound; found others. "
            "Export as .jsonl, or as sharegpt."
        )
    return (
        f"expected {name!r} to have the type that the format's `arrow` says, found {preview(value)}. "
        "Correct the format."
    )
