"""Which tests are quick: `pytest -m quick` is for every save, the whole suite for every landing."""

from pathlib import Path

import pytest
from conftest import SLOW

TESTS = Path(__file__).parent


@pytest.mark.parametrize("name", SLOW)
def test_what_is_called_slow_is_there(name: str) -> None:
    assert (TESTS / name).exists(), "moved or renamed: its tests count as quick now"


def test_a_test_is_either_quick_or_slow(request: pytest.FixtureRequest) -> None:
    marks = [
        {mark.name for mark in item.iter_markers()} & {"quick", "slow"}
        for item in request.session.items
    ]
    assert all(len(names) == 1 for names in marks)
    own = {mark.name for mark in request.node.iter_markers()}
    assert "quick" in own
