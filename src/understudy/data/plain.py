"""Values of Python, Arrow and numpy, converted to those of JSON.

Dates and times become ISO text, time spans seconds, and decimals exact text. Bytes become text if
they are UTF-8, otherwise base64. NaN and infinities become null, sets and tuples lists, keys text, and
halves of surrogate pairs, which UTF-8 cannot hold, question marks.
"""

import base64
import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, cast
from uuid import UUID

_DEEPEST = 100
"""Most levels of nesting. More are an attack or an accident, and would be a RecursionError later."""


def to_plain(value: object, depth: int = 0) -> Any:
    """The same value in JSON's types.

    Raises:
        ValueError: it is nested too deeply, or JSON has no form for its type.
    """
    if value is None or isinstance(value, bool | int):
        # Encoders refuse subclasses such as IntEnum.
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth >= _DEEPEST:
        raise ValueError(f"expected at most {_DEEPEST} levels of nesting, found more")
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {_key(key): to_plain(item, depth + 1) for key, item in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item, depth + 1) for item in cast("Iterable[object]", value)]
    return _foreign(value, depth)


def _text(value: str) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if value.isascii():
        return value if type(value) is str else str(value)
    return value.encode(errors="replace").decode()


def _key(key: object) -> str:
    return _text(key) if isinstance(key, str) else str(key)


def _foreign(value: object, depth: int) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _bytes(bytes(cast("bytes", value)))
    if isinstance(value, Enum):
        return to_plain(value.value, depth + 1)
    to_list = getattr(value, "tolist", None)  # numpy's scalars and arrays, without numpy
    if callable(to_list):
        return to_plain(to_list(), depth + 1)
    raise ValueError(f"expected values that JSON has a form for, found a {type(value).__name__}")


def _bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def as_record(value: object) -> Mapping[str, Any]:
    """The value if it is a record, otherwise an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def as_list(value: object) -> list[Any] | None:
    """The value if it is a list, otherwise None."""
    return cast("list[Any]", value) if isinstance(value, list) else None
