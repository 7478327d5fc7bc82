"""Binds scripted models to steps and runs them through the real engine, journal and stack."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from understudy.call.budget import Budget, Price
from understudy.call.limits import Endpoint
from understudy.call.model import Model
from understudy.call.stack import Tally, assemble
from understudy.data.bad_row import BadSeed
from understudy.handles.embedder import Backend, Embed, put_together
from understudy.handles.hashing import hashing
from understudy.handles.sandbox import Sandbox
from understudy.handles.world import World
from understudy.journal.read import Records
from understudy.journal.rows import Row
from understudy.journal.write import SqliteJournal
from understudy.registry import Definition, Registry
from understudy.runs.engine import Engine
from understudy.runs.quota import Quota
from understudy.runs.recipe import Step, find, step_config
from understudy.runs.rows import Failure
from understudy.runs.seeds import identify
from understudy.runs.step import BoundStep
from understudy.sandbox.protocol import Execute, Execution, Outcome
from understudy.types import (
    Call,
    Example,
    Provide,
    Rejection,
    Sampling,
    Settings,
    Task,
    WireCall,
)

T = TypeVar("T")


def defined(function: Callable[..., Any], kind: str = "method") -> Definition:
    """A method or filter that is registered nowhere else."""
    registry = Registry(f"understudy.{kind}s", "filter" if kind == "filter" else "method")
    registry.add(function, paper="arXiv:0000.00000")
    return registry.definitions[function.__name__]


@dataclass
class Bench:
    """One attempt: a journal, and the stack over each provider that is bound."""

    path: Path
    reuse: Sequence[Path] = ()
    budget: Budget = field(default_factory=lambda: Budget(None))
    price: Price | None = None
    attempts: int = 3
    endpoint: Callable[[str], Endpoint] = Endpoint
    journal: SqliteJournal = field(init=False)
    tally: Tally = field(default_factory=Tally)
    endpoints: list[Endpoint] = field(default_factory=list[Endpoint])
    notices: list[str] = field(default_factory=list[str])
    engine: Engine | None = None

    async def __aenter__(self) -> "Bench":
        self.journal = SqliteJournal(self.path, self.reuse)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.journal.close("done")

    def model(self, provider: Provide, name: str = "m", **fields: Any) -> Model:
        """The whole stack over a provider."""
        endpoint = self.endpoint(name)
        self.endpoints.append(endpoint)
        generate = assemble(
            provider, self.journal, endpoint, self.budget, self.price, self.tally,
            self.notices.append, attempts=self.attempts,
        )  # fmt: skip
        return Model(name, generate, endpoint="test", **fields)

    def attach(self, step: BoundStep, execute: Execute, embed: Embed) -> BoundStep:
        """The step with every handle but the models journaled here."""
        world = World(
            self.journal, self.tally, lambda role: cast("Model", step.handles[role]), execute,
            lambda: Backend("test", put_together(embed)), 0,
        )  # fmt: skip
        return replace(step, handles=step.definition.open_handles(world, {}))

    def sandbox(self, execute: Execute) -> Sandbox:
        """The journal over what runs programs."""
        return Sandbox(execute, self.journal, self.tally)

    async def run(
        self, steps: Sequence[BoundStep], tasks: Iterable[Task | BadSeed], **plan: Any
    ) -> Engine:
        quota = Quota(plan.pop("n", None), plan.pop("max_seeds", None))
        self.engine = Engine(
            steps, identify(tasks), self.journal,
            quota=quota, endpoints=self.endpoints, tally=self.tally, **plan,
        )  # fmt: skip
        await self.engine.run()
        return self.engine


def step(
    use: str | Definition,
    models: Model | Mapping[str, Model] | None = None,
    label: str = "",
    sandbox: Sandbox | None = None,
    seed: int = 0,
    **settings: Any,
) -> BoundStep:
    """A step by its name or definition; one model for all roles, or one for each."""
    definition = find(use) if isinstance(use, str) else use
    if isinstance(use, str):
        config: Settings = step_config(Step(use=use, settings=settings))
    else:
        config = definition.config(**settings)
    roles = models if isinstance(models, Mapping) else dict.fromkeys(definition.roles, models)
    # With the sandbox comes the journal, for every handle that has need of it.
    journal, tally = (sandbox.journal, sandbox.tally) if sandbox else (None, Tally())
    execute = sandbox.execute if sandbox else _no_sandbox
    world = World(journal, tally, lambda role: roles[role], execute, hashing, seed)
    return BoundStep(
        label or definition.name, definition, config, definition.open_handles(world, {})
    )


async def _no_sandbox(execution: Execution) -> Outcome:
    raise AssertionError("this step was given no sandbox")


@dataclass(frozen=True)
class Made:
    """What a journal holds of a step."""

    examples: list[Example]
    rejections: list[tuple[str, Rejection]]
    failures: list[tuple[str, Failure]]


def made(journal: Path | SqliteJournal, label: str) -> Made:
    """Rows of a step, by kind, in the order of the seeds; the task's id with those that need it."""
    path = journal if isinstance(journal, Path) else journal.path
    records = Records(path)
    try:
        rows: list[Row] = list(records.rows(label, "example", "rejection", "failure"))
    finally:
        records.close()

    def of(kind: str, type_: type[T]) -> list[tuple[str, T]]:
        return [(r.task, msgspec.json.decode(r.body, type=type_)) for r in rows if r.kind == kind]

    return Made(
        [example for _, example in of("example", Example)],
        of("rejection", Rejection),
        of("failure", Failure),
    )


def answers(journal: Path | SqliteJournal, label: str) -> list[str]:
    return [example.answer for example in made(journal, label).examples]


def tasks(n: int, **fields: Any) -> list[Task]:
    return [Task(id=f"t{i}", prompt=f"question {i}", **fields) for i in range(n)]


def asked(call: Call | WireCall) -> str:
    """The text of the last message."""
    return call.request.messages[-1].text


def identity(wire: WireCall) -> set[tuple[object, ...]]:
    """Each draw of a call, named by everything that its key is to be made of."""
    request = msgspec.json.encode(wire.request)
    return {(c.step, c.task, c.scope, c.role, c.draw, request) for c in wire.calls}


HOT = Sampling(temperature=1.0)


class _Leap(selectors.DefaultSelector):
    """Where the loop would wait, time leaps."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            return super().select(None)
        if not (ready := super().select(0)):
            self.now += max(timeout, 0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in which hours take no time."""

    def __init__(self) -> None:
        self.leap = _Leap()
        super().__init__(self.leap)

    def time(self) -> float:
        return self.leap.now


def virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` in a loop whose time leaps; `now()` tells it."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def now() -> float:
    return asyncio.get_running_loop().time()
