"""One rule, one file: `(example: Example, config: Config) -> Verdict`, plain or async.

A rule that compares examples with each other takes a third parameter, `index`, of a class of its own
that is made from the settings and has `add(example)`; the engine adds what is kept. Such a rule waits
for the step before to end and judges in the order of the seeds, so that a run that was killed and
goes on decides as one that never was.
"""

from collections.abc import Callable
from typing import TypeVar

from understudy.registry import Registry

filters = Registry(__name__, "filter")

Function = TypeVar("Function", bound=Callable[..., object])


def rule(function: Function) -> Function:
    """Register a filter; the function is returned untouched."""
    return filters.add(function)
