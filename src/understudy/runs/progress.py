"""How a run goes on, live: a panel in a terminal, plain lines elsewhere."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import IO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from understudy.call.limits import Endpoint
from understudy.journal.rows import Kind
from understudy.runs.engine import Engine

Clock = Callable[[], float]


async def panel(engine: Engine, endpoints: Sequence[Endpoint], console: Console) -> None:
    """A table that is redrawn twice a second, until it is cancelled."""
    meter = Meter(engine, endpoints)
    with Live(meter.table(), console=console, refresh_per_second=4, transient=True) as live:
        while True:
            await asyncio.sleep(0.5)
            live.update(meter.table())


async def lines(
    engine: Engine, endpoints: Sequence[Endpoint], out: IO[str], every: float = 10.0
) -> None:
    """One line every `every` seconds, until it is cancelled."""
    meter = Meter(engine, endpoints)
    while True:
        await asyncio.sleep(every)
        print(meter.line(), file=out, flush=True)


def display(console: Console) -> Callable[[Engine, Sequence[Endpoint]], Awaitable[None]]:
    """The one that suits where `console` writes to."""
    if console.is_terminal:
        return lambda engine, endpoints: panel(engine, endpoints, console)
    return lambda engine, endpoints: lines(engine, endpoints, console.file)


class Meter:
    """Rates over the last half minute, and what is left."""

    def __init__(
        self, engine: Engine, endpoints: Sequence[Endpoint], clock: Clock = time.monotonic
    ) -> None:
        self._engine = engine
        self._endpoints = endpoints
        self._clock = clock
        self._marks = [self._mark()]

    def line(self) -> str:
        """The state in one line."""
        parts = [f"{n:,} {what}" for what, n in self._counts().items() if n]
        parts.append(f"{self._engine.progress.under_way:,} under way")
        return " · ".join([*parts, *self._speeds()])

    def table(self) -> Table:
        """The state as a panel."""
        table = Table.grid(padding=(0, 2))
        for what, n in self._counts().items():
            table.add_row(what, f"{n:,}", Text(self._reasons(what), style="dim"))
        table.add_row("under way", f"{self._engine.progress.under_way:,}", self._limits())
        table.add_row("speed", "", " · ".join(self._speeds()))
        return table

    def _counts(self) -> dict[str, int]:
        totals: Counter[str] = Counter()
        progress = self._engine.progress
        for counts in progress.counts.values():
            for (kind, _), n in counts.items():
                totals[kind] += n
        return {
            "accepted": self._engine.accepted,
            "rejected": totals["rejection"],
            "failed": totals["failure"],
        }

    def _reasons(self, what: str) -> str:
        kinds: dict[str, Kind] = {"rejected": "rejection", "failed": "failure"}
        reasons: Counter[str] = Counter()
        for counts in self._engine.progress.counts.values():
            for (kind, reason), n in counts.items():
                if kind == kinds.get(what):
                    reasons[reason] += n
        return ", ".join(f"{reason} {n:,}" for reason, n in reasons.most_common(4))

    def _limits(self) -> str:
        return ", ".join(
            f"{e.in_flight:,} of {int(e.limit):,} calls to {e.name}" for e in self._endpoints
        )

    def _speeds(self) -> list[str]:
        self._marks.append(self._mark())
        while len(self._marks) > 2 and self._marks[-1][0] - self._marks[1][0] >= WINDOW:
            self._marks.pop(0)
        (then, calls, tokens, ended), (now, calls_now, tokens_now, ended_now) = (
            self._marks[0], self._marks[-1],
        )  # fmt: skip
        seconds = max(now - then, 1e-9)
        tally = self._engine.tally
        cost = "unknown" if tally.unpriced else f"${tally.cost:.4f}"
        parts = [
            f"{(calls_now - calls) / seconds:,.1f} calls/s",
            f"{(tokens_now - tokens) / seconds:,.0f} tokens/s",
            f"cost {cost}",
        ]
        rate, left = (ended_now - ended) / seconds, self._engine.left()
        if left is not None and rate > 0:
            parts.append(f"{_duration(left / rate)} left")
        return parts

    def _mark(self) -> tuple[float, int, int, int]:
        tally, progress = self._engine.tally, self._engine.progress
        ended = progress.started - progress.under_way
        return self._clock(), tally.sent, tally.tokens_in + tally.tokens_out, ended


WINDOW = 30.0
"""Seconds that rates are averaged over."""


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes}:{seconds:02}"
