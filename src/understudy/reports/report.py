"""What a run folder says about itself: its figures, and `show`, which is text for a terminal."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from pydantic import ValidationError

from understudy.errors import ConfigError
from understudy.journal.read import Records, Total
from understudy.providers.connect import parse
from understudy.registry import Account, Definition
from understudy.runs.recipe import SEEDS, Recipe, Step, find
from understudy.runs.run_dir import JOURNAL, RECIPE, read_facts
from understudy.types import Example, Rejection

_example = msgspec.json.Decoder(Example).decode
_rejection = msgspec.json.Decoder(Rejection).decode


class Run:
    """A run folder opened for reading, whether the run goes on or not."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError where `path` is no run folder."""
        self.path = path
        self.facts: dict[str, Any] = read_facts(path)
        self.recipe = _recipe(path, self.facts["recipe"])
        self.records = Records(path / JOURNAL)
        self.labels = [step.name for step in self.recipe.steps]

    def definition(self, step: Step) -> Definition | None:
        """The method or filter of a step; None where a user's own file is no longer there."""
        try:
            return find(step.use)
        except ConfigError:
            return None

    def close(self) -> None:
        """Close the journal."""
        self.records.close()

    def endpoint_of(self, model: str) -> str:
        """Provider and base URL of a model that the recipe names."""
        for settings in self.recipe.models.values():
            address = parse(settings.model)
            if address.model == model:
                return address.endpoint.replace("@", " ")
        return ""

    def examples(self, step: str = "") -> Iterator[Example]:
        """What a step (the last one by default) made, in the order of the seeds."""
        for row in self.records.rows(step or self.labels[-1], "example"):
            yield _example(row.body)

    def sample(self, step: str, most: int) -> list[Example]:
        """Some examples of a step, from its first to its last."""
        return [_example(row.body) for row in self.records.sample(step, "example", most)]

    def made(self, step: str, most: int | None = None) -> Iterator[Example | Rejection]:
        """Examples and rejections of a step, in the order of the seeds; the `most` oldest, if set."""
        for row in self.records.rows(step, "example", "rejection", most=most):
            yield _example(row.body) if row.kind == "example" else _rejection(row.body)

    def rejected(self) -> Iterator[dict[str, Any]]:
        for label in self.labels:
            for row in self.records.rows(label, "rejection"):
                yield {"step": row.step, "task": row.task} | msgspec.json.decode(row.body)

    def failures(self) -> Iterator[dict[str, Any]]:
        for label in (SEEDS, *self.labels):
            for row in self.records.rows(label, "failure"):
                yield {"step": row.step, "task": row.task} | msgspec.json.decode(row.body)


class StepCounts(NamedTuple):
    """What came of a step."""

    step: str
    examples: int
    rejected: int
    failed: int
    reasons: list[tuple[str, str, int]]
    """Why not, the most frequent first: `rejection` or `failure`, the reason, how often."""


class Use(NamedTuple):
    """What a step's role cost, over all sessions."""

    step: str
    role: str
    model: str
    calls: int
    reused: int
    tokens_in: int
    tokens_out: int
    cost: str


def _recipe(path: Path, kept: Any) -> Recipe:
    try:
        return Recipe.model_validate(kept)
    except ValidationError as error:
        raise ConfigError(
            f"{path}: expected a recipe of this version of Understudy in {RECIPE}, found: {error}"
        ) from None


def show(run: Run) -> str:
    """Sessions, counts with reasons, cost, and each method's own figures."""
    parts = [
        f"{run.path}", sessions(run.records), _counts(run), _costs(run.records.totals()),
        programs(run.records.answered_by("sandbox")),
    ]  # fmt: skip
    parts += [
        f"{step.name}\n{_indented(said.text)}"
        for step in run.recipe.steps
        if (said := account(run, step)) is not None
    ]
    failures = list(distinct(run.failures()))
    if failures:
        parts.append("failures\n" + _indented("\n".join(failures)))
    return "\n\n".join(part for part in parts if part)


def account(run: Run, step: Step, most: int | None = None) -> Account | None:
    """What a step's method says of its rows, or of the `most` oldest; None where it says nothing."""
    definition = run.definition(step)
    if definition is None or definition.report is None:
        return None
    said = definition.report(run.made(step.name, most))
    return Account(said) if isinstance(said, str) else said


