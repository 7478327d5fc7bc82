"""Embeddings: texts in, one vector each."""

import math
from collections.abc import Sequence

from understudy.providers.dialect import Embeddings, EmbeddingWire
from understudy.providers.fields import as_list, as_object, check_usage, name_kind, read_count
from understudy.types import Json, Usage

MOST_DIMENSIONS = 65_536
"""Numbers that a vector may have."""


def encode(model: str, texts: Sequence[str]) -> Json:
    """The body of a request."""
    return {"model": model, "input": list(texts), "encoding_format": "float"}


def decode(body: Json, texts: Sequence[str]) -> Embeddings:
    """One vector per text, in their order.

    Raises:
        ValueError: there are more or fewer, or they are no vectors of one length.
    """
    items = [as_object(item) for item in as_list(body.get("data"))]
    if len(items) != len(texts):
        raise ValueError(f"expected {len(texts)} vectors, found {len(items)}")
    if all(type(item.get("index")) is int for item in items):
        items.sort(key=lambda item: item["index"])
    vectors = [_decode_vector(item.get("embedding")) for item in items]
    if len({len(vector) for vector in vectors}) != 1:
        raise ValueError("expected vectors of one length, found several lengths")
    try:
        tokens = read_count(as_object(body.get("usage")), "prompt_tokens", "total_tokens")
    except ValueError:
        tokens = 0
    return Embeddings(vectors, check_usage(Usage(tokens_in=tokens)))


def _decode_vector(value: object) -> list[float]:
    numbers = as_list(value)
    if not 0 < len(numbers) <= MOST_DIMENSIONS:
        raise ValueError(f"expected a vector, found {name_kind(value)} of {len(numbers)} items")
    if any(type(number) not in (int, float) for number in numbers):
        raise ValueError("expected a vector of numbers")
    if not all(math.isfinite(number) and abs(number) < _LARGEST for number in numbers):
        raise ValueError("expected a vector of finite numbers")
    return list(map(float, numbers))


_LARGEST = 3.4e38
"""What a number of 32 bits holds."""

EMBEDDINGS = EmbeddingWire(path="embeddings", encode=encode, decode=decode)
