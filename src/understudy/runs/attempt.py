"""One start of a run, from its recipe to its exports: what `understudy run` and `understudy.run` do."""

import asyncio
import resource
import signal
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol

from understudy.call.budget import Budget, Price, Prices
from understudy.call.limits import Endpoint
from understudy.call.model import Model
from understudy.call.stack import Tally, assemble
from understudy.data.read import estimate_count, read_tasks
from understudy.errors import ConfigError, Interrupted, RunStopped, Unauthorized
from understudy.handles.embedder import Backend, assemble_embedder
from understudy.handles.hashing import hashing
from understudy.handles.world import World
from understudy.journal.rows import Kind
from understudy.journal.write import SqliteJournal
from understudy.providers.connect import Address, connect, connect_embedder, parse
from understudy.runs.engine import Engine
from understudy.runs.halt import Halt
from understudy.runs.progress import Display, Progress
from understudy.runs.quota import Quota
from understudy.runs.recipe import ModelSettings, Recipe
from understudy.runs.resolve import ResolvedRecipe
from understudy.runs.run_dir import RunDir
from understudy.runs.seeds import identify
from understudy.runs.step import BoundStep
from understudy.sandbox.worker_pool import WorkerPool
from understudy.types import Generate, Layer


@dataclass(frozen=True)
class Summary:
    """How an attempt ended."""

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


class Closable(Protocol):
    """A connection to an endpoint."""

    async def close(self) -> None: ...


@dataclass
class _Attempt:
    """What is open while a run is in progress."""

    resolved: ResolvedRecipe
    run_dir: RunDir
    journal: SqliteJournal
    notice: Callable[[str], None]
    prices: Prices
    budget: Budget
    pool: WorkerPool
    tally: Tally = field(default_factory=Tally)
    endpoints: list[Endpoint] = field(default_factory=list[Endpoint])
    providers: list[Closable] = field(default_factory=list[Closable])
    layers: Sequence[Layer] = ()
    models: dict[str, Model] = field(default_factory=dict[str, Model])
    signal: int = 0
    """The signal that asked the run to stop."""

    @property
    def recipe(self) -> Recipe:
        return self.resolved.recipe

    def model(self, name: str) -> Model:
        """A model of the recipe, connected when it is first needed."""
        if name not in self.models:
            self.models[name] = self._bind(name)
        return self.models[name]

    def steps(self) -> list[BoundStep]:
        world = World(
            self.journal, self.tally, self.model, self.pool.execute, self.embedder, self.recipe.seed
        )
        return [
            BoundStep(
                step.label,
                step.definition,
                step.config,
                step.definition.open_handles(world, step.roles),
            )
            for step in self.resolved.steps
        ]

    def embedder(self) -> Backend:
        """The embedder, connected when it is first needed."""
        settings = self.recipe.embedder
        if settings.model == "hashing":
            return hashing()
        address = parse(settings.model)
        price = self._price("embedder", address)
        provider, embed = connect_embedder(
            address, key_env=settings.key_env, timeout=settings.timeout, notice=self.notice
        )
        endpoint = self._open_endpoint(address, settings, provider)
        pay = assemble_embedder(embed, endpoint, self.budget, price, attempts=self.recipe.attempts)
        return Backend(address.model, pay, address.endpoint, settings.revision, price)

    def _price(self, key: str, address: Address) -> Price | None:
        """The price of what a key of the recipe is bound to; with a budget it must have one."""
        price = self.prices.price(address.model, address.endpoint)
        if price is None and self.budget.limit is not None:
            raise ConfigError(
                f"a budget needs the price of every model, and {address.model!r} ({key}) has none in "
                f"the table of {self.prices.date}. Add, in dollars per million tokens (0 where it is "
                f"free): prices='{{{address.model}: {{input: 1, output: 4}}}}'."
            )
        return price

    def _open_endpoint(
        self, address: Address, settings: ModelSettings, provider: Closable
    ) -> Endpoint:
        endpoint = Endpoint(
            address.label,
            most=self.recipe.concurrency,
            rpm=settings.rpm,
            tpm=settings.tpm,
            down_after=self.recipe.down_after,
            notice=self.notice,
        )
        self.providers.append(provider)
        self.endpoints.append(endpoint)
        return endpoint

    def _bind(self, name: str) -> Model:
        settings = self.recipe.models[name]
        address = parse(settings.model)
        for other, model in self.models.items():
            if self.recipe.models[other].model_dump(exclude=_OWN) == settings.model_dump(
                exclude=_OWN
            ):
                return self._model(name, address, model.generate)
        price = self._price(f"models.{name}", address)
        provider = connect(
            address, key_env=settings.key_env, timeout=settings.timeout, notice=self.notice
        )
        endpoint = self._open_endpoint(address, settings, provider)
        generate = assemble(
            provider, self.journal, endpoint, self.budget, price, self.tally, self.notice,
            attempts=self.recipe.attempts, layers=self.layers,
        )  # fmt: skip
        return self._model(name, address, generate)

    def _model(self, name: str, address: Address, generate: Generate) -> Model:
        settings = self.recipe.models[name]
        return Model(
            name=address.model,
            generate=generate,
            endpoint=address.endpoint,
            revision=self.resolved.revisions[name],
            sampling=settings.sampling.sampling(),
            extra=settings.extra,
        )


