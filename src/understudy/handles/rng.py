"""Random numbers that a resumed run draws again: seeded by the run, the step and the task."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Seeded:
    """What makes a method's `rng: Random`."""

    seed: int = 0
    """Of the run."""

    def at(self, step: str, task: str, role: str = "rng") -> Random:
        """A generator for a unit of work. Nothing else draws from it."""
        return Random(f"{self.seed}/{step}/{task}")
