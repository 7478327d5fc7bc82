"""Cells of a seed file, read as what they most likely mean."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from understudy.data.plain import as_record, to_plain


def is_blank(value: object) -> bool:
    """Whether it is empty: null, white space, an empty list or record."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, list | dict) and not value)


def parse_json(value: object) -> Any:
    """The value of JSON text of a list or record; any other value as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return value
    return value


def parse_record(value: object) -> dict[str, Any]:
    """The entries of a record, or of its JSON text; none if it is anything else."""
    return dict(as_record(parse_json(value)))


def read_scalar(value: object) -> str | None:
    """Text of a text, number or truth value; None for anything else."""
    if type(value) is str and value.isascii():
        return value
    value = to_plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def read_texts(value: object) -> tuple[str, ...] | None:
    """The texts of a list of scalars, or of one scalar; None for anything else."""
    values = cast("list[object]", value) if isinstance(value, list | tuple) else [value]
    items = [read_scalar(item) for item in values]
    return tuple(text for text in items if text is not None) if None not in items else None


def read_options(value: object) -> tuple[str, ...] | None:
    """The texts of a question's choices; None if the value is not a list of choices."""
    if isinstance(value, Mapping):
        record = {str(key): item for key, item in cast("Mapping[object, object]", value).items()}
        if isinstance(record.get("text"), list):
            return read_texts(record["text"])
        letters = all(len(key) == 1 for key in record)
        return read_texts([record[key] for key in (sorted(record) if letters else record)])
    return read_texts(cast("object", value)) if isinstance(value, list | tuple) else None
