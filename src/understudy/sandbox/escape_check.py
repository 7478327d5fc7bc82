"""Does the sandbox hold? A hostile program tries to escape, and canaries show whether it did."""

import os
import socket
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from understudy.sandbox.protocol import Outcome

SECRET = "canary-4711"


class Canaries:
    """A secret in the home folder, a listening socket and a path to write to, for as long as the check
    takes."""

    def __enter__(self) -> Self:
        home = Path.home() if os.access(Path.home(), os.W_OK) else Path(tempfile.gettempdir())
        self._folder = tempfile.TemporaryDirectory(prefix=".understudy-escape-check-", dir=home)
        folder = Path(self._folder.name)
        (folder / "secret").write_text(SECRET)
        self.target = folder / "target"
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.places = {
            "secret": repr(str(folder / "secret")), "target": repr(str(self.target)),
            "port": self._socket.getsockname()[1], "parent": os.getpid(), "canary": repr(SECRET),
        }  # fmt: skip
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._socket.close()
        self._folder.cleanup()

    @property
    def connected(self) -> bool:
        try:
            self._socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True


def list_escapes(outcome: Outcome, canaries: Canaries) -> list[str]:
    """How the hostile program escaped. No answer from it counts as an escape."""
    escapes = [name for name in ATTEMPTS if any(name in value for value in outcome.values)]
    if not outcome.values or outcome.raised != (False,):
        escapes.append(f"the escape check did not answer: {outcome.error or outcome.values}")
    if canaries.connected:
        escapes.append("it reached a socket of this machine")
    if canaries.target.exists():
        escapes.append("it wrote a file of this machine")
    return escapes


ATTEMPTS = (
    "reads files of the user", "reads files of the system", "opens sockets", "starts processes",
    "signals other processes", "writes outside", "sees other processes",
)  # fmt: skip

SOURCE = """\
import os, socket, signal

def read(path, word):
    with open(path) as file:
        return word in file.read()

def connect():
    socket.create_connection(("127.0.0.1", {port}), timeout=1)
    return True

def fork():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return True

def signal_parent():
    os.kill({parent}, 0)
    return True

def write():
    with open({target}, "w") as file:
        file.write("x")
    return True

def see():
    return any(name.isdigit() and int(name) != os.getpid() for name in os.listdir("/proc"))

ATTEMPTS = {{
    "reads files of the user": lambda: read({secret}, {canary}),
    "reads files of the system": lambda: read("/etc/hostname", ""),
    "opens sockets": connect,
    "starts processes": fork,
    "signals other processes": signal_parent,
    "writes outside": write,
    "sees other processes": see,
}}

def report():
    successes = []
    for name, attempt in ATTEMPTS.items():
        try:
            if attempt():
                successes.append(name)
        except (OSError, ValueError):
            pass
    return successes
"""
