"""The data set's card: a `README.md` as the Hugging Face hub reads it, for people and for machines.

It says what was made, from what, by which models and methods, what was thrown away and why, what it
cost, and what to be careful about. What comes from a model or a user is shown, never acted on.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import yaml

from understudy.data.licenses import terms_of
from understudy.data.markdown import block, code, prose

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
)
_PAPER = re.compile(r"arxiv:\s*(\d{4}\.\d{4,5}|[a-z-]+/\d{7})", re.IGNORECASE)
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]*")
"""An identifier as the hub has them, e.g. `cc-by-4.0`."""


@dataclass(frozen=True)
class StepFacts:
    """One method or filter of the recipe."""

    name: str
    about: str = ""
    """One line, e.g. the first of its docstring."""
    paper: str = ""
    """E.g. `arXiv:2203.11171`."""
    rejected: Mapping[str, int] = field(default_factory=dict[str, int])
    """Examples that it rejected, by reason."""


@dataclass(frozen=True)
class ModelFacts:
    """One model and the role that it had."""

    role: str
    name: str
    endpoint: str = ""
    """The provider's name, the base URL, or both with a blank between; never a key."""
    calls: int | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None


@dataclass(frozen=True)
class CardFacts:
    """All that a card says, as plain values."""

    name: str
    """The data set's name, e.g. the run's."""
    examples: int
    about: str = ""
    """One sentence of the user's own."""
    seeds: str = ""
    """Where the seeds came from, e.g. `tasks.jsonl`."""
    formats: Sequence[str] = ()
    """Formats that the rows are exported in."""
    files: str = "data/*.parquet"
    """The files the hub shows; all in one format."""
    license: str = ""
    """The data set's own, chosen by the user; empty where none was."""
    language: Sequence[str] = ()
    """E.g. `en`."""
    methods: Sequence[StepFacts] = ()
    filters: Sequence[StepFacts] = ()
    models: Sequence[ModelFacts] = ()
    programs: Mapping[str, int] = field(default_factory=dict[str, int])
    """Programs that were run, by what stood around them, e.g. `namespaces`."""
    failed: Mapping[str, int] = field(default_factory=dict[str, int])
    """Tasks without an outcome, by reason."""
    cost: float | None = None
    """Dollars; None where a price is unknown."""
    decontaminated: Sequence[str] = ()
    """What the examples were compared with, e.g. `gsm8k_test.jsonl`; empty where nothing was."""
    recipe: str = ""
    """The resolved recipe as YAML, without secrets."""
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    """E.g. `{"understudy": "0.1.0", "python": "3.12.1"}`."""
    made: str = ""
    """The date, e.g. `2026-11-23`."""


def card(facts: CardFacts) -> str:
    """The card as Markdown, with its front matter. The same facts give the same text."""
    sections = (
        _front_matter(facts),
        f"# {prose(facts.name) or 'Data set'}",
        _what(facts),
        f"## Counts\n\n{_counts(facts)}",
        f"## Methods\n\n{_steps(facts.methods) or 'None: the seeds themselves.'}",
        f"## Filters\n\n{_steps(facts.filters) or 'None.'}",
        f"## Decontamination\n\n{_decontamination(facts)}",
        f"## Models and their terms\n\n{_models(facts)}",
        f"## Cost\n\n{_cost(facts)}",
        f"## Known limits\n\n{_limits(facts)}",
        f"## Recipe\n\n{block(facts.recipe, 'yaml') if facts.recipe.strip() else 'Not recorded.'}",
        f"## Versions\n\n{_versions(facts)}",
    )
    return "\n\n".join(sections) + "\n"


def _front_matter(facts: CardFacts) -> str:
    tags = dict.fromkeys(("synthetic", "understudy", *(step.name for step in facts.methods)))
    front: dict[str, Any] = {"pretty_name": facts.name, **_license(facts.license)}
    if facts.language:
        front["language"] = list(facts.language)
    front["tags"] = list(tags)
    front["size_categories"] = [_size(facts.examples)]
    data_files = [{"split": "train", "path": facts.files}]
    front["configs"] = [{"config_name": "default", "data_files": data_files}]
    return f"---\n{yaml.safe_dump(front, sort_keys=False)}---"


def _license(name: str) -> dict[str, str]:
    if not name.strip():
        return {"license": "unknown"}
    if _LICENCE.fullmatch(name):
        return {"license": name}
    return {
        "license": "other",
        "license_name": re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-"),
    }


def _size(examples: int) -> str:
    return next((name for below, name in _SIZES if examples < below), "n>1T")


