"""Packages that come with an extra: imported only where they are used. A missing one is named with the
command that installs it."""

from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec

from understudy.errors import ConfigError


@contextmanager
def require(extra: str, user: object) -> Generator[None, None, None]:
    """A block that imports packages of an extra; `user` is the file or setting that needs them.

    Raises:
        ConfigError: a package is missing, or cannot be imported.
    """
    try:
        yield
    except ImportError as error:
        raise ConfigError(
            f"{user}: expected the packages of the extra {extra!r}, found: {error}. "
            f"Run: pip install 'understudy[{extra}]'"
        ) from error


def has_parquet() -> bool:
    """Whether Parquet can be written here. Nothing is imported to find out."""
    return find_spec("pyarrow") is not None
