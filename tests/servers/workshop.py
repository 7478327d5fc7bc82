"""What every server of others needs: a place that is kept, a virtual environment, a process.

Kept in the user's cache folder (`UNDERSTUDY_SERVERS_CACHE` names another), so that only the first
run is slow. `UNDERSTUDY_SERVERS_PIP` holds further arguments for every installation, such as
`--index-url` or `--find-links`.
"""

import asyncio
import hashlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

ROOT = Path(__file__).resolve().parents[2]
"""Of the repository."""


class Unable(Exception):
    """This machine cannot have the server; not a finding about Understudy."""


def cache(name: str) -> Path:
    """A folder of that name that outlives the run."""
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "understudy-servers"
    folder = Path(os.environ.get("UNDERSTUDY_SERVERS_CACHE") or usual) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def environment(name: str, *packages: str) -> Path:
    """The Python of a virtual environment that has the packages; made once per list of packages.

    Raises:
        Unable: they cannot be installed.
    """
    home = cache(name)
    stamp = hashlib.sha256("\n".join(packages).encode()).hexdigest()
    mark, python = home / "installed", home / "venv" / "bin" / "python"
    if mark.is_file() and mark.read_text() == stamp and python.is_file():
        return python
    say(f"installing {', '.join(packages)} into {home / 'venv'}")
    must([sys.executable, "-m", "venv", "--clear", str(home / "venv")])
    extra = shlex.split(os.environ.get("UNDERSTUDY_SERVERS_PIP", ""))
    tool = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if uv := shutil.which("uv"):  # many times faster
        tool = [uv, "pip", "install", "--quiet", "--python", str(python)]
    must([*tool, *extra, *packages])
    mark.write_text(stamp)
    return python


def must(command: Sequence[str], cwd: Path | None = None) -> None:
    """Run to the end, at low priority: others may be at work on the machine.

    Raises:
        Unable: it failed, with the end of what it said.
    """
    nice = ["nice", "-n", "10"] if shutil.which("nice") else []
    done = subprocess.run([*nice, *command], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr)[-3000:]
        raise Unable(f"{shlex.join(command)} ended with {done.returncode}:\n{said}")


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@asynccontextmanager
async def serving(
    command: Sequence[str],
    health: str,
    log: Path,
    *,
    environ: Mapping[str, str] | None = None,
    patience: float = 180,
) -> AsyncIterator[None]:
    """A server's process, from the moment that `health` answers 200 to the end of the block.

    `patience`: seconds it may take to get there. Its output goes to `log`.

    Raises:
        Unable: it ended, or was not ready in time.
    """
    loop = asyncio.get_running_loop()
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environ or {})},
            start_new_session=True,
        )
        started = loop.time()
        try:
            while not await _healthy(health):
                if process.returncode is not None or loop.time() - started > patience:
                    raise Unable(f"{command[0]} is not ready; the end of {log}:\n{_end_of(log)}")
                await asyncio.sleep(0.1)
            say(f"{Path(command[0]).name} is ready after {loop.time() - started:.1f} s")
            yield
        finally:
            await _end(process)


async def _healthy(url: str) -> bool:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(url) as response,
        ):
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), 15)
    except TimeoutError:
        process.kill()
        await process.wait()


def say(line: str) -> None:
    """A line of progress, at once."""
    print(line, flush=True)
