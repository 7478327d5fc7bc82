"""The figures of a run as text for a terminal: `understudy show`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from understudy.journal.read import Attempt
from understudy.reports.account import give_account
from understudy.runs.facts import Cost, RunFacts, StepFacts, Use
from understudy.runs.reader import Run


def render_text(run: Run, facts: RunFacts) -> str:
    """Attempts, counts with reasons, cost, what each method says of its rows, and the failures."""
    parts = [
        f"{run.path}",
        list_attempts(facts.attempts),
        _counts(facts.steps),
        _costs(facts.uses, facts.cost),
        list_programs(facts.programs),
    ]
    parts += [
        f"{label}\n{_indent(account.text)}"
        for label in run.labels
        if (account := give_account(run, label)) is not None
    ]
    if failures := list(group_failures(run.failures())):
        parts.append("failures\n" + _indent("\n".join(failures)))
    return "\n\n".join(part for part in parts if part)


def list_attempts(attempts: Sequence[Attempt]) -> str:
    """When each attempt started and how it ended, a line each; of many the first and the last ones."""
    lines = [
        f"attempt {a.id}: {a.started} UTC, "
        + (f"{a.status} at {a.end}" if a.end else "still running, or killed")
        for a in attempts
    ]
    if len(lines) > 6:
        lines[2:-3] = [f"... {len(lines) - 5} more ..."]
    return "\n".join(lines)


def list_programs(programs: Mapping[str, int]) -> str:
    """How many programs were run, by the sandbox's isolation, a line each."""
    return "\n".join(
        f"programs run in the sandbox ({isolation or 'refused'}): {n:,}"
        for isolation, n in sorted(programs.items())
    )


def group_failures(failures: Iterable[dict[str, Any]], most: int = 8) -> Iterator[str]:
    """The `most` frequent messages: each with the first task that has it, and how many more do."""
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for failure in failures:
        message = f"{failure['error']}: {failure['message']}"
        counts[message] += 1
        first.setdefault(message, f"{failure['step']}/{failure['task']}")
    for message, n in counts.most_common(most):
        more = f" (and {n - 1:,} more)" if n > 1 else ""
        yield f"{first[message]}{more}: {message}"
    if len(counts) > most:
        yield f"... {len(counts) - most:,} other messages; failures.jsonl has all"


def _counts(steps: Iterable[StepFacts]) -> str:
    lines = [f"{'step':<24} {'examples':>9} {'rejected':>9} {'failed':>9}"]
    for step in steps:
        lines.append(f"{step.label:<24} {step.examples:>9,} {step.rejected:>9,} {step.failed:>9,}")
        lines += [f"    {reason.n:,} {reason.kind}: {reason.text}" for reason in step.reasons]
    return "\n".join(lines)


def _costs(uses: Sequence[Use], cost: Cost) -> str:
    if not uses:
        return ""
    header = ("step", "role", "model", "calls", "reused", "tokens in", "tokens out")
    lines = ["{:<24} {:<10} {:<28} {:>9} {:>9} {:>12} {:>12}  cost".format(*header)]
    line = "{:<24} {:<10} {:<28} {:>9,} {:>9,} {:>12,} {:>12,}  {}"
    lines += [
        line.format(
            use.step, use.role, _shorten(use.model, 28), use.calls, use.reused, use.tokens_in,
            use.tokens_out, use.cost,
        )
        for use in uses
    ]  # fmt: skip
    if len(uses) > 1:
        lines.append(f"in all: {cost}")
    return "\n".join(lines)


def _shorten(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