_OWN = {"sampling", "extra"}
"""Settings in which two roles may differ and still share an endpoint and its limits."""


async def execute(
    resolved: ResolvedRecipe,
    *,
    display: Display | None = None,
    notice: Callable[[str], None] = lambda _: None,
    only: int | None = None,
    layers: Sequence[Layer] = (),
) -> Summary:
    """Run a recipe, or continue it. `only`: no more than this many seeds. `layers` stand around
    every model, outside the journal: see `call.stack.assemble`.

    Raises:
        ConfigError: recipe, seeds or keys are wrong.
        MethodError: the code of a method or filter is wrong.
        RunFolderError: the run folder is taken, of another recipe, or cannot be written.
        Interrupted: a second signal came while the run waited for calls in flight.
    """
    recipe = resolved.recipe
    if resolved.default_teacher:
        notice(
            "no model is set for teacher: using pocket, the tiny built-in model for demonstrations. "
            "For a real one: models.teacher=openai:NAME"
        )
    _allow_files(recipe.concurrency)
    pool = WorkerPool.open(recipe.sandbox, notify=notice)
    run_dir = RunDir.take(resolved)
    try:
        others = [_journal_of(other) for other in recipe.reuse]
        journal = SqliteJournal(run_dir.journal, others, fresh=not run_dir.claimed)
        attempt = _Attempt(
            resolved, run_dir, journal, notice,
            Prices(recipe.prices), Budget(recipe.budget, journal.records.sum_cost()), pool,
            layers=layers,
        )  # fmt: skip
        status = "failed"
        try:
            reason = await _drive(attempt, display, only)
            status = _status(reason)
            return _summary(attempt, status, str(reason or ""))
        except asyncio.CancelledError:
            if not attempt.signal:
                raise
            status = "interrupted"
            raise Interrupted(
                "stopped. What was answered is kept; the same command goes on.", attempt.signal
            ) from None
        finally:
            for provider in attempt.providers:
                await provider.close()
            await pool.close()
            await journal.close(status)
    finally:
        run_dir.release()


def count_seeds(recipe: Recipe) -> int:
    """How many tasks the recipe has, broken ones included."""
    return sum(1 for _ in read_tasks(recipe.seeds, recipe.columns))


