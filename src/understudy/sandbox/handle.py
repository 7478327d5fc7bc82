"""The handle a method holds: a sandbox bound to one unit of work.

What it is given to run is journaled like a model's reply: the same program with the same tests is
not executed again when the run is resumed.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from understudy.sandbox.protocol import Execution, Outcome, Program

Execute: TypeAlias = Callable[[Execution], Awaitable[Outcome]]
"""The seam below the handle: the pool of workers is one, and so is the journal around it."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Where a method runs code that a model wrote."""

    execute: Execute
    step: str = ""
    task: str = ""

    def at(self, step: str, task: str) -> "Sandbox":
        """The same sandbox for another unit of work."""
        return Sandbox(self.execute, step, task)

    async def run(self, program: Program) -> Outcome:
        """What came of the program. Whatever it does is data; nothing it does is raised."""
        return await self.execute(Execution(self.step, self.task, program))
