"""What an attempt has for the handles of its methods."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from understudy.call.model import Model
from understudy.call.stack import Tally
from understudy.handles.embedder import Backend
from understudy.journal.effect import Journal
from understudy.sandbox.protocol import Execute


class Handle(Protocol):
    """A handle that is bound to no unit of work yet."""

    def at(self, step: str, task: str, role: str, /) -> object:
        """The handle for one task of a step; `role` is the name of the method's parameter."""
        ...


@dataclass(frozen=True)
class World:
    """Everything that a handle can be made of."""

    journal: Journal | None
    tally: Tally
    model: Callable[[str], Model]
    """A model of the recipe, by its name there; connected when it is first asked for."""
    execute: Execute
    """Runs programs; its workers start with the first."""
    embedder: Callable[[], Backend]
    """Connected when it is first asked for."""
    seed: int = 0
    """Decides every random choice that a method makes."""