def _what(facts: CardFacts) -> str:
    when = f" on {prose(facts.made)}" if facts.made else ""
    start = f" from the seeds {code(facts.seeds)}" if facts.seeds else ""
    lines = [
        f"{facts.examples:,} examples for training a language model, made{when} with Understudy"
        f"{start}. The text was written by models, not by people."
    ]
    if facts.about.strip():
        lines.insert(0, prose(facts.about))
    if facts.formats:
        lines.append(f"Formats: {', '.join(code(name) for name in facts.formats)}.")
    if not facts.license.strip():
        lines.append(
            "No licence was chosen for this data set. Whoever publishes it has to choose one that the "
            "terms below and the seeds' own licence allow."
        )
    return "\n\n".join(lines)


def _counts(facts: CardFacts) -> str:
    rejected = dict[str, int]()
    for step in (*facts.methods, *facts.filters):
        for reason, number in step.rejected.items():
            label = f"{code(step.name)}, {code(reason)}"
            rejected[label] = rejected.get(label, 0) + number
    lines = [f"* Examples: {facts.examples:,}", f"* Rejected: {sum(rejected.values()):,}"]
    lines += [f"  * {label}: {number:,}" for label, number in rejected.items()]
    lines.append(f"* Failed: {sum(facts.failed.values()):,}")
    lines += [f"  * {code(reason)}: {number:,}" for reason, number in facts.failed.items()]
    lines += [
        f"* Programs run in the sandbox {code(around or 'none')}: {number:,}"
        for around, number in facts.programs.items()
    ]
    return "\n".join(lines)


def _steps(steps: Sequence[StepFacts]) -> str:
    lines = list[str]()
    for step in steps:
        parts = [code(step.name)]
        if step.about:
            parts.append(prose(step.about))
        if step.paper:
            parts.append(_paper(step.paper))
        lines.append(f"* {' -- '.join(parts)}")
        lines += [f"  * rejected, {code(why)}: {number:,}" for why, number in step.rejected.items()]
    return "\n".join(lines)


def _paper(paper: str) -> str:
    if found := _PAPER.fullmatch(paper.strip()):
        return f"[arXiv:{found[1]}](https://arxiv.org/abs/{found[1]})"
    return prose(paper)


def _decontamination(facts: CardFacts) -> str:
    if not facts.decontaminated:
        return (
            "Not done. Examples may repeat the test questions of public benchmarks: do not report a "
            "benchmark's figures for a model trained on them without checking."
        )
    return "Compared with, and freed of what is like:\n\n" + "\n".join(
        f"* {code(name)}" for name in facts.decontaminated
    )


def _models(facts: CardFacts) -> str:
    if not facts.models:
        return "None: no model was called."
    lines = [
        "What providers and licences say about training other models on the output, in short and "
        "without warranty; read the sources before publishing data or a model.",
        "",
    ]
    for model in facts.models:
        where = f" at {code(_public(model.endpoint))}" if model.endpoint else ""
        lines.append(f"* {code(model.role)}: {code(model.name)}{where}{_usage(model)}")
        if is_pocket(model):
            lines.append("  * Terms: ours, as the package's licence says.")
            continue
        known = terms_of(model.name, model.endpoint)
        for term in known:
            dated = f"version of {term.dated}, " if term.dated else ""
            lines.append(
                f"  * {term.name}: {term.says} ([source]({term.source}), {dated}checked on "
                f"{term.checked})"
            )
        if not known:
            lines.append("  * Terms: not known: check.")
    return "\n".join(lines)


def _usage(model: ModelFacts) -> str:
    numbers = (
        (model.calls, "calls"),
        (model.tokens_in, "tokens in"),
        (model.tokens_out, "tokens out"),
    )
    known = [f"{number:,} {what}" for number, what in numbers if number is not None]
    return f" ({', '.join(known)})" if known else ""


def _public(endpoint: str) -> str:
    """Without user names, passwords and queries, which may hold secrets."""
    return re.sub(r"https?://\S+", lambda match: _bare(match[0]), endpoint)


def _bare(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "(a URL that cannot be read)"
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def is_pocket(model: ModelFacts) -> bool:
    """Whether it is one of the built-in models."""
    return "pocket" in (model.name, model.endpoint) or model.name.startswith("pocket:")


def _cost(facts: CardFacts) -> str:
    if facts.cost is None:
        return "Not known: at least one model has no known price."
    return f"${facts.cost:,.2f} of model calls."


def _limits(facts: CardFacts) -> str:
    lines = [
        "* Models wrote this. It may be wrong, biased, or copied from what they were trained on, also "
        "where a filter has checked it.",
        "* Whoever trains on it takes over the teacher's errors and manner.",
    ]
    if not facts.filters:
        lines.append("* Nothing was filtered.")
    if any(map(is_pocket, facts.models)):
        lines.append(
            "* The built-in pocket model is a demonstration: what it writes shows how a run works and "
            "is not fit to train on."
        )
    return "\n".join(lines)


def _versions(facts: CardFacts) -> str:
    if not facts.versions:
        return "Not recorded."
    return "\n".join(f"* {code(name)}: {code(at)}" for name, at in facts.versions.items())
