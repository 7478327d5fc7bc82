"""The endpoint that the tests of the providers ask."""

from collections.abc import AsyncIterator

import pytest

from tests.providers.endpoint import Server, serve


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serve() as running:
        yield running
