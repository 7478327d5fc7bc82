"""What an export format is: one value, from which writing, help, docs and Parquet schema are made."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from understudy.exports.columns import Column
from understudy.types import Example, Json


class Format(NamedTuple):
    """A shape of rows that a trainer reads."""

    name: str
    """As `understudy export --format` takes it."""
    rows: Callable[[Example], Iterable[Json]]
    """An example as one row or several. The writer adds the columns `id` and `meta`.

    Raises:
        ValueError: the format cannot express the example (`inexpressible`).
    """
    arrow: Mapping[str, Column]
    """The columns of a row and their types. `images` and `audios`, lists of URLs, may be there without
    being named."""
    about: str
    """One line: who reads it, and what is in a row."""


def inexpressible(example: Example, format: str, needs: str, actual: str) -> ValueError:
    """The error for an example that a format has no form for."""
    return ValueError(
        f"example {example.id!r}: {format} needs {needs}; found {actual}. Export as messages, or "
        "filter such examples out."
    )
