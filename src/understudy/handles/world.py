"""What an attempt has for the handles of its methods."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from understudy.call.model import Model
from understudy.handles.sandbox import Sandbox


class Handle(Protocol):
    """A handle that is bound to no unit of work yet."""

    def at(self, step: str, task: str, role: str, /) -> object:
        """The handle for one task of a step; `role` is the name of the method's parameter."""
        ...


@dataclass(frozen=True)
class World:
    """Each is opened when the first method asks for it."""

    model: Callable[[str], Model]
    """A model of the recipe, by its name there."""
    sandbox: Callable[[], Sandbox]
    seed: int = 0
    """Of every random choice a method makes."""
