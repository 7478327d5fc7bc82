"""A worker: a small interpreter that isolates itself once, then forks once per program.

Started as `python -I -S` with its standard input and output as the line to the pool: frames of JSON,
each after its length in four bytes. Every program gets a fresh copy of this process, in which nothing
was executed before, and its own /tmp; when its time is up, its whole namespace is ended.

    pool -> worker -> program          (and beside it its tests, where these run apart)

Tests that run apart are a second frame, which their own process reads from the line: they are never
in the memory of a worker, of which every later program is a copy.
"""

import contextlib
import gc
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from understudy.sandbox import guest, landlock, namespaces, rlimits, root, seccomp, tester
from understudy.sandbox.syscalls import die_with_parent, drop_capabilities, no_new_privileges
from understudy.sandbox.wire import frame

READABLE = root.readable()
"""What `landlock` leaves open, computed once."""
_CHUNK = 65_536
_MOST_MESSAGES = 4_000_000
"""Bytes of messages from one program."""


def main(layers: list[str]) -> None:
    """Serve the pool until it hangs up. `layers` of `namespaces`, `landlock` and `seccomp` stand around
    each program; limits always do."""
    replies = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    try:
        if "namespaces" in layers:
            namespaces.enter()
        if layers:
            die_with_parent()  # after a kill -9 nobody hangs up
    except OSError as error:
        _send(replies, {"refused": str(error)})
        return
    _as_a_program_finds_it()
    seccomp.template()
    gc.collect()
    gc.freeze()  # pages that are never written stay shared with every program
    _send(replies, {"ready": True})
    while (job := receive(0)) is not None:
        run = Run(job, layers)
        try:
            _send(replies, run.supervise())
        except OSError as error:
            _send(replies, {"refused": str(error)})
        if job["apart"] and not run.got["verdicts"]:
            return  # who knows how far the second frame was read


def _as_a_program_finds_it() -> None:
    """What is done to the interpreter here, once, needs not be done in every copy of it, where each
    page that is touched costs."""
    os.environ.clear()
    os.environ.update({"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"})
    # Of descriptors 0, 1 and 2, whatever they will be.
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False, encoding="utf-8", errors="replace")
    sys.stderr = os.fdopen(2, "w", 1, closefd=False, encoding="utf-8", errors="replace")
    for name in [name for name in sys.modules if name.partition(".")[0] == "understudy"]:
        del sys.modules[name]
    del sys.path[0]
    signal.signal(signal.SIGINT, signal.default_int_handler)


def receive(descriptor: int) -> Any:
    """The next frame and not a byte more; None at the end."""
    head = _exactly(descriptor, 4)
    return json.loads(_exactly(descriptor, struct.unpack(">I", head)[0])) if head else None


def _exactly(descriptor: int, size: int) -> bytes:
    """That many bytes; none where the line was cut before."""
    data = bytearray()
    while len(data) < size:
        if not (more := os.read(descriptor, size - len(data))):
            return b""
        data += more
    return bytes(data)


def _send(stream: BinaryIO, message: dict[str, Any]) -> None:
    stream.write(frame(message))
    stream.flush()


