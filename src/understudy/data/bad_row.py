"""A row that is not a task: it is reported to the person who made the file, and the run goes on."""

import reprlib
from typing import NamedTuple


class BadSeed(NamedTuple):
    """A row that could not be read as a task. The rows after it are read all the same."""

    where: str
    """E.g. `tasks.jsonl:17`; lines, rows and items count from 1."""
    why: str
    """What was expected, what was found, what to do."""


_WIDTH = 80
"""Most characters of a value in a message."""


def preview(value: object) -> str:
    """A value as messages show it: its beginning, however large it is."""
    if isinstance(value, bytes):
        value = value[: _WIDTH * 4].decode(errors="replace")
    text = repr(value[:_WIDTH]) if isinstance(value, str) else reprlib.repr(value)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}..."
