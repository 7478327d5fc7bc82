"""The files made from a run's journal: on demand, and at the end of every session."""

from collections import Counter
from pathlib import Path

import yaml

from understudy.data.atomic import write_text
from understudy.data.optional import has_parquet
from understudy.errors import ConfigError, RunFolderError
from understudy.exports.formats import Format
from understudy.exports.write import write, write_rows
from understudy.journal.read import Total
from understudy.reports.card import CardFacts, ModelFacts, StepFacts, card
from understudy.reports.page import page
from understudy.reports.report import Run

STAMP = "data/.exported"
"""Says what state of the run the exports tell, so that a finished one does not write them again."""

PARQUET = "data/train.parquet"
OTHERS = ("data/train.jsonl", "rejected.jsonl", "failures.jsonl", "README.md", "report.html")


def export_all(run: Run, *, again: bool = False) -> list[Path]:
    """Everything a run folder holds beside its journal: `data/train.jsonl`, with the extra `parquet`
    also `train.parquet`, `rejected.jsonl`, `failures.jsonl`, the data set card and `report.html`.
    Returns what was written: nothing, unless `again`, where nothing came of the run since.

    Raises:
        RunFolderError: the disk did not take them; the journal is untouched.
    """
    newest, stamp = _state(run), run.path / STAMP
    fresh = stamp.is_file() and stamp.read_text() == newest
    if fresh and not again:
        return []
    data, parquet = run.path / "data", run.path / PARQUET
    written = [run.path / name for name in OTHERS]
    try:
        data.mkdir(exist_ok=True)
        write(run.examples(), data / "train.jsonl", "messages")
        if has_parquet():
            write(run.examples(), parquet, "messages")
            written.insert(1, parquet)
        elif not fresh:  # one from where the extra is installed would lack rows
            parquet.unlink(missing_ok=True)
        write_rows(run.rejected(), run.path / "rejected.jsonl")
        write_rows(run.failures(), run.path / "failures.jsonl")
        told = facts(run)
        (run.path / "README.md").write_text(card(told))
        write_text(run.path / "report.html", page(run, told))
        stamp.write_text(newest)
    except RunFolderError:
        raise
    except OSError as error:
        raise RunFolderError(
            f"{run.path}: the exports could not be written: {error.strerror}. The journal is safe; "
            f"make room, then: understudy export {run.path}"
        ) from error
    return written


def _state(run: Run) -> str:
    """Changes with all that the exports tell: rows, calls, and whether the run is finished."""
    calls = sum(total.sent + total.reused for total in run.records.totals())
    return f"{run.records.newest()}, {calls} calls, {run.records.attempts()[-1].status}"


def export(run: Run, file: Path, format: Format, step: str = "") -> int:
    """The examples of a step (the last by default) in one file; the number of rows.

    Raises:
        ConfigError: the format cannot express one of them, or the file needs an extra that is
            missing; `file` is as it was.
    """
    try:
        return write(run.examples(step), file, format)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(str(error)) from error


def facts(run: Run) -> CardFacts:
    """What the data set card says of a run."""
    counts, totals, recipe = run.records.counts(), run.records.totals(), run.recipe
    steps: dict[str, list[StepFacts]] = {"method": [], "filter": []}
    failed: Counter[str] = Counter()
    for made in counts.values():
        failed.update({reason: n for (kind, reason), n in made.items() if kind == "failure"})
    for step in recipe.steps:
        definition = run.definition(step)
        made = counts.get(step.name, Counter())
        rejected = {reason: n for (kind, reason), n in made.items() if kind == "rejection"}
        kind, about, paper = "method", "", ""
        if definition is not None:
            kind, about, paper = definition.kind, definition.about, definition.paper
        steps[kind].append(StepFacts(step.name, about, paper, rejected))
    examples = sum(
        n for (kind, _), n in counts.get(run.labels[-1], Counter()).items() if kind == "example"
    )
    unpriced = any(total.unpriced for total in totals)
    return CardFacts(
        name=run.path.resolve().name,
        examples=examples,
        seeds=_seeds(run),
        formats=("messages",),
        files="data/*.parquet" if (run.path / PARQUET).is_file() else "data/*.jsonl",
        license=recipe.license,
        methods=steps["method"],
        filters=steps["filter"],
        models=_models(totals, run),
        programs=run.records.answered_by("sandbox"),
        failed=failed,
        cost=None if unpriced else sum(total.cost for total in totals),
        recipe=_recipe(run),
        versions={name: str(run.facts[name]) for name in ("understudy", "python", "platform")},
        made=run.records.attempts()[-1].started.partition(" ")[0],
    )


def _seeds(run: Run) -> str:
    """Where the seeds came from; of a file its name alone, as paths say more than they should."""
    seeds = run.recipe.seeds
    if not isinstance(seeds, str):
        return f"{len(seeds)} in the recipe"
    return seeds if seeds.startswith(("builtin:", "hf:")) else Path(seeds).name


def _recipe(run: Run) -> str:
    shown = run.recipe.model_dump(mode="json", exclude_defaults=True, exclude={"out", "reuse"})
    shown["seeds"] = _seeds(run)  # a list of them stays in run.json, however long
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True)


def _models(totals: list[Total], run: Run) -> list[ModelFacts]:
    groups: dict[tuple[str, str], list[Total]] = {}
    for total in totals:
        groups.setdefault((total.role, total.model), []).append(total)
    return [
        ModelFacts(
            role=role,
            name=model,
            endpoint=run.endpoint_of(model),
            calls=sum(t.sent for t in group),
            tokens_in=sum(t.tokens_in for t in group),
            tokens_out=sum(t.tokens_out for t in group),
        )
        for (role, model), group in groups.items()
    ]
