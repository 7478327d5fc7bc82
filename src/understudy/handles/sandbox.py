"""The handle a method runs programs with: a sandbox bound to one unit of work.

A program is journaled like a model's reply: the same program with the same tests is not executed
again when the run is resumed.
"""

from dataclasses import dataclass

from understudy.sandbox.protocol import Execute, Execution, Outcome, Program


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Where a method runs code that a model wrote."""

    execute: Execute
    step: str = ""
    task: str = ""

    def at(self, step: str, task: str, role: str = "sandbox") -> "Sandbox":
        """The same sandbox for another unit of work."""
        return Sandbox(self.execute, step, task)

    async def run(self, program: Program) -> Outcome:
        """What came of the program. Whatever it does is data; nothing it does is raised."""
        return await self.execute(Execution(self.step, self.task, program))
