"""A pool for the tests of this folder, around every isolation that this machine has."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from understudy.errors import ConfigError, NoSandbox
from understudy.sandbox.handle import Sandbox
from understudy.sandbox.isolation import AUTO
from understudy.sandbox.pool import Pool


async def _reason(name: str) -> str:
    try:
        async with Pool.open(name, size=1) as pool:
            await pool.isolation()
    except (ConfigError, NoSandbox) as error:
        return str(error)
    return ""


def available() -> dict[str, str]:
    """Each isolation, and why this machine does not have it."""

    async def ask() -> dict[str, str]:
        return {name: await _reason(name) for name in AUTO}

    return asyncio.run(ask())


REASONS = available()


@pytest.fixture(params=AUTO)
async def pool(request: pytest.FixtureRequest) -> AsyncIterator[Pool]:
    """Around each isolation in turn."""
    if why := REASONS[request.param]:
        pytest.skip(why)
    async with Pool.open(request.param, size=2) as opened:
        yield opened


@pytest.fixture
def sandbox(pool: Pool) -> Sandbox:
    return Sandbox(pool.execute)
