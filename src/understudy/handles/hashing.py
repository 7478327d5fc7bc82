"""The embedder that needs nothing: words and runs of four characters, hashed into 1,024 dimensions.

Texts that share words or parts of words have similar vectors; it knows nothing of meaning. It is
the same in every process and on every machine. Each feature goes to one dimension, with a sign, by
its blake2b digest, and counts with the square root of how often it occurs. The vector has length 1;
that of a text without letters or digits is zero.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache, partial
from hashlib import blake2b

from understudy.call.budget import Price
from understudy.handles.embedder import Backend, Vector, embed_off_loop, put_together

NAME = "hashing-1"
"""With the version of what is below: another one gives other vectors."""
DIMENSIONS = 1_024
FREE_OF_CHARGE = Price(input=0, output=0)
_GRAM = 4
_WORD = re.compile(r"\w+")


def embed_by_hash(text: str) -> Vector:
    """The vector of a text."""
    import numpy as np

    sums: dict[int, float] = {}
    for feature, count in Counter(_features(text.casefold())).items():
        dimension, sign = _place(feature)
        sums[dimension] = sums.get(dimension, 0.0) + sign * math.sqrt(count)
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    # Summed exactly: the order of the features must not show in the last bit.
    length = math.sqrt(math.fsum(value * value for value in sums.values()))
    for dimension, value in sums.items():
        vector[dimension] = value / length if length else 0.0
    return vector


def hashing() -> Backend:
    """The embedder of a run that names no other."""
    return Backend(NAME, put_together(partial(embed_off_loop, embed_by_hash)), price=FREE_OF_CHARGE)


def _features(text: str) -> Iterator[str]:
    for word in _WORD.findall(text):
        yield f"w{word}"
        padded = f" {word} "
        for start in range(max(1, len(padded) - _GRAM + 1)):
            yield f"c{padded[start : start + _GRAM]}"


@lru_cache(maxsize=1 << 16)
def _place(feature: str) -> tuple[int, int]:
    """Dimension and sign of a feature."""
    digest = blake2b(feature.encode(), digest_size=8).digest()
    number = int.from_bytes(digest, "little")
    return number % DIMENSIONS, 1 if number >> 63 else -1
