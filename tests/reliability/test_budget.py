"""A budget holds, whatever happens, and a higher one lets the run go on."""

from pathlib import Path

import pytest
from processes import Run, Server, assert_whole, one_call_each, repeated

pytestmark = pytest.mark.timeout(120)

INPUT, OUTPUT = 2.0, 10.0
"""Dollars per million tokens."""
PRICES = f"prices={{stub: {{input: {INPUT}, output: {OUTPUT}}}}}"


def paid(server: Server) -> float:
    """What the server would charge, in dollars."""
    stats = server.stats()
    return (stats["tokens_in"] * INPUT + stats["tokens_out"] * OUTPUT) / 1e6


def test_a_run_stops_before_it_crosses_its_budget_and_goes_on_with_a_higher_one(
    tmp_path: Path,
) -> None:
    tasks = 300
    with Server("--delay", "0.05") as server:
        run = one_call_each(tmp_path, server, tasks, PRICES, "max_tokens=60", "concurrency=64")
        for budget in (0.01, 0.02):
            before, committed = server.asked(), run.committed()

            ended = run.end(f"budget={budget}")

            assert ended.code == 3, ended
            assert f"the budget of ${budget:.2f}" in ended.err
            assert 0.8 * budget < paid(server) <= budget
            assert run.tasks("failure") == []
            assert repeated(server.asked(), before, committed) == []

        ended = run.end("budget=1")

        assert ended.code == 0, ended
        assert_whole(run, tasks)
        assert server.asked().total() == tasks
        assert charged(run) == pytest.approx(paid(server))


def test_a_budget_holds_over_kills(tmp_path: Path) -> None:
    """What was under way at a kill was charged, and nobody knows how much: that alone may come on
    top."""
    tasks, at_once, budget = 300, 8, 0.02
    with Server("--delay", "0.05") as server:
        settings = (PRICES, f"budget={budget}", "max_tokens=60", f"concurrency={at_once}")
        run = one_call_each(tmp_path, server, tasks, *settings)
        unknown = 0.0
        for answered in (20, 40, 60):
            running = run.start()
            server.wait(answered=answered)
            running.kill()
            unknown += at_once * most_of_a_call(server)

        ended = run.end()

        assert ended.code == 3, ended
        assert charged(run) <= budget
        assert paid(server) <= budget + unknown


def most_of_a_call(server: Server) -> float:
    stats = server.stats()
    return 2 * paid(server) / stats["answered"]


def charged(run: Run) -> float:
    """What the run's own books say."""
    return run.read("select sum(cost) from totals")[0][0]
