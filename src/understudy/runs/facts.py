"""The figures of a run, collected once: the terminal, the HTML page and the data set card show these."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import yaml

from understudy.data.licenses import Term, find_terms
from understudy.journal.read import Attempt, Total
from understudy.journal.rows import Kind
from understudy.providers.connect import parse
from understudy.runs.reader import Run
from understudy.runs.recipe import SEEDS


class Cost(NamedTuple):
    """Dollars, and the calls whose price is unknown."""

    dollars: float
    unpriced: int

    def __str__(self) -> str:
        """Dollars, or that they are unknown; an unknown cost is never shown as zero."""
        if not self.unpriced:
            return f"${self.dollars:.4f}"
        unknown = f"{self.unpriced:,} calls of unknown price"
        return f"${self.dollars:.4f} and {unknown}" if self.dollars else "unknown"


class Reason(NamedTuple):
    """Why tasks gave no example, and how many of them."""

    kind: Kind
    """`rejection` or `failure`."""
    text: str
    n: int


@dataclass(frozen=True)
class StepFacts:
    """The outcomes of one step's tasks. The seeds count as a step, since some lines are not tasks."""

    label: str
    kind: Literal["seeds", "method", "filter"]
    about: str
    """The first line of its documentation."""
    paper: str
    """E.g. `arXiv:2203.11171`, or empty."""
    examples: int
    rejected: int
    failed: int
    reasons: tuple[Reason, ...]
    """The most frequent first."""

    @property
    def rows(self) -> int:
        return self.examples + self.rejected + self.failed


class Use(NamedTuple):
    """What one role of one step cost, over all attempts."""

    step: str
    role: str
    model: str
    endpoint: str
    """Provider and base URL, separated by a space; never a key or password."""
    calls: int
    reused: int
    """Replies taken from other runs."""
    tokens_in: int
    tokens_out: int
    cost: Cost


class ModelFacts(NamedTuple):
    """One model in one role, over all steps and attempts."""

    role: str
    model: str
    endpoint: str
    calls: int
    tokens_in: int
    tokens_out: int
    builtin: bool
    """One of the models that come with the package."""
    terms: tuple[Term, ...]
    """What is known of the terms under which its output may train other models."""


@dataclass(frozen=True)
class RunFacts:
    """All figures of a run at one moment, as plain values."""

    name: str
    """The run folder's."""
    attempts: tuple[Attempt, ...]
    steps: tuple[StepFacts, ...]
    """The seeds, if some are broken; then every step of the recipe, in order."""
    uses: tuple[Use, ...]
    models: tuple[ModelFacts, ...]
    cost: Cost
    programs: Mapping[str, int]
    """Programs run in the sandbox, by its isolation."""
    seeds: str
    """Where the seeds came from; of a file only the name."""
    license: str
    recipe: str
    """The recipe as YAML, without what is at its default."""
    versions: Mapping[str, str]
    """Of Understudy, Python and the platform."""

    @property
    def status(self) -> str:
        """How the last attempt ended; empty while it is running, and if it was killed."""
        return self.attempts[-1].status or ""

    @property
    def date(self) -> str:
        """The date of the last attempt, e.g. `2026-11-23`."""
        return self.attempts[-1].started.partition(" ")[0]

    @property
    def examples(self) -> int:
        """Of the last step."""
        return self.steps[-1].examples

    @property
    def rejected(self) -> int:
        return sum(step.rejected for step in self.steps)

    @property
    def failed(self) -> int:
        return sum(step.failed for step in self.steps)

    @property
    def calls(self) -> int:
        return sum(use.calls for use in self.uses)

    @property
    def tokens_in(self) -> int:
        return sum(use.tokens_in for use in self.uses)

    @property
    def tokens_out(self) -> int:
        return sum(use.tokens_out for use in self.uses)

    @property
    def methods(self) -> tuple[StepFacts, ...]:
        return tuple(step for step in self.steps if step.kind == "method")

    @property
    def filters(self) -> tuple[StepFacts, ...]:
        return tuple(step for step in self.steps if step.kind == "filter")

    def step(self, label: str) -> StepFacts:
        return next(step for step in self.steps if step.label == label)


