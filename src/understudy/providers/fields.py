"""Reading fields of untrusted JSON: each is read as the type it should have, or as nothing."""

from typing import Any, cast

from understudy.types import Json, Usage

MOST_TOKENS = 1_000_000_000
"""A count above this is treated as absent."""


def as_object(value: object) -> Json:
    """A JSON object as it is; anything else as an empty one."""
    return cast("Json", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """An array as it is; anything else as an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_objects(value: object) -> list[Json]:
    """The items of an array, each as an object."""
    return [as_object(item) for item in as_list(value)]


def as_text(value: object) -> str:
    """A string as it is; anything else as an empty one."""
    return value if isinstance(value, str) else ""


def name_kind(value: object) -> str:
    """What kind of JSON a value is, without the value: a server may echo the key in it."""
    if value is None:
        return "null"
    kinds: dict[type, str] = {dict: "object", list: "array", str: "string", bool: "boolean"}
    return kinds.get(type(value), "number")


def read_count(node: Json, *names: str) -> int:
    """The first of the fields that is there and not zero; 0 where none is.

    Raises:
        ValueError: it is no count of tokens.
    """
    for name in names:
        value = node.get(name)
        if value is None:
            continue
        if type(value) not in (int, float) or not 0 <= value <= MOST_TOKENS:
            raise ValueError(f"expected a count of tokens as {name}")
        if count := int(value):
            return count
    return 0


def check_usage(usage: Usage | None) -> Usage | None:
    """The counts of tokens, or None where they cannot be, or are all zero: what a call costs must
    not rest on them."""
    if usage is None:
        return None
    counts = (usage.tokens_in, usage.tokens_out, usage.cached, usage.reasoning)
    sound = all(type(count) is int and 0 <= count <= 2 * MOST_TOKENS for count in counts)
    return usage if sound and (usage.tokens_in or usage.tokens_out) else None


def read_share(node: Json, *names: str) -> int:
    """A part of another count, e.g. of the cached tokens; 0 where it cannot be."""
    try:
        return read_count(node, *names)
    except ValueError:
        return 0
