"""A run shown live: a panel in a terminal, plain lines elsewhere."""

import asyncio
from typing import IO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from understudy.runs.progress import Display, Meter


def display(console: Console) -> Display:
    """The one that suits where `console` writes to."""
    if console.is_terminal:
        return lambda progress, endpoints: panel(Meter(progress, endpoints), console)
    return lambda progress, endpoints: lines(Meter(progress, endpoints), console.file)


async def panel(meter: Meter, console: Console) -> None:
    """A table that is redrawn twice a second, until it is cancelled."""
    with Live(table(meter), console=console, refresh_per_second=4, transient=True) as live:
        while True:
            await asyncio.sleep(0.5)
            live.update(table(meter))


async def lines(meter: Meter, out: IO[str], every: float = 10.0) -> None:
    """One line every `every` seconds, until it is cancelled."""
    while True:
        await asyncio.sleep(every)
        print(meter.line(), file=out, flush=True)


def table(meter: Meter) -> Table:
    """The state as a panel."""
    grid = Table.grid(padding=(0, 2))
    for what, n, reasons in meter.counts():
        grid.add_row(what, f"{n:,}", Text(reasons, style="dim"))
    grid.add_row("under way", f"{meter.under_way:,}", meter.limits())
    grid.add_row("speed", "", " · ".join(meter.speeds()))
    return grid
