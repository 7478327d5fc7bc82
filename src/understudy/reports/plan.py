"""What a run would come to: a few of its seeds are run, and the rest is extrapolated."""

import math
import time
from collections.abc import Callable

from understudy.call.budget import Prices
from understudy.errors import ConfigError
from understudy.runs.attempt import count_seeds, execute
from understudy.runs.facts import cost_of
from understudy.runs.reader import Run
from understudy.runs.resolve import ResolvedRecipe


async def estimate(resolved: ResolvedRecipe, tasks: int, *, notice: Callable[[str], None]) -> str:
    """Run the first `tasks` seeds in the run's own folder, where the run will find them, and
    extrapolate calls, tokens, cost and time to all seeds (or to `max_seeds`).

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
    begun = time.monotonic()
    summary = await execute(resolved, notice=notice, only=tasks)
    seconds = time.monotonic() - begun
    run = Run(summary.out)
    # Not `tasks`: the folder may hold more, of a run that has begun, and all of it is evidence.
    tried = run.records.tried(run.labels[0])
    totals = run.records.totals()
    factor = total / max(tried, 1)
    calls = sum(t.sent for t in totals)
    tokens_in, tokens_out = sum(t.tokens_in for t in totals), sum(t.tokens_out for t in totals)
    lines = [
        f"{tried} of {total:,} seeds gave {summary.examples:,} examples, {summary.rejected:,} "
        f"rejected, {summary.failed:,} failed; {calls:,} calls, cost {cost_of(totals)}.",
        f"All {total:,}: about {calls * factor:,.0f} calls, {tokens_in * factor:,.0f} tokens in, "
        f"{tokens_out * factor:,.0f} tokens out.",
    ]
    if any(t.unpriced for t in totals):
        lines.append(f"Cost: unknown; a price is missing (table of {Prices().date}; see `prices`).")
    else:
        lines.append(f"Cost: about ${sum(t.cost for t in totals) * factor:,.2f}.")
    if (sent := summary.tally.sent) and tried < total:
        # Of this session alone; one in which nothing was left to try says nothing about time.
        waves = math.ceil((total - tried) / recipe.concurrency)
        slowly = seconds * calls * (factor - 1) / sent
        lines.append(
            f"Time for the rest: at least {seconds * waves:,.0f} s if the endpoint bears "
            f"{recipe.concurrency} tasks at once, about {slowly:,.0f} s if no more than {tasks}."
        )
    if summary.why:
        lines.append(f"Stopped early: {summary.why}")
    lines.append(f"The run itself goes on from these {tried}; nothing is paid twice.")
    return "\n".join(lines)
