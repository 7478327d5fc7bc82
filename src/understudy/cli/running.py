"""Commands that run a recipe: `run` and `plan`."""

import asyncio
import gc
from typing import Annotated

import typer

from understudy.cli.command import Flags, Target, guard, say


@guard
def run(target: Target, flags: Flags = None) -> int:
    """Run a recipe, or continue it where it stopped.

    understudy run recipe.yaml budget=5

    understudy run self_consistency seeds=questions.jsonl models.teacher=openai:gpt-5-mini samples=20

    understudy methods recipe lists the keys of a recipe, understudy methods NAME those of a method.

    Ctrl-C once lets the calls in flight finish; twice stops at once. Exit codes: 0 done, 1 done without
    an example, 2 the recipe, the seeds or the folder are wrong, 3 stopped and can be continued, 128 +
    signal.
    """
    from rich.console import Console

    from understudy.runs.attempt import execute
    from understudy.runs.display import display
    from understudy.runs.recipe import load
    from understudy.runs.resolve import resolve

    recipe = resolve(load(target, flags or []))
    console = Console(stderr=True)
    _collect_rarely()
    summary = asyncio.run(execute(recipe, display=display(console), notice=say))
    # Only now: importing it would delay the first call.
    from understudy.exports.export import export_all
    from understudy.runs.facts import cost_of
    from understudy.runs.reader import Run

    done = Run(summary.out)
    export_all(done)

    print(
        f"{summary.out}: {summary.status}; {summary.examples:,} examples, {summary.rejected:,} "
        f"rejected, {summary.failed:,} failed; {summary.tally.sent:,} calls sent, "
        f"{summary.tally.replayed:,} replies from the journal; cost {cost_of(done.records.totals())}"
    )
    if summary.why:
        say(f"understudy: {summary.why}")
    if summary.failed:
        say(f"understudy: {summary.failed:,} tasks failed; understudy show {summary.out} says why.")
    if summary.signal:
        return 128 + summary.signal
    if summary.status != "done":
        return 3
    return 0 if summary.examples else 1


@guard
def plan(
    target: Target,
    flags: Flags = None,
    tasks: Annotated[int, typer.Option(help="How many seeds to try.")] = 5,
) -> None:
    """Run a few seeds and extrapolate to all of them.

    Prints the calls, tokens, cost and time of all seeds. Nothing is paid twice: the run itself
    continues from the seeds that were tried."""
    from understudy.reports.plan import estimate
    from understudy.runs.recipe import load
    from understudy.runs.resolve import resolve

    print(asyncio.run(estimate(resolve(load(target, flags or [])), tasks, notice=say)))


def _collect_rarely() -> None:
    """Let the cycle collector look at new objects only, and less often. With thousands of tasks alive
    it took a quarter of a run's CPU and found next to nothing (benchmarks/throughput.py). The setting
    is the whole process's, so only the command changes it."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
