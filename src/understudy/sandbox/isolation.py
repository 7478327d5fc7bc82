"""The kinds of isolation, strongest first, and the command that starts a worker in each.

| name | a worker is started | around each program |
|---|---|---|
| `namespaces` | by us, in user, mount, network and IPC namespaces | process namespace, seccomp, limits |
| `bubblewrap` | by bwrap, which may be allowed namespaces when we are not | seccomp, limits |
| `landlock` | plainly | Landlock, seccomp, limits |
| `docker:IMAGE`, `podman:IMAGE` | in a container | seccomp, limits |
| `unsafe-subprocess` | plainly | limits only: no protection |
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from understudy.errors import ConfigError
from understudy.sandbox import rootfs
from understudy.sandbox.syscalls import is_supported

AUTO = ("namespaces", "bubblewrap", "landlock")
UNSAFE = "unsafe-subprocess"
CONTAINERS = ("docker", "podman")

_PACKAGE = Path(__file__).parents[1]
_START = """\
import sys; sys.path.insert(0, {parent!r})
from understudy.sandbox.forkserver import main; main({layers!r})"""


class Isolation(NamedTuple):
    """A way to run programs."""

    name: str
    command: list[str]
    """Starts a worker, which speaks over its standard input and output."""


def find_isolation(name: str) -> Isolation:
    """The isolation of that name.

    Raises:
        ConfigError: no isolation has the name, or this system cannot have it.
    """
    kind, _, image = name.partition(":")
    if kind == UNSAFE:
        return Isolation(name, _python([]))
    if not is_supported():
        raise ConfigError(f"{name}: isolation needs Linux, this is {sys.platform}.")
    if kind == "namespaces":
        return Isolation(name, _python(["namespaces", "seccomp"]))
    if kind == "landlock":
        return Isolation(name, _python(["landlock", "seccomp"]))
    if kind == "bubblewrap":
        return Isolation(name, [*_bubblewrap(), *_python(["seccomp"])])
    if kind in CONTAINERS:
        if not image:
            raise ConfigError(
                f"{name}: name an image that has Python 3.11, e.g. {kind}:python:3.11-slim."
            )
        return Isolation(name, _container(kind, image))
    raise ConfigError(
        f"sandbox: expected auto, {', '.join(AUTO)}, docker:IMAGE, podman:IMAGE or {UNSAFE}, found "
        f"{name!r}."
    )


def _python(layers: list[str], parent: str = str(_PACKAGE.parent), python: str = "") -> list[str]:
    # -I and -S keep out the user's settings and installed packages.
    start = _START.format(parent=parent, layers=layers)
    return [python or sys.executable, "-I", "-S", "-B", "-c", start]


def _bubblewrap() -> list[str]:
    if (bwrap := shutil.which("bwrap")) is None:
        raise ConfigError("bubblewrap: the program bwrap is not installed.")
    command = [bwrap, "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    for path in [*rootfs.list_readable(), str(_PACKAGE), *_interpreter()]:
        link = os.path.islink(path) and os.path.isdir(path)  # /lib -> usr/lib
        command += ["--symlink", os.readlink(path), path] if link else ["--ro-bind", path, path]
    return [*command, "--dev", "/dev", "--remount-ro", "/dev", "--dir", "/tmp",
            "--remount-ro", "/", "--chdir", "/"]  # fmt: skip


def _interpreter() -> Iterator[str]:
    """The binary, and the file that lets it find its library from a virtual environment."""
    yield os.path.realpath(sys.executable)
    if sys.prefix != sys.base_prefix:
        yield sys.executable
        yield os.path.join(sys.prefix, "pyvenv.cfg")


def _container(kind: str, image: str) -> list[str]:
    if (program := shutil.which(kind)) is None:
        raise ConfigError(f"{kind}: the program {kind} is not installed.")
    command = [program, "run", "--rm", "--interactive", "--network=none", "--read-only",
               "--cap-drop=ALL", "--security-opt=no-new-privileges", "--pids-limit=128",
               "--user=65534:65534", f"--volume={_PACKAGE}:/understudy/understudy:ro",
               image]  # fmt: skip
    return [*command, *_python(["seccomp"], "/understudy", "python3")]
