"""The jobs of this folder as tests, where `UNDERSTUDY_SERVERS` names them: see README.md.

Each is a process of its own, so that its event loop, its environment and its exit code are those of
the command that the README gives.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

JOBS = {
    "llama": ("tests.servers.llama_server", 200),
    "litellm": ("tests.servers.litellm_proxy", 200),
    "transformers": ("tests.servers.transformers_serve", 60),
}
"""Module and tasks of each."""
ROOT = Path(__file__).resolve().parents[2]
NAMED = {name.strip() for name in os.environ.get("UNDERSTUDY_SERVERS", "").split(",")} - {""}
ENVIRON = dict(os.environ)
"""As it was when the tests began: what is installed once lies below the real home."""


@pytest.mark.servers
@pytest.mark.timeout(3600)  # the first time, a server is built
@pytest.mark.parametrize("server", JOBS)
def test_understudy_gets_along_with(server: str) -> None:
    if server not in NAMED:
        pytest.skip(f"set UNDERSTUDY_SERVERS={server} to run Understudy against it")
    module, tasks = JOBS[server]

    job = subprocess.run(
        [sys.executable, "-m", module, "--tasks", str(tasks)],
        cwd=ROOT,
        env=ENVIRON,
        capture_output=True,
        text=True,
        check=False,
    )

    assert job.returncode == 0, job.stdout[-10_000:] + job.stderr[-10_000:]


def test_every_server_that_is_named_is_known() -> None:
    unknown = NAMED - set(JOBS)

    assert not unknown, f"UNDERSTUDY_SERVERS: there are {', '.join(JOBS)}"
