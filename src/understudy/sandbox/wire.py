"""How values leave a sandbox: as JSON that says their types, decoded without running anything.

Only plain data crosses: numbers, texts, lists and their like, of exactly the built-in types. Anything
else, a subclass of `int` with its own `__eq__` included, arrives as `Opaque`, which equals nothing.
Standard library only: both sides of the border import this file.
"""

import json
import struct
from typing import Any, cast

MOST_BYTES = 1_000_000
"""Of one encoded value."""
_DEPTH = 60
_SHOWN = 300


class Opaque:
    """A value that could not cross; equal to nothing, itself included."""

    def __init__(self, kind: str, shown: str) -> None:
        self.kind = kind
        self._shown = shown

    def __repr__(self) -> str:
        return self._shown

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]  # what equals nothing has no place in a set


def encode(value: object) -> Any:
    """JSON for a value of the program's.

    Raises:
        ValueError: it is too large.
    """
    return _encode(value, 0)


def _encode(value: Any, depth: int) -> Any:
    kind = cast("type[object]", type(value))
    if value is None or kind is bool or kind is str:
        return value
    if kind is float:
        return {"float": repr(value)}
    if kind is int:
        # Decimal digits take quadratic time, and Python refuses many of them.
        return value if -(2**63) < value < 2**63 else {"int": hex(value)}
    if depth > _DEPTH:
        return _opaque(value)
    if kind in _SEQUENCES:
        return {kind.__name__: [_encode(item, depth + 1) for item in value]}
    if kind is dict:
        return {"dict": [[_encode(k, depth + 1), _encode(v, depth + 1)] for k, v in value.items()]}
    if kind is bytes:
        return {"bytes": value.hex()}
    if kind is complex:
        return {"complex": [repr(value.real), repr(value.imag)]}
    return _opaque(value)


_SEQUENCES = (list, tuple, set, frozenset)


def _opaque(value: object) -> Any:
    return {"opaque": [type(value).__name__, show(value)]}


def show(value: object) -> str:
    """`repr`, cut; what the program's own `__repr__` raises is told instead."""
    try:
        text = repr(value)
    except BaseException as error:
        text = f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
        if isinstance(error, SystemExit | KeyboardInterrupt):
            raise RuntimeError(text) from None
    text = text if type(text) is str else "<no text>"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def decode(data: Any) -> Any:
    """The value of what `encode` made, or of whatever a hostile program sent instead.

    Raises:
        ValueError: it is nothing that `encode` makes.
    """
    try:
        return _decode(data)
    except (TypeError, KeyError, IndexError, RecursionError, OverflowError) as error:
        raise ValueError(f"not an encoded value: {error}") from None


def _decode(data: Any) -> Any:
    if data is None or isinstance(data, bool | str | int):
        return data
    if not isinstance(data, dict) or len(cast("dict[str, Any]", data)) != 1:
        raise TypeError("no pair of type and value")
    ((kind, body),) = cast("dict[str, Any]", data).items()
    match kind:
        case "float":
            return float(body)
        case "int":
            return int(body, 16)
        case "bytes":
            return bytes.fromhex(body)
        case "complex":
            return complex(float(body[0]), float(body[1]))
        case "opaque":
            return Opaque(str(body[0]), str(body[1]))
        case "dict":
            return {_decode(k): _decode(v) for k, v in body}
        case "list":
            return [_decode(item) for item in body]
        case _:
            makers = {"tuple": tuple[Any, ...], "set": set[Any], "frozenset": frozenset[Any]}
            return makers[kind](_decode(item) for item in body)


def line(nonce: str, message: dict[str, Any]) -> bytes:
    """One message on a pipe.

    Raises:
        ValueError: it is too long.
    """
    text = json.dumps(message)
    if len(text) > MOST_BYTES:
        raise ValueError(f"a value of {len(text):,} bytes, more than {MOST_BYTES:,}")
    return f"{nonce} {text}\n".encode()


def frame(message: object) -> bytes:
    """One message between pool and worker: its length in four bytes, then JSON."""
    body = json.dumps(message).encode()
    return struct.pack(">I", len(body)) + body


def lines(nonce: str, received: bytes) -> list[dict[str, Any]]:
    """The whole messages of a pipe; whatever does not bear the nonce is noise."""
    found: list[dict[str, Any]] = []
    for text in received.split(b"\n")[:-1]:
        mark, _, body = text.partition(b" ")
        if mark != nonce.encode() or len(body) > MOST_BYTES:
            continue
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            continue
        if isinstance(message, dict):
            found.append(cast("dict[str, Any]", message))
    return found