class Run:
    """One program under way."""

    def __init__(self, job: dict[str, Any], layers: list[str]) -> None:
        self.job, self.layers = job, layers
        self.read: dict[int, str] = {}
        """Open pipes, and what comes through each: `messages`, `verdicts`, `stdout`, `stderr`."""
        self.got = {name: bytearray() for name in ("messages", "verdicts", "stdout", "stderr")}
        self.children: dict[int, int] = {}
        """A descriptor that becomes readable when the child ends, and its process id."""
        self.ended = ""
        self.status: dict[int, int] = {}
        self.cpu, self.memory = 0.0, 0

    def supervise(self) -> dict[str, Any]:
        """Run the program to its end or to the end of its patience, and tell what came of it."""
        begun = time.perf_counter()
        program_end, tester_end = socket.socketpair() if self.job["apart"] else (None, None)
        first = self._program(program_end)
        last = self._tester(tester_end) if tester_end is not None else first
        for end in (program_end, tester_end):
            if end is not None:
                end.close()
        self._watch(last, begun + self.job["seconds"])
        for descriptor, pid in self.children.items():
            self._end(descriptor, pid)
        for descriptor in list(self.read):
            self._drain(descriptor)
        return {
            "ended": self.ended,
            "status": self.status.get(first, 0),
            "wall": time.perf_counter() - begun,
            "cpu": self.cpu,
            "memory": self.memory,
            **{name: bytes(data).decode("utf-8", "replace") for name, data in self.got.items()},
        }

    def _program(self, link: socket.socket | None) -> int:
        (out_r, out), (err_r, err), (say_r, say) = os.pipe(), os.pipe(), os.pipe()
        asked = link.fileno() if link is not None else None
        job, nonce = self.job, self.job["nonce"]

        def live() -> None:
            guest.run(job, nonce, 3, 4 if asked is not None else None)

        keep = [os.open(os.devnull, os.O_RDONLY), out, err, say]
        child = self._start(live, keep + ([asked] if asked is not None else []))
        self.read |= {out_r: "stdout", err_r: "stderr", say_r: "messages"}
        for descriptor in keep:
            os.close(descriptor)
        return child

    def _tester(self, link: socket.socket) -> int:
        say_r, say = os.pipe()
        nonce = self.job["nonce"]

        def live() -> None:
            files = receive(5)
            guest.write(3, b"\n")  # the second frame was read
            with socket.socket(fileno=4) as line:
                tester.run(files, nonce, line, lambda data: guest.write(3, data))

        null = os.open(os.devnull, os.O_RDWR)
        child = self._start(live, [null, null, null, say, link.fileno(), 0])
        self.read[say_r] = "verdicts"
        os.close(null)
        os.close(say)
        return child

    def _start(self, live: Callable[[], None], descriptors: list[int]) -> int:
        """A child that runs `live` between its walls, with `descriptors` as its 0, 1, 2, ... and no
        others; the descriptor that tells its end."""
        pid = namespaces.fork_alone() if "namespaces" in self.layers else os.fork()
        if pid == 0:
            _isolated(self.job, self.layers, live, descriptors)
        opened = os.pidfd_open(pid)
        self.children[opened] = pid
        return opened

    def _watch(self, last: int, deadline: float) -> None:
        """Until the process `last` ends, the time is up, or too much was written."""
        poll = select.poll()
        for descriptor in (*self.children, *self.read):
            poll.register(descriptor, select.POLLIN | select.POLLHUP)
        most = {"stdout": self.job["output"], "stderr": self.job["output"]}
        while not self.ended:
            left = deadline - time.perf_counter()
            if left <= 0:
                self.ended = "timeout"
                return
            for descriptor, _ in poll.poll(left * 1000 + 1):
                if descriptor in self.children:
                    poll.unregister(descriptor)
                    if descriptor == last:
                        return
                    continue
                name = self.read[descriptor]
                data = os.read(descriptor, _CHUNK)
                self.got[name] += data
                if len(self.got[name]) > most.get(name, _MOST_MESSAGES):
                    self.ended = "output limit"
                if not data:
                    poll.unregister(descriptor)
                    os.close(descriptor)
                    del self.read[descriptor]

    def _end(self, descriptor: int, pid: int) -> None:
        """End a child, if it has not ended, with all that lives in its namespace."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        if "seccomp" not in self.layers:  # it may have started others
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
        os.close(descriptor)
        self.status[descriptor] = os.waitstatus_to_exitcode(status)
        self.cpu += usage.ru_utime + usage.ru_stime
        self.memory = max(self.memory, usage.ru_maxrss * 1024)

    def _drain(self, descriptor: int) -> None:
        """What is left in a pipe whose writer has ended."""
        os.set_blocking(descriptor, False)
        name = self.read.pop(descriptor)
        most = _MOST_MESSAGES if name in ("messages", "verdicts") else self.job["output"]
        with contextlib.suppress(BlockingIOError):
            while len(self.got[name]) <= most and (data := os.read(descriptor, _CHUNK)):
                self.got[name] += data
        if len(self.got[name]) > most and not self.ended:
            self.ended = "output limit"
        del self.got[name][most:]
        os.close(descriptor)


_NOT_STARTED = 125
"""Status of a process that could not be isolated, in which the program was never begun."""


def _isolated(
    job: dict[str, Any], layers: list[str], live: Callable[[], None], descriptors: list[int]
) -> None:
    """Never returns."""
    try:
        die_with_parent()
        os.setsid()
        _only(descriptors)
        if "namespaces" in layers:
            root.private_folder()
            os.chdir("/tmp")
            drop_capabilities()
        rlimits.restrict(job["seconds"], job["megabytes"], counted="namespaces" in layers)
        no_new_privileges()
        if "landlock" in layers:
            landlock.restrict(READABLE)
        if "seccomp" in layers:
            seccomp.restrict()
    except BaseException:
        os._exit(_NOT_STARTED)
    try:
        live()
    except ValueError:  # one value too large for its message: what follows is missing
        pass
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(0)


def _only(descriptors: list[int]) -> None:
    """These become 0, 1, 2, ...; all others are closed."""
    aside = [os.dup(d) for d in descriptors]
    high = [os.dup2(d, 100 + i) for i, d in enumerate(aside)]
    for i, descriptor in enumerate(high):
        os.dup2(descriptor, i)
    os.closerange(len(high), min(1024, resource.getrlimit(resource.RLIMIT_NOFILE)[0]))


if __name__ == "__main__":
    main(sys.argv[1].split(","))