async def _drive(
    attempt: _Attempt, display: Display | None, only: int | None
) -> RunStopped | Unauthorized | None:
    """Run the engine; why it stopped before the end, if it did."""
    recipe = attempt.recipe
    steps = attempt.steps()
    seeds = identify(read_tasks(recipe.seeds, recipe.columns))
    attempt.run_dir.claim(
        attempt.resolved
    )  # only now: everything that can be wrong with a recipe has been checked
    engine = Engine(
        steps,
        islice(seeds, only),
        attempt.journal,
        quota=Quota(recipe.n, recipe.max_seeds),
        endpoints=attempt.endpoints,
        tally=attempt.tally,
        total=only if only is not None else estimate_count(recipe.seeds),
        strict=recipe.strict,
        on_error=recipe.on_error,
        concurrency=recipe.concurrency,
    )
    live = None
    if display is not None:
        live = asyncio.ensure_future(display(engine.progress, attempt.endpoints))
    try:
        with _signals(attempt, engine.halt):
            await engine.run()
    finally:
        if live is not None:
            live.cancel()
            await asyncio.wait([live])
    _tell_changes(attempt, engine.progress)
    return engine.stop_reason


def _tell_changes(attempt: _Attempt, progress: Progress) -> None:
    for step in attempt.resolved.steps:
        if not (n := progress.changed[step.label]):
            continue
        tasks, verb = f"{n:,} tasks have changed" if n > 1 else "1 task has changed", "asked"
        if step.definition.shape == "pool":
            tasks, verb = "its tasks have changed", "run"
        attempt.notice(f"{step.label}: {tasks} since an earlier attempt: {verb} again")


@contextmanager
def _signals(attempt: _Attempt, halt: Halt) -> Generator[None, None, None]:
    """The first Ctrl-C or SIGTERM lets the calls in flight finish; the second stops at once."""
    loop, main = asyncio.get_running_loop(), asyncio.current_task()
    assert main is not None

    def interrupt(number: signal.Signals) -> None:
        if attempt.signal:
            main.cancel()
            return
        attempt.signal = number
        calls = sum(endpoint.in_flight for endpoint in attempt.endpoints)
        attempt.notice(
            f"stopping: waiting for {calls} calls in flight; interrupt again to stop now"
        )
        halt(Interrupted(f"interrupted by {number.name}", number))

    names = (signal.SIGINT, signal.SIGTERM)
    try:
        for name in names:
            loop.add_signal_handler(name, interrupt, name)
    except (ValueError, RuntimeError):  # not the main thread: the caller handles signals
        names = ()
    try:
        yield
    finally:
        for name in names:
            loop.remove_signal_handler(name)


def _journal_of(folder: Path) -> Path:
    if not (journal := folder / "journal.db").is_file():
        raise ConfigError(f"reuse: expected a run folder, {folder} has no journal.db.")
    return journal


def _status(reason: RunStopped | Unauthorized | None) -> str:
    match reason:
        case None:
            return "done"
        case Interrupted():
            return "interrupted"
        case _:
            return "stopped"


def _summary(attempt: _Attempt, status: str, why: str) -> Summary:
    """Counted from the journal: a failure of an earlier attempt may be an example by now."""
    kinds: Counter[Kind] = Counter()
    counts = attempt.journal.records.counts()
    for rows in counts.values():
        for (kind, _), n in rows.items():
            kinds[kind] += n
    last = counts.get(attempt.resolved.steps[-1].label, Counter())
    return Summary(
        out=attempt.run_dir.path,
        status=status,
        why=why,
        examples=sum(n for (kind, _), n in last.items() if kind == "example"),
        rejected=kinds["rejection"],
        failed=kinds["failure"],
        tally=attempt.tally,
        signal=attempt.signal,
    )


def _allow_files(concurrency: int) -> None:
    """Raise the limit of open files to one connection per call in flight, or fail early."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = concurrency + 100
    if soft < needed:
        if needed > hard != resource.RLIM_INFINITY:
            raise ConfigError(
                f"concurrency={concurrency} needs {needed} open files, this system allows {hard}. "
                "Lower it, or raise the limit (ulimit -n)."
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
