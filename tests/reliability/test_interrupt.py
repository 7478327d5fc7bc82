"""Ctrl-C and SIGTERM: once lets the calls under way finish, twice stops now."""

import signal
from pathlib import Path

import pytest
from processes import Run, Server, assert_whole, one_call_each, repeated, seeds

pytestmark = pytest.mark.timeout(120)

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.mark.parametrize("number", CODES)
def test_the_first_signal_keeps_every_call_under_way(
    tmp_path: Path, number: signal.Signals
) -> None:
    tasks = 200
    with Server("--delay", "0.3") as server:
        run = one_call_each(tmp_path, server, tasks, "concurrency=48")
        running = run.start()
        server.wait(requests=60)
        running.signal(number)

        ended = running.end()

        assert ended.code == CODES[number], ended
        assert "calls in flight; interrupt again" in ended.err
        asked, committed = server.asked(), run.committed()
        assert 60 <= asked.total() < tasks
        assert committed == asked, "a call under way was thrown away"
        assert sorted(run.tasks()) == sorted(asked), "its task was not finished"
        assert sorted(e["id"] for e in run.examples()) == sorted(asked), "the export lacks some"

        again = run.end()

        assert again.code == 0, again
        assert_whole(run, tasks)
        assert server.asked().total() == tasks


@pytest.mark.parametrize("number", CODES)
def test_the_second_signal_stops_at_once(tmp_path: Path, number: signal.Signals) -> None:
    with Server("--delay", "600") as server:
        run = one_call_each(tmp_path, server, 40, "concurrency=8")
        running = run.start()
        server.wait(requests=8)
        running.signal(number)
        said = running.wait_for("calls in flight; interrupt again")
        assert "stopping: waiting for 8 calls" in said

        running.signal(number)
        ended = running.end(20)

        assert ended.code == CODES[number], ended
        assert "the same command goes on" in ended.err
        assert run.committed() == {}


def test_calls_that_wait_for_a_retry_or_a_turn_do_not_hold_up_the_end(tmp_path: Path) -> None:
    """All have failed and wait to be tried again; no one is to wait for that."""
    with Server() as server:
        server.set(status=503, retry_after=600)
        run = one_call_each(tmp_path, server, 100, "concurrency=64", "down_after=3600")
        running = run.start()
        server.wait(requests=16)
        running.signal(signal.SIGINT)

        ended = running.end(20)
        assert ended.code == 130, ended
        assert run.rows() == [], "a task that was not tried to its end has no failure row"

        server.set(status=0)
        before = server.asked()
        assert run.end().code == 0
        assert_whole(run, 100)
        assert repeated(server.asked(), before, run.committed()) != []


def test_steps_in_a_row_are_drained_too(tmp_path: Path) -> None:
    """Interrupted while the second step works and the queue before it is full."""
    (tmp_path / "recipe.yaml").write_text(TWO_STEPS)
    seeds(tmp_path, 60)
    with Server("--delay", "0.1") as server:
        run = Run(tmp_path, ["recipe.yaml", server.model])
        running = run.start()
        server.wait(requests=40)
        running.signal(signal.SIGINT)

        ended = running.end(30)

        assert ended.code == 130, ended
        assert run.committed().total() == server.asked().total()
        assert run.end().code == 0
        assert server.asked().total() == 120
        assert len(run.tasks(step="second")) == 60


TWO_STEPS = """\
seeds: seeds.jsonl
steps:
  - self_consistency: {samples: 1, shots: 0}
  - use: self_consistency
    label: second
    settings: {samples: 1, shots: 0, temperature: 0.2}
out: run
concurrency: 4
"""
