"""What a run will cost: a few of its seeds are run, and the rest is extrapolated."""

import math
import time
from collections.abc import Callable

from understudy.call.budget import Prices
from understudy.errors import ConfigError
from understudy.runs.attempt import count_seeds, execute
from understudy.runs.facts import RunFacts, collect
from understudy.runs.reader import Run
from understudy.runs.resolve import ResolvedRecipe


async def estimate(
    resolved: ResolvedRecipe,
    tasks: int,
    *,
    notice: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Run the first `tasks` seeds in the run's own folder, where the run will find them. Extrapolate
    calls, tokens, cost and time to all seeds (or to `max_seeds`).

    Raises:
        ConfigError: a step works over all tasks at once.
    """
    recipe = resolved.recipe
    for step in resolved.steps:
        if step.definition.shape == "pool":
            raise ConfigError(
                f"{step.label} works over all its tasks at once, and a few seeds say nothing about it. "
                "Run it with a small n in a folder of its own instead, e.g. n=10 out=runs/try."
            )
    total = count_seeds(recipe)
    if recipe.max_seeds is not None:
        total = min(total, recipe.max_seeds)
    start = clock()
    summary = await execute(resolved, notice=notice, only=tasks)
    seconds = clock() - start
    run = Run(summary.out)
    facts = collect(run)
    # Not `tasks`: the folder may have more, from an earlier start of the run, and all of it counts.
    sample = run.records.count_tasks(run.labels[0])
    lines = [
        f"{sample} of {total:,} seeds gave {summary.examples:,} examples, {summary.rejected:,} "
        f"rejected, {summary.failed:,} failed; {facts.calls:,} calls, cost {facts.cost}.",
        *_extrapolate(facts, sample, total),
    ]
    if (sent := summary.tally.sent) and 0 < sample < total:
        # Of this attempt alone. If nothing was left to run, it says nothing about time.
        wave = seconds / math.ceil(tasks / recipe.concurrency)
        waves = math.ceil((total - sample) / recipe.concurrency)
        rest = facts.calls * (total / sample - 1)
        lines.append(
            f"Time for the rest: at least {wave * waves:,.0f} s if the endpoint takes "
            f"{recipe.concurrency} tasks at once, about {seconds * rest / sent:,.0f} s if no more than "
            f"{min(tasks, recipe.concurrency)}."
        )
    if summary.why:
        lines.append(f"Stopped early: {summary.why}")
    lines.append(f"The run itself continues from these {sample}; nothing is paid twice.")
    return "\n".join(lines)


def _extrapolate(facts: RunFacts, sample: int, total: int) -> list[str]:
    """Calls, tokens and cost of all seeds, from those of a sample."""
    if not sample:
        return ["No seed was finished, so there is nothing to extrapolate from."]
    factor = total / sample
    cost = (
        f"Cost: unknown; a price is missing (table of {Prices().date}; see `prices`)."
        if facts.cost.unpriced
        else f"Cost: about ${facts.cost.dollars * factor:,.2f}."
    )
    return [
        f"All {total:,}: about {facts.calls * factor:,.0f} calls, "
        f"{facts.tokens_in * factor:,.0f} tokens in, {facts.tokens_out * factor:,.0f} tokens out.",
        cost,
    ]
