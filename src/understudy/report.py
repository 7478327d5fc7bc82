"""What a run folder says about itself, as text for a terminal."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from understudy.errors import ConfigError
from understudy.folder import JOURNAL, RECIPE, read_facts
from understudy.providers.connect import parse
from understudy.recipe import SEEDS, Recipe, Step, find
from understudy.records import Records, Total
from understudy.registry import Definition
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

    def made(self, step: str) -> Iterator[Example | Rejection]:
        """Examples and rejections of a step, in the order of the seeds."""
        for row in self.records.rows(step, "example", "rejection"):
            yield _example(row.body) if row.kind == "example" else _rejection(row.body)

    def rejected(self) -> Iterator[dict[str, Any]]:
        for label in self.labels:
            for row in self.records.rows(label, "rejection"):
                yield {"step": row.step, "task": row.task} | msgspec.json.decode(row.body)

    def failures(self) -> Iterator[dict[str, Any]]:
        for label in (SEEDS, *self.labels):
            for row in self.records.rows(label, "failure"):
                yield {"step": row.step, "task": row.task} | msgspec.json.decode(row.body)


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
        f"{run.path}", _sessions(run.records), _counts(run), _costs(run.records.totals()),
        _programs(run.records.isolations()),
    ]  # fmt: skip
    for step in run.recipe.steps:
        definition = run.definition(step)
        if definition is not None and definition.report is not None:
            parts.append(f"{step.name}\n{_indented(definition.report(run.made(step.name)))}")
    failures = list(_distinct(run.failures()))
    if failures:
        parts.append("failures\n" + _indented("\n".join(failures)))
    return "\n\n".join(part for part in parts if part)


def cost(totals: Iterable[Total]) -> str:
    """Dollars, or that they are not known; never nothing for something."""
    totals = list(totals)
    dollars, unpriced = sum(t.cost for t in totals), sum(t.unpriced for t in totals)
    if not unpriced:
        return f"${dollars:.4f}"
    return f"${dollars:.4f} and {unpriced:,} calls of unknown price" if dollars else "unknown"


def _sessions(records: Records) -> str:
    lines = [
        f"session {s.id}: {s.started} UTC, "
        + (f"{s.status} at {s.ended}" if s.ended else "still running, or killed")
        for s in records.sessions()
    ]
    if len(lines) > 6:
        lines[2:-3] = [f"... {len(lines) - 5} more ..."]
    return "\n".join(lines)


def _counts(run: Run) -> str:
    lines = [f"{'step':<24} {'examples':>9} {'rejected':>9} {'failed':>9}"]
    for step, counts in _in_order(run).items():
        kinds: Counter[str] = Counter()
        for (kind, _), n in counts.items():
            kinds[kind] += n
        lines.append(
            f"{step:<24} {kinds['example']:>9,} {kinds['rejection']:>9,} {kinds['failure']:>9,}"
        )
        reasons = {key: n for key, n in counts.items() if key[0] in ("rejection", "failure")}
        lines += [
            f"    {n:,} {kind}: {reason}"
            for (kind, reason), n in sorted(reasons.items(), key=lambda item: -item[1])
        ]
    return "\n".join(lines)


def _in_order(run: Run) -> dict[str, Counter[Any]]:
    counts = run.records.counts()
    return {label: counts[label] for label in (SEEDS, *run.labels) if label in counts}


def _costs(totals: list[Total]) -> str:
    if not totals:
        return ""
    header = ("step", "role", "model", "calls", "reused", "tokens in", "tokens out")
    lines = ["{:<24} {:<10} {:<28} {:>9} {:>9} {:>12} {:>12}  cost".format(*header)]
    groups: dict[tuple[str, str, str], list[Total]] = {}
    for total in totals:
        groups.setdefault((total.step, total.role, total.model), []).append(total)
    for (step, role, model), group in groups.items():
        sums = (sum(t.sent for t in group), sum(t.reused for t in group),
                sum(t.tokens_in for t in group), sum(t.tokens_out for t in group))  # fmt: skip
        line = "{:<24} {:<10} {:<28} {:>9,} {:>9,} {:>12,} {:>12,}  {}"
        lines.append(line.format(step, role, _short(model, 28), *sums, cost(group)))
    if len(groups) > 1:
        lines.append(f"in all: {cost(totals)}")
    return "\n".join(lines)


def _programs(isolations: dict[str, int]) -> str:
    return "\n".join(
        f"programs run in the sandbox ({isolation or 'refused'}): {n:,}"
        for isolation, n in sorted(isolations.items())
    )


def _distinct(failures: Iterable[dict[str, Any]], most: int = 8) -> Iterator[str]:
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
