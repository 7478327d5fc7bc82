"""Is the sandbox a sandbox? A program that tries what a hostile one would, and canaries that tell."""

import os
import socket
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from understudy.sandbox.protocol import Outcome

SECRET = "canary-4711"


class Canaries:
    """A file in the home folder, a listening socket and a file to be overwritten, for a moment."""

    def __enter__(self) -> Self:
        home = Path.home() if os.access(Path.home(), os.W_OK) else Path(tempfile.gettempdir())
        self._folder = tempfile.TemporaryDirectory(prefix=".understudy-probe-", dir=home)
        folder = Path(self._folder.name)
        (folder / "secret").write_text(SECRET)
        self.written = folder / "written"
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.places = {
            "secret": repr(str(folder / "secret")), "written": repr(str(self.written)),
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


def escaped(outcome: Outcome, canaries: Canaries) -> list[str]:
    """What the probe got through with; "it did not answer" where it said nothing."""
    found = [word for word in WORDS if any(word in value for value in outcome.values)]
    if not outcome.values or outcome.raised != (False,):
        found.append(f"the probe did not answer: {outcome.error or outcome.values}")
    if canaries.connected:
        found.append("it reached a socket of this machine")
    if canaries.written.exists():
        found.append("it wrote a file of this machine")
    return found


WORDS = (
    "reads files of the user", "reads files of the system", "opens sockets", "starts processes",
    "signals other processes", "writes outside", "sees other processes",
)  # fmt: skip

PROBE = """\
import os, socket, signal

def reads(path, word):
    with open(path) as file:
        return word in file.read()

def connects():
    socket.create_connection(("127.0.0.1", {port}), timeout=1)
    return True

def forks():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return True

def signals():
    os.kill({parent}, 0)
    return True

def writes():
    with open({written}, "w") as file:
        file.write("x")
    return True

def sees():
    return any(name.isdigit() and int(name) != os.getpid() for name in os.listdir("/proc"))

TRIES = {{
    "reads files of the user": lambda: reads({secret}, {canary}),
    "reads files of the system": lambda: reads("/etc/hostname", ""),
    "opens sockets": connects,
    "starts processes": forks,
    "signals other processes": signals,
    "writes outside": writes,
    "sees other processes": sees,
}}

def report():
    done = []
    for name, attempt in TRIES.items():
        try:
            if attempt():
                done.append(name)
        except (OSError, ValueError):
            pass
    return done
"""
