"""A pool for the tests of this folder, in every isolation that this machine has."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from understudy.errors import ConfigError, NoSandbox
from understudy.handles.sandbox import Sandbox
from understudy.sandbox.isolation import AUTO
from understudy.sandbox.worker_pool import WorkerPool


async def find_reason(name: str) -> str:
    """Why this machine does not have an isolation; empty if it has."""
    try:
        async with WorkerPool.open(name, size=1) as pool:
            await pool.isolation()
    except (ConfigError, NoSandbox) as error:
        return str(error)
    return ""


async def find_reasons() -> dict[str, str]:
    return {name: await find_reason(name) for name in AUTO}


REASONS = asyncio.run(find_reasons())


@pytest.fixture(params=AUTO)
async def pool(request: pytest.FixtureRequest) -> AsyncIterator[WorkerPool]:
    """In each isolation in turn."""
    if reason := REASONS[request.param]:
        pytest.skip(reason)
    async with WorkerPool.open(request.param, size=2) as pool:
        yield pool


@pytest.fixture
def sandbox(pool: WorkerPool) -> Sandbox:
    return Sandbox(pool.execute)
