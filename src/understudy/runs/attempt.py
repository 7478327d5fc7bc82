"""One start of a run, from its recipe to its exports: what `understudy run` and `understudy.run` do."""

import asyncio
import resource
import signal
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from understudy.call.budget import Budget, Prices
from understudy.call.limits import Endpoint
from understudy.call.model import Model
from understudy.call.stack import Tally, assemble, recalled
from understudy.data.read import expected, read_tasks
from understudy.errors import ConfigError, Interrupted
from understudy.journal.write import SqliteJournal
from understudy.providers.connect import Address, Provider, connect, parse
from understudy.runs.engine import BoundStep, Engine, Plan
from understudy.runs.recipe import ModelSettings, Recipe, find, step_config
from understudy.runs.run_dir import Folder
from understudy.runs.seeds import identified
from understudy.sandbox.handle import Sandbox
from understudy.sandbox.worker_pool import WorkerPool

Display = Callable[[Engine, Sequence[Endpoint]], Any]
"""Called as the run begins; what it returns is awaited beside it and cancelled at its end."""


@dataclass(frozen=True)
class Summary:
    """How a session ended."""

    out: Path
    status: str
    """`done`, `stopped` or `interrupted`."""
    why: str
    """What stopped it; empty where it is done."""
    examples: int
    rejected: int
    failed: int
    tally: Tally
    signal: int = 0
    """The signal that interrupted it."""


@dataclass
class _Session:
    """What is open while a run goes on."""

    recipe: Recipe
    folder: Folder
    journal: SqliteJournal
    notice: Callable[[str], None]
    prices: Prices
    budget: Budget
    pool: WorkerPool
    tally: Tally = field(default_factory=Tally)
    endpoints: list[Endpoint] = field(default_factory=list[Endpoint])
    providers: list[Provider] = field(default_factory=list[Provider])
    models: dict[str, Model] = field(default_factory=dict[str, Model])
    signal: int = 0

    def model(self, role: str) -> Model:
        """The model a role of the recipe is bound to."""
        if role not in self.recipe.models:
            role = "teacher"
        if role not in self.models:
            self.models[role] = self._bind(role)
        return self.models[role]

    def steps(self) -> list[BoundStep]:
        bound: list[BoundStep] = []
        sandbox = Sandbox(recalled(self.pool.execute, self.journal, self.tally))
        for step in self.recipe.steps:
            definition = find(step.use)
            models = {r: self.model(step.models.get(r, r)) for r in definition.roles}
            bound.append(BoundStep(step.name, definition, step_config(step), models, sandbox))
        return bound

    def _bind(self, role: str) -> Model:
        settings = self.recipe.models[role]
        address = parse(settings.model)
        for other, model in self.models.items():
            if self.recipe.models[other].model_dump(exclude=_OWN) == settings.model_dump(
                exclude=_OWN
            ):
                return _model(address, settings, model.generate)
        price = self.prices.price(address.model, address.endpoint)
        if price is None and self.budget.limit is not None:
            raise ConfigError(
                f"a budget needs the price of every model, and {address.model!r} (models.{role}) has "
                f"none in the table of {self.prices.date}. Add, in dollars per million tokens (0 "
                f"where it is free): prices='{{{address.model}: {{input: 1, output: 4}}}}'."
            )
        provider = connect(
            address, key_env=settings.key_env, timeout=settings.timeout, notice=self.notice
        )
        endpoint = Endpoint(
            address.label,
            most=self.recipe.concurrency,
            rpm=settings.rpm,
            tpm=settings.tpm,
            patience=self.recipe.patience,
            notice=self.notice,
        )
        self.providers.append(provider)
        self.endpoints.append(endpoint)
        generate = assemble(
            provider, self.journal, endpoint, self.budget, price, self.tally, self.notice,
            attempts=self.recipe.attempts,
        )  # fmt: skip
        return _model(address, settings, generate)


_OWN = {"sampling", "extra"}
"""Settings in which two roles may differ and still share an endpoint and its limits."""


async def execute(
    recipe: Recipe,
    *,
    display: Display | None = None,
    notice: Callable[[str], None] = lambda _: None,
    only: int | None = None,
) -> Summary:
    """Run a recipe, or go on with it. `only`: no more than this many seeds.

    Raises:
        ConfigError: recipe, seeds or keys are wrong.
        RunFolderError: the run folder is taken, of another recipe, or cannot be written.
        Interrupted: a second signal came while calls under way were let finish.
    """
    recipe = _with_teacher(recipe, notice)
    _allow_files(recipe.concurrency)
    pool = WorkerPool.open(recipe.sandbox, notify=notice)
    folder = Folder.take(recipe)
    try:
        journal = SqliteJournal(folder.journal, [_journal_of(other) for other in recipe.reuse])
        session = _Session(
            recipe, folder, journal, notice,
            Prices(recipe.prices), Budget(recipe.budget, journal.records.spent()), pool,
        )  # fmt: skip
        status = "failed"
        try:
            engine = await _drive(session, display, only)
            status = _status(engine)
            summary = _summary(session, engine, status)
        except asyncio.CancelledError:
            if not session.signal:
                raise
            status = "interrupted"
            raise Interrupted(
                "stopped. What was answered is kept; the same command goes on.", session.signal
            ) from None
        finally:
            for provider in session.providers:
                await provider.close()
            await pool.close()
            await journal.close(status)
        return summary
    finally:
        folder.release()