def cost(totals: Iterable[Total]) -> str:
    """Dollars, or that they are not known; never nothing for something."""
    totals = list(totals)
    dollars, unpriced = sum(t.cost for t in totals), sum(t.unpriced for t in totals)
    if not unpriced:
        return f"${dollars:.4f}"
    return f"${dollars:.4f} and {unpriced:,} calls of unknown price" if dollars else "unknown"


def sessions(records: Records) -> str:
    """When the run was worked on, and how that ended, a line for each time."""
    lines = [
        f"session {s.id}: {s.started} UTC, "
        + (f"{s.status} at {s.ended}" if s.ended else "still running, or killed")
        for s in records.attempts()
    ]
    if len(lines) > 6:
        lines[2:-3] = [f"... {len(lines) - 5} more ..."]
    return "\n".join(lines)


def counts(run: Run) -> list[StepCounts]:
    """Of the seeds and each step that made anything, in the order of the recipe."""
    found, by_step = list[StepCounts](), run.records.counts()
    for step in (SEEDS, *run.labels):
        if step in by_step:
            kinds: Counter[str] = Counter()
            for (kind, _), n in by_step[step].items():
                kinds[kind] += n
            reasons = [
                (kind, reason, n)
                for (kind, reason), n in sorted(by_step[step].items(), key=lambda item: -item[1])
                if kind in ("rejection", "failure")
            ]
            numbers = (kinds["example"], kinds["rejection"], kinds["failure"])
            found.append(StepCounts(step, *numbers, reasons))
    return found


def _counts(run: Run) -> str:
    lines = [f"{'step':<24} {'examples':>9} {'rejected':>9} {'failed':>9}"]
    for step, examples, rejected, failed, reasons in counts(run):
        lines.append(f"{step:<24} {examples:>9,} {rejected:>9,} {failed:>9,}")
        lines += [f"    {n:,} {kind}: {reason}" for kind, reason, n in reasons]
    return "\n".join(lines)


def uses(totals: Iterable[Total]) -> list[Use]:
    """The totals of all sessions, by step, role and model."""
    groups: dict[tuple[str, str, str], list[Total]] = {}
    for total in totals:
        groups.setdefault((total.step, total.role, total.model), []).append(total)
    return [
        Use(
            *key,
            calls=sum(t.sent for t in group),
            reused=sum(t.reused for t in group),
            tokens_in=sum(t.tokens_in for t in group),
            tokens_out=sum(t.tokens_out for t in group),
            cost=cost(group),
        )
        for key, group in groups.items()
    ]


def _costs(totals: list[Total]) -> str:
    if not totals:
        return ""
    header = ("step", "role", "model", "calls", "reused", "tokens in", "tokens out")
    lines = ["{:<24} {:<10} {:<28} {:>9} {:>9} {:>12} {:>12}  cost".format(*header)]
    line = "{:<24} {:<10} {:<28} {:>9,} {:>9,} {:>12,} {:>12,}  {}"
    used = uses(totals)
    lines += [line.format(*use._replace(model=_short(use.model, 28))) for use in used]
    if len(used) > 1:
        lines.append(f"in all: {cost(totals)}")
    return "\n".join(lines)


def programs(isolations: dict[str, int]) -> str:
    """How many programs were run, by what stood around them."""
    return "\n".join(
        f"programs run in the sandbox ({isolation or 'refused'}): {n:,}"
        for isolation, n in sorted(isolations.items())
    )


def distinct(failures: Iterable[dict[str, Any]], most: int = 8) -> Iterator[str]:
    """The first failure of each message, with how many more say the same."""
    seen: Counter[str] = Counter()
    first: dict[str, str] = {}
    for failure in failures:
        message = f"{failure['error']}: {failure['message']}"
        seen[message] += 1
        first.setdefault(message, f"{failure['step']}/{failure['task']}")
    for message, n in seen.most_common(most):
        more = f" (and {n - 1:,} more)" if n > 1 else ""
        yield f"{first[message]}{more}: {message}"
    if len(seen) > most:
        yield f"... {len(seen) - most:,} other messages; failures.jsonl has all"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
