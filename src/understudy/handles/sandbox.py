"""The handle a method runs programs with: a sandbox bound to one unit of work.

A program is journaled like a model's reply: the same program with the same tests is not executed
again when the run is resumed. It has no draw: the same program has the same outcome.
"""

from dataclasses import dataclass, field, replace
from functools import partial

import msgspec

from understudy.call.replay import question, replay
from understudy.call.scope import nest
from understudy.call.stack import Tally
from understudy.journal.effect import Effect, Journal, Stored
from understudy.journal.keys import plain
from understudy.sandbox.protocol import Execute, Execution, Outcome, Program

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Outcome).decode


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The handle that a method runs a model's programs with."""

    execute: Execute
    journal: Journal | None = field(default=None, repr=False)
    tally: Tally = field(default_factory=Tally, repr=False)
    step: str = ""
    task: str = ""
    scope: str = ""
    role: str = "sandbox"

    def at(self, step: str, task: str, role: str = "sandbox") -> "Sandbox":
        """The same sandbox for another unit of work."""
        return Sandbox(self.execute, self.journal, self.tally, step, task, "", role)

    def within(self, scope: str) -> "Sandbox":
        """The same sandbox for one of several workers inside the task; see `Model.within`."""
        return replace(self, scope=nest(self.scope, scope))

    async def run(self, program: Program) -> Outcome:
        """The outcome of the program. Whatever it does is data; nothing it does is raised."""
        effect = question(
            "sandbox", plain(_encode(settings_of(program))), step=self.step, task=self.task,
            scope=self.scope, role=self.role,
        )  # fmt: skip
        return await replay(self.journal, effect, partial(self._execute, program), _read)

    async def _execute(self, program: Program, effect: Effect) -> tuple[Effect, Outcome]:
        outcome = await self.execute(Execution(self.step, self.task, program))
        self.tally.executed += 1
        return effect._replace(model=outcome.isolation, reply=_encode(outcome)), outcome


def settings_of(program: Program) -> dict[str, object]:
    """What a program sets. A setting at its default is left out, so that a new one orphans none."""
    fields = msgspec.structs.fields(Program)
    values = {field.name: getattr(program, field.name) for field in fields}
    return {f.name: values[f.name] for f in fields if values[f.name] != f.default}


def _read(stored: Stored) -> Outcome:
    return _decode(stored.reply)