def _with_teacher(recipe: Recipe, notice: Callable[[str], None]) -> Recipe:
    """The recipe with the built-in model as teacher, where a step needs one and none is named."""
    steps = recipe.steps
    roles = {step.models.get(role, role) for step in steps for role in find(step.use).roles}
    if "teacher" in recipe.models or roles <= recipe.models.keys():
        return recipe
    notice(
        "no model is named as teacher: taking pocket, the built-in one, a tiny model for "
        "demonstrations. For a real one: models.teacher=openai:NAME"
    )
    teacher = ModelSettings.model_validate("pocket")
    return recipe.model_copy(update={"models": {**recipe.models, "teacher": teacher}})


def count_seeds(recipe: Recipe) -> int:
    """How many tasks the recipe has, broken ones included."""
    return sum(1 for _ in read_tasks(recipe.seeds, recipe.columns))


async def _drive(session: _Session, display: Display | None, only: int | None) -> Engine:
    recipe = session.recipe
    steps = session.steps()
    seeds = identified(read_tasks(recipe.seeds, recipe.columns))
    session.folder.claim(recipe)  # not before all that can be wrong with a recipe was looked at
    plan = Plan(
        seeds=islice(seeds, only),
        total=only if only is not None else expected(recipe.seeds),
        strict=recipe.strict,
        seed=recipe.seed,
        n=recipe.n,
        candidates=recipe.candidates,
        concurrency=recipe.concurrency,
    )
    engine = Engine(steps, plan, session.journal, session.endpoints, session.tally)
    shown = asyncio.ensure_future(display(engine, session.endpoints)) if display else None
    try:
        with _signals(session, engine):
            await engine.run()
    finally:
        if shown is not None:
            shown.cancel()
            await asyncio.wait([shown])
    return engine


@contextmanager
def _signals(session: _Session, engine: Engine) -> Generator[None, None, None]:
    """The first Ctrl-C or SIGTERM lets the calls under way finish; the second does not."""
    loop, main = asyncio.get_running_loop(), asyncio.current_task()
    assert main is not None

    def interrupt(number: signal.Signals) -> None:
        if session.signal:
            main.cancel()
            return
        session.signal = number
        calls = sum(endpoint.in_flight for endpoint in session.endpoints)
        session.notice(f"stopping: {calls} calls under way are let finish; again to stop now")
        engine.stop(Interrupted(f"interrupted by {number.name}", number))

    names = (signal.SIGINT, signal.SIGTERM)
    try:
        for name in names:
            loop.add_signal_handler(name, interrupt, name)
    except (ValueError, RuntimeError):  # not the main thread: who started us handles signals
        names = ()
    try:
        yield
    finally:
        for name in names:
            loop.remove_signal_handler(name)


def _model(address: Address, settings: ModelSettings, generate: Any) -> Model:
    return Model(
        name=address.model,
        generate=generate,
        endpoint=address.endpoint,
        sampling=settings.sampling.sampling(),
        extra=settings.extra,
    )


def _journal_of(folder: Path) -> Path:
    if not (journal := folder / "journal.db").is_file():
        raise ConfigError(f"reuse: expected a run folder, {folder} has no journal.db.")
    return journal


def _status(engine: Engine) -> str:
    match engine.stopped:
        case None:
            return "done"
        case Interrupted():
            return "interrupted"
        case _:
            return "stopped"


def _summary(session: _Session, engine: Engine, status: str) -> Summary:
    counts = engine.progress.counts.values()
    last = session.recipe.steps[-1].name
    return Summary(
        out=session.folder.path,
        status=status,
        why=str(engine.stopped or ""),
        examples=engine.progress.of(last, "example"),
        rejected=sum(n for c in counts for (kind, _), n in c.items() if kind == "rejection"),
        failed=sum(n for c in counts for (kind, _), n in c.items() if kind == "failure"),
        tally=session.tally,
        signal=session.signal,
    )


def _allow_files(concurrency: int) -> None:
    """One connection per call under way: have the system allow them, or say so early."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = concurrency + 100
    if soft < needed:
        if needed > hard != resource.RLIM_INFINITY:
            raise ConfigError(
                f"concurrency={concurrency} needs {needed} open files, this system allows {hard}. "
                "Lower it, or raise the limit (ulimit -n)."
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
