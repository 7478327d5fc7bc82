"""A real sandbox for the tests of this folder."""

from collections.abc import AsyncIterator

import pytest

from understudy.errors import NoSandbox
from understudy.sandbox.protocol import Execution, Program
from understudy.sandbox.worker_pool import WorkerPool


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    async with WorkerPool.open("auto", size=1) as pool:
        try:
            await pool.execute(Execution("", "", Program(source="")))
        except NoSandbox as error:
            pytest.skip(str(error))
        yield pool
