"""A run shown live."""

import asyncio
import io

import pytest
from harness import virtually
from rich.console import Console

from understudy.call.limits import Endpoint
from understudy.runs.display import display, lines, panel, table
from understudy.runs.progress import Meter, Progress
from understudy.runs.quota import Quota


def rendered(meter: Meter) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(table(meter))
    return console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO


def test_the_panel_has_a_line_for_each_kind_of_row_and_one_for_speed() -> None:
    progress = Progress(Quota(accepted=12), under_way=3)
    text = rendered(Meter(progress, [Endpoint("pocket", start=16)]))
    words = [line.split() for line in text.splitlines()]
    assert ["accepted", "12"] in words
    assert ["rejected", "0"] in words
    assert ["failed", "0"] in words
    assert ["under", "way", "3", "0", "of", "16", "calls", "to", "pocket"] in words
    assert "calls/s" in words[-1]


async def test_lines_are_printed_until_the_display_is_cancelled() -> None:
    class Out(io.StringIO):
        def flush(self) -> None:
            if self.getvalue().count("\n") == 3:
                three.set()

    three, out = asyncio.Event(), Out()
    task = asyncio.ensure_future(lines(Meter(Progress(under_way=2), []), out, every=0))
    await three.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert {line.split(" · ")[0] for line in out.getvalue().splitlines()} == {"2 under way"}


def test_the_panel_shows_the_state_of_half_a_second_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), width=200, force_terminal=True)
    progress = Progress(under_way=3)

    async def main() -> None:
        task = asyncio.ensure_future(panel(Meter(progress, []), console))
        await asyncio.sleep(0.4)
        progress.under_way = 7_654
        await asyncio.sleep(0.2)
        progress.under_way = 9_876
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    virtually(main())
    text = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert "7,654" in text
    assert "9,876" not in text


def test_a_file_gets_a_line_every_ten_seconds() -> None:
    out = io.StringIO()

    async def main() -> None:
        task = asyncio.ensure_future(lines(Meter(Progress(), []), out))
        await asyncio.sleep(35)
        task.cancel()
        await asyncio.wait([task])

    virtually(main())
    assert out.getvalue().count("\n") == 3


@pytest.mark.parametrize(("terminal", "shape"), [(True, panel), (False, lines)])
async def test_a_terminal_gets_the_panel_and_a_file_gets_lines(
    terminal: bool, shape: object
) -> None:
    console = Console(file=io.StringIO(), force_terminal=terminal)
    shown = display(console)(Progress(), [])
    assert shown.__name__ == shape.__name__  # type: ignore[attr-defined]  # coroutines have names
    shown.close()  # type: ignore[attr-defined]  # and are closed unstarted
