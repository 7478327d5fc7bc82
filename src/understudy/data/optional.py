"""Packages that come with an extra: imported only where they are used, missed in words."""

from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec

from understudy.errors import ConfigError


@contextmanager
def needs(extra: str, wanted_by: object) -> Generator[None, None, None]:
    """A block that imports what `extra` brings, for `wanted_by`.

    Raises:
        ConfigError: something is missing, or cannot be imported.
    """
    try:
        yield
    except ImportError as error:
        raise ConfigError(
            f"{wanted_by}: expected what the extra {extra!r} brings, found: {error}. "
            f"Run: pip install 'understudy[{extra}]'"
        ) from error


def has_parquet() -> bool:
    """Whether Parquet can be written here; nothing is imported for it."""
    return find_spec("pyarrow") is not None
