"""One rule, one file: `(example: Example, config: Config) -> Verdict`, plain or async.

A rule that compares examples with each other takes a third parameter, `index`. Its class is the rule's
own: it is made from the settings and has `add(example)`. The engine adds each example that is kept.
Such a rule waits for the step before it to end, and judges in the order of the seeds. So a run that was
killed and goes on decides as one that never was.
"""

from collections.abc import Callable
from typing import TypeVar

from understudy.registry import Registry

filters = Registry(__name__, "filter")

Function = TypeVar("Function", bound=Callable[..., object])


def rule(function: Function) -> Function:
    """Register a filter. The function is returned untouched."""
    return filters.add(function)
