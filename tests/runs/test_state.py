"""What the steps of a run share: when nothing more is to be started."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from understudy.errors import RunStopped, Unauthorized
from understudy.journal.write import SqliteJournal
from understudy.runs.halt import Halt
from understudy.runs.progress import Progress
from understudy.runs.quota import Quota
from understudy.runs.state import State


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    """Of a run that is to have two examples."""
    journal = SqliteJournal(tmp_path / "j.db")
    yield State(journal.records, journal.attempt, Progress(Quota(n=2)), Halt([]))
    await journal.close("done")


async def test_a_run_goes_on_until_it_has_enough(state: State) -> None:
    assert not state.over
    state.quota.accepted = 1
    assert not state.over
    state.quota.accepted = 2
    assert state.over


async def test_a_run_that_has_run_out_of_seeds_is_not_over(state: State) -> None:
    """Tasks that are under way may still be enough."""
    state.quota.max_seeds = state.quota.seeds = 3

    assert not state.over


@pytest.mark.parametrize("reason", [RunStopped("Ctrl-C"), Unauthorized("no key")])
async def test_a_halt_ends_it_whatever_is_missing(
    state: State, reason: RunStopped | Unauthorized
) -> None:
    state.halt(reason)

    assert state.over
    assert state.quota.missing == 2


async def test_the_quota_is_the_one_that_the_progress_counts(state: State) -> None:
    assert state.quota is state.progress.quota


async def test_each_attempt_has_a_state_of_its_own(state: State) -> None:
    other = State(state.records, state.attempt, state.progress, state.halt)

    assert isinstance(other.freed, asyncio.Event)
    assert other.freed is not state.freed
    assert not state.freed.is_set()
    with pytest.raises(FrozenInstanceError):
        state.attempt = 7  # type: ignore[misc]  # what is tested
