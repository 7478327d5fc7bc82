"""The data set's card: a `README.md` as the Hugging Face hub reads it, for people and for machines.

It says what was made, from what, by which models and methods, what was rejected and why, what it
cost, and what to be careful about. Text of a model or a user is shown and cannot act.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import yaml

from understudy.data.markdown import to_block, to_code, to_prose
from understudy.runs.facts import ModelFacts, Reason, RunFacts, StepFacts

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
DECONTAMINATION = (
    "Not done. Examples may repeat the test questions of public benchmarks: do not report a "
    "benchmark's figures for a model trained on them without checking."
)
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]*")
"""An identifier as the hub has them, e.g. `cc-by-4.0`."""


def render_card(facts: RunFacts, *, format: str, files: str) -> str:
    """The card as Markdown, with its front matter. The same facts give the same text.

    `format` is the one that the rows are in, `files` is what the hub shows of them, e.g.
    `data/*.parquet`.
    """
    sections = (
        _front_matter(facts, files),
        f"# {to_prose(facts.name) or 'Data set'}",
        _what(facts, format),
        f"## Counts\n\n{_counts(facts)}",
        f"## Methods\n\n{_steps(facts.methods) or 'None: the seeds themselves.'}",
        f"## Filters\n\n{_steps(facts.filters) or 'None.'}",
        f"## Decontamination\n\n{DECONTAMINATION}",
        f"## Models and their terms\n\n{_models(facts)}",
        f"## Cost\n\n{_cost(facts)}",
        f"## Known limits\n\n{_limits(facts)}",
        f"## Recipe\n\n{to_block(facts.recipe, 'yaml')}",
        f"## Versions\n\n{_versions(facts)}",
    )
    return "\n\n".join(sections) + "\n"


def _front_matter(facts: RunFacts, files: str) -> str:
    tags = dict.fromkeys(("synthetic", "understudy", *(step.label for step in facts.methods)))
    front: dict[str, Any] = {"pretty_name": facts.name, **_license(facts.license)}
    front["tags"] = list(tags)
    front["size_categories"] = [_size(facts.examples)]
    data_files = [{"split": "train", "path": files}]
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


def _what(facts: RunFacts, format: str) -> str:
    lines = [
        f"{facts.examples:,} examples for training a language model, made on {to_prose(facts.date)} "
        f"with Understudy from the seeds {to_code(facts.seeds)}. The text was written by models, not by "
        "people.",
        f"Formats: {to_code(format)}.",
    ]
    if not facts.license.strip():
        lines.append(
            "No licence was chosen for this data set. Before you publish it, choose one that the "
            "terms below and the seeds' own licence allow."
        )
    return "\n\n".join(lines)


def _counts(facts: RunFacts) -> str:
    failed = Counter[str]()
    for step in facts.steps:
        failed.update({reason.text: reason.n for reason in _reasons(step, "failure")})
    lines = [f"* Examples: {facts.examples:,}", f"* Rejected: {facts.rejected:,}"]
    lines += [
        f"  * {to_code(step.label)}, {to_code(reason.text)}: {reason.n:,}"
        for step in (*facts.methods, *facts.filters)
        for reason in _reasons(step, "rejection")
    ]
    lines.append(f"* Failed: {facts.failed:,}")
    lines += [f"  * {to_code(reason)}: {n:,}" for reason, n in failed.items()]
    lines += [
        f"* Programs run in the sandbox {to_code(isolation or 'none')}: {n:,}"
        for isolation, n in facts.programs.items()
    ]
    return "\n".join(lines)


def _reasons(step: StepFacts, kind: str) -> list[Reason]:
    return [reason for reason in step.reasons if reason.kind == kind]


def _steps(steps: Sequence[StepFacts]) -> str:
    lines = list[str]()
    for step in steps:
        parts = [to_code(step.label)]
        if step.about:
            parts.append(to_prose(step.about))
        if step.paper:
            parts.append(_paper(step.paper))
        lines.append(f"* {' -- '.join(parts)}")
        lines += [
            f"  * rejected, {to_code(reason.text)}: {reason.n:,}"
            for reason in _reasons(step, "rejection")
        ]
    return "\n".join(lines)


def _paper(paper: str) -> str:
    if match := _PAPER.fullmatch(paper.strip()):
        return f"[arXiv:{match[1]}](https://arxiv.org/abs/{match[1]})"
    return to_prose(paper)


def _models(facts: RunFacts) -> str:
    if not facts.models:
        return "None: no model was called."
    lines = [
        "What providers and licences say about training other models on the output, in short and "
        "without warranty; read the sources before publishing data or a model.",
        "",
    ]
    for model in facts.models:
        endpoint = f" at {to_code(model.endpoint)}" if model.endpoint else ""
        lines.append(
            f"* {to_code(model.role)}: {to_code(model.model)}{endpoint} ({model.calls:,} calls, "
            f"{model.tokens_in:,} tokens in, {model.tokens_out:,} tokens out)"
        )
        lines += [f"  * {term}" for term in _terms(model)]
    return "\n".join(lines)


def _terms(model: ModelFacts) -> list[str]:
    if model.builtin:
        return ["Terms: ours, as the package's licence says."]
    if not model.terms:
        return ["Terms: not known: check."]
    return [
        f"{term.name}: {term.says} ([source]({term.source}), "
        f"{f'version of {term.dated}, ' if term.dated else ''}checked on {term.checked})"
        for term in model.terms
    ]


def _cost(facts: RunFacts) -> str:
    if facts.cost.unpriced:
        return "Not known: at least one model has no known price."
    return f"${facts.cost.dollars:,.2f} of model calls."


def _limits(facts: RunFacts) -> str:
    lines = [
        "* Models wrote this. It may be wrong, biased, or copied from what they were trained on, also "
        "where a filter has checked it.",
        "* A model that is trained on it takes over the teacher's errors and style.",
    ]
    if not facts.filters:
        lines.append("* Nothing was filtered.")
    if any(model.builtin for model in facts.models):
        lines.append(
            "* The built-in pocket model is a demonstration: what it writes shows how a run works and "
            "is not fit to train on."
        )
    return "\n".join(lines)


def _versions(facts: RunFacts) -> str:
    return "\n".join(
        f"* {to_code(name)}: {to_code(version)}" for name, version in facts.versions.items()
    )
