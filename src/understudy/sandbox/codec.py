"""Values and messages as bytes between a sandbox and the process that trusts itself.

Values travel as JSON that names their types. Decoding executes nothing. Only plain data crosses:
numbers, texts, lists and the like, of exactly the built-in types. Everything else, such as a subclass
of `int` with its own `__eq__`, arrives as an `Opaque`, which equals nothing.

Both sides of the border import this file, so it needs the standard library only.
"""

import json
import struct
from collections import Counter
from collections.abc import Iterable
from typing import Any, cast

MAX_BYTES = 1_000_000
"""Of one encoded value."""
MAX_MESSAGES = 4_000_000
"""Bytes of all messages from one program."""
_MAX_DEPTH = 60
_MAX_SHOWN = 300
_MAX_COLLISIONS = 100
"""Keys of one hash. A program that chooses its keys could make a set of them quadratically slow."""


class Opaque:
    """A value that could not cross. It equals nothing, not even itself."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        self._text = text

    def __repr__(self) -> str:
        return self._text

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]  # a set could never find it again


def encode(value: object) -> Any:
    """A value of the program as JSON.

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
        # Hexadecimal: writing decimal digits takes quadratic time, and Python refuses many of them.
        return value if -(2**63) < value < 2**63 else {"int": hex(value)}
    if depth > _MAX_DEPTH:
        return _encode_opaque(value)
    if kind in _SEQUENCES:
        return {kind.__name__: [_encode(item, depth + 1) for item in value]}
    if kind is dict:
        return {"dict": [[_encode(k, depth + 1), _encode(v, depth + 1)] for k, v in value.items()]}
    if kind is bytes:
        return {"bytes": value.hex()}
    if kind is complex:
        return {"complex": [repr(value.real), repr(value.imag)]}
    return _encode_opaque(value)


_SEQUENCES = (list, tuple, set, frozenset)


def _encode_opaque(value: object) -> Any:
    return {"opaque": [type(value).__name__, show(value)]}


def show(value: object) -> str:
    """`repr(value)`, cut to a readable length. If `repr` raises, the text says so."""
    try:
        text = repr(value)
    except BaseException as error:
        text = f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
        if isinstance(error, SystemExit | KeyboardInterrupt):
            raise RuntimeError(text) from None
    text = text if type(text) is str else "<no text>"
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "..."


def decode(data: Any) -> Any:
    """The value that `encode` was given. The data may come from a hostile program.

    Raises:
        ValueError: `encode` never makes such data.
    """
    try:
        return _decode(data)
    except (TypeError, ValueError, LookupError, RecursionError, OverflowError) as error:
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
            pairs = [(_decode(k), _decode(v)) for k, v in body]
            _check_hashes(k for k, _ in pairs)
            return dict(pairs)
        case "list":
            return [_decode(item) for item in body]
        case _:
            constructors = {"tuple": tuple[Any, ...], "set": set[Any], "frozenset": frozenset[Any]}
            items = [_decode(item) for item in body]
            if kind != "tuple":
                _check_hashes(items)
            return constructors[kind](items)


def _check_hashes(keys: Iterable[object]) -> None:
    counts = Counter(map(hash, keys))
    if counts and max(counts.values()) > _MAX_COLLISIONS:
        raise TypeError(f"more than {_MAX_COLLISIONS} keys of one hash")


def encode_line(nonce: str, message: dict[str, Any]) -> bytes:
    """One message of a sandboxed process, marked with its nonce.

    Raises:
        ValueError: it is too long.
    """
    text = json.dumps(message)
    if len(text) > MAX_BYTES:
        raise ValueError(f"a value of {len(text):,} bytes, more than {MAX_BYTES:,}")
    return f"{nonce} {text}\n".encode()


def decode_lines(nonce: str, received: bytes) -> list[dict[str, Any]]:
    """The complete messages in what a process wrote. Lines without the nonce are ignored."""
    messages: list[dict[str, Any]] = []
    for line in received.split(b"\n")[:-1]:
        mark, _, body = line.partition(b" ")
        if mark != nonce.encode() or len(body) > MAX_BYTES:
            continue
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            continue
        if isinstance(message, dict):
            messages.append(cast("dict[str, Any]", message))
    return messages


def encode_frame(message: object) -> bytes:
    """One message between the pool and a worker: four bytes of length, then JSON."""
    body = json.dumps(message).encode()
    return struct.pack(">I", len(body)) + body
