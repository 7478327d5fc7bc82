"""Cells of a seed file, read for what they are likely to mean."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from understudy.data.plain import as_record, plain


def is_blank(value: object) -> bool:
    """Whether there is nothing in it: null, white space, an empty list or record."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, list | dict) and not value)


def from_json(value: object) -> Any:
    """What JSON text of a list or a record stands for; any other value as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return value
    return value


def unpacked(value: object) -> dict[str, Any]:
    """The entries of a record, or of its JSON text; none of anything else."""
    return dict(as_record(from_json(value)))


def scalar(value: object) -> str | None:
    """Text of a text, number or truth value; None for anything else."""
    if type(value) is str and value.isascii():
        return value
    value = plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def texts(value: object) -> tuple[str, ...] | None:
    """The texts of a list of scalars, or of one scalar; None for anything else."""
    values = cast("list[object]", value) if isinstance(value, list | tuple) else [value]
    found = [scalar(item) for item in values]
    return tuple(text for text in found if text is not None) if None not in found else None


def options(value: object) -> tuple[str, ...] | None:
    """The texts of the choices that a question offers; None where it is nothing of the kind."""
    if isinstance(value, Mapping):
        record = {str(key): item for key, item in cast("Mapping[object, object]", value).items()}
        if isinstance(record.get("text"), list):
            return texts(record["text"])
        letters = all(len(key) == 1 for key in record)
        return texts([record[key] for key in (sorted(record) if letters else record)])
    return texts(cast("object", value)) if isinstance(value, list | tuple) else None