def collect(run: Run) -> RunFacts:
    """The figures of a run as its folder holds them now."""
    totals = run.records.totals()
    endpoints = _endpoints(run)
    return RunFacts(
        name=run.path.resolve().name,
        attempts=tuple(run.records.attempts()),
        steps=_steps(run),
        uses=_uses(totals, endpoints),
        models=_models(totals, endpoints),
        cost=cost_of(totals),
        programs=run.records.answered_by("sandbox"),
        seeds=_seeds(run),
        license=run.recipe.license,
        recipe=_recipe(run),
        versions={name: str(run.facts[name]) for name in ("understudy", "python", "platform")},
    )


def cost_of(totals: Iterable[Total]) -> Cost:
    """What these calls cost together."""
    totals = list(totals)
    return Cost(sum(total.cost for total in totals), sum(total.unpriced for total in totals))


def _steps(run: Run) -> tuple[StepFacts, ...]:
    counts = run.records.counts()
    steps = list[StepFacts]()
    if SEEDS in counts:
        steps.append(_step(SEEDS, "seeds", "", "", counts[SEEDS]))
    for label, definition in run.definitions.items():
        count = counts.get(label, Counter())
        if definition is None:
            steps.append(_step(label, "method", "", "", count))
        else:
            about, paper = definition.about, definition.paper
            steps.append(_step(label, definition.kind, about, paper, count))
    return tuple(steps)


def _step(
    label: str,
    kind: Literal["seeds", "method", "filter"],
    about: str,
    paper: str,
    counts: Counter[tuple[Kind, str]],
) -> StepFacts:
    def of(kind: Kind) -> int:
        return sum(n for (k, _), n in counts.items() if k == kind)

    reasons = tuple(
        Reason(kind, text, n)
        for (kind, text), n in sorted(counts.items(), key=lambda item: -item[1])
        if kind in ("rejection", "failure")
    )
    return StepFacts(
        label, kind, about, paper, of("example"), of("rejection"), of("failure"), reasons
    )


def _uses(totals: list[Total], endpoints: Mapping[str, str]) -> tuple[Use, ...]:
    groups: dict[tuple[str, str, str], list[Total]] = {}
    for total in totals:
        groups.setdefault((total.step, total.role, total.model), []).append(total)
    return tuple(
        Use(
            step, role, model, endpoints.get(model, ""),
            calls=sum(t.sent for t in group),
            reused=sum(t.reused for t in group),
            tokens_in=sum(t.tokens_in for t in group),
            tokens_out=sum(t.tokens_out for t in group),
            cost=cost_of(group),
        )
        for (step, role, model), group in groups.items()
    )  # fmt: skip


def _models(totals: list[Total], endpoints: Mapping[str, str]) -> tuple[ModelFacts, ...]:
    groups: dict[tuple[str, str], list[Total]] = {}
    for total in totals:
        groups.setdefault((total.role, total.model), []).append(total)
    return tuple(
        ModelFacts(
            role, model, endpoint := endpoints.get(model, ""),
            calls=sum(t.sent for t in group),
            tokens_in=sum(t.tokens_in for t in group),
            tokens_out=sum(t.tokens_out for t in group),
            builtin="pocket" in (model, endpoint) or model.startswith("pocket:"),
            terms=find_terms(model, endpoint),
        )
        for (role, model), group in groups.items()
    )  # fmt: skip


def _endpoints(run: Run) -> dict[str, str]:
    """Provider and base URL of each model that the recipe names, by the model's name."""
    addresses = [parse(settings.model) for settings in run.recipe.models.values()]
    return {a.model: publish(a.endpoint.replace("@", " ", 1)) for a in reversed(addresses)}


def publish(endpoint: str) -> str:
    """Without user names, passwords and queries in its URL, which may hold secrets."""
    return re.sub(r"https?://\S+", lambda match: _bare_url(match[0]), endpoint)


def _bare_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "(a URL that cannot be read)"
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _seeds(run: Run) -> str:
    """Where the seeds came from. Of a file only the name: its path may say more than it should."""
    seeds = run.recipe.seeds
    if not isinstance(seeds, str):
        return f"{len(seeds)} in the recipe"
    return seeds if seeds.startswith(("builtin:", "hf:")) else Path(seeds).name


def _recipe(run: Run) -> str:
    data = run.recipe.model_dump(mode="json", exclude_defaults=True, exclude={"out", "reuse"})
    data["seeds"] = _seeds(run)  # a list of seeds may be long; run.json has it
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
