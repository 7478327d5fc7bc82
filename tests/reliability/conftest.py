"""No process outlives its test."""

from collections.abc import Iterator

import pytest
from processes import RUNNING


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    yield
    for running in RUNNING:
        running.kill()
    RUNNING.clear()
