"""The files made from a run's journal: on demand, and at the end of every session."""

from collections import Counter
from pathlib import Path

from understudy.data.atomic import write_text
from understudy.data.optional import has_parquet
from understudy.errors import ConfigError, RunFolderError
from understudy.exports.formats import DEFAULT, Format
from understudy.exports.write import write, write_rows
from understudy.reports.card import CardFacts, ModelFacts, StepFacts, card
from understudy.reports.page import page
from understudy.runs import facts
from understudy.runs.facts import RunFacts, collect
from understudy.runs.reader import Run

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
        write(run.examples(), data / "train.jsonl", DEFAULT)
        if has_parquet():
            write(run.examples(), parquet, DEFAULT)
            written.insert(1, parquet)
        elif not fresh:  # one from where the extra is installed would lack rows
            parquet.unlink(missing_ok=True)
        write_rows(run.rejected(), run.path / "rejected.jsonl")
        write_rows(run.failures(), run.path / "failures.jsonl")
        figures = collect(run)
        (run.path / "README.md").write_text(card(card_facts(run, figures)))
        write_text(run.path / "report.html", page(run, figures))
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
    """Write the examples of a step (the last by default) to one file. Returns the number of rows.

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


def card_facts(run: Run, facts: RunFacts) -> CardFacts:
    """What the data set card says of a run."""
    failed: Counter[str] = Counter()
    for step in facts.steps:
        failed.update({r.text: r.n for r in step.reasons if r.kind == "failure"})
    return CardFacts(
        name=facts.name,
        examples=facts.examples,
        seeds=facts.seeds,
        formats=(DEFAULT.name,),
        files="data/*.parquet" if (run.path / PARQUET).is_file() else "data/*.jsonl",
        license=facts.license,
        methods=[_step(step) for step in facts.methods],
        filters=[_step(step) for step in facts.filters],
        models=[
            ModelFacts(m.role, m.model, m.endpoint, m.calls, m.tokens_in, m.tokens_out)
            for m in facts.models
        ],
        programs=facts.programs,
        failed=failed,
        cost=None if facts.cost.unpriced else facts.cost.dollars,
        recipe=facts.recipe,
        versions=facts.versions,
        made=facts.begun,
    )


def _step(step: facts.StepFacts) -> StepFacts:
    rejected = {reason.text: reason.n for reason in step.reasons if reason.kind == "rejection"}
    return StepFacts(step.label, step.about, step.paper, rejected)
