"""One rule, one file: `(example: Example, config: Config) -> Verdict`, plain or async."""

from collections.abc import Callable
from typing import TypeVar

from understudy.registry import Registry

filters = Registry(__name__, "filter")

Function = TypeVar("Function", bound=Callable[..., object])


def rule(function: Function) -> Function:
    """Register a filter; the function is returned untouched."""
    return filters.add(function)
