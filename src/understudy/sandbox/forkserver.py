"""A worker: a small interpreter that isolates itself once, then forks once per program.

It is started as `python -I -S`. Its standard input and output are its line to the pool, which carries
frames: four bytes of length, then JSON. Every program gets a fresh copy of this process, in which
nothing was executed before, and a /tmp of its own. When its time is up, its whole namespace is ended.

    pool -> worker -> program          (and beside it isolated tests, if it has any)

Isolated tests are a second frame, and their own process reads it from the line. They must never be in
the memory of a worker, because every later program is a copy of that memory.
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

from understudy.sandbox import (
    isolated_tests,
    landlock,
    namespaces,
    rlimits,
    rootfs,
    runner,
    seccomp,
)
from understudy.sandbox.codec import MAX_MESSAGES, encode_frame
from understudy.sandbox.syscalls import die_with_parent, drop_capabilities, no_new_privileges

READABLE = rootfs.list_readable()
"""What `landlock` leaves open. Computed once, before any fork."""
_CHUNK = 65_536


def main(layers: list[str]) -> None:
    """Serve the pool until it hangs up.

    `layers` are those of `namespaces`, `landlock` and `seccomp` that isolate each program. Resource
    limits always apply.
    """
    replies = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    rlimits.limit_files()
    try:
        if "namespaces" in layers:
            namespaces.enter()
        if layers:
            die_with_parent()  # a host that was killed with -9 does not hang up
    except OSError as error:
        _send(replies, {"refused": str(error)})
        return
    _prepare_interpreter()
    seccomp.build_template()
    gc.collect()
    gc.freeze()  # pages that are never written stay shared with every program
    _send(replies, {"ready": True})
    while (job := read_frame(0)) is not None:
        supervisor = Supervisor(job, layers)
        try:
            _send(replies, supervisor.run())
        except OSError as error:
            _send(replies, {"refused": str(error)})
        if job["apart"] and not supervisor.data["verdicts"]:
            return  # nobody knows how far the second frame was read


def _prepare_interpreter() -> None:
    """Set up the interpreter as a program shall find it. Doing it once here is cheaper than in every
    fork, where each page that is touched is copied."""
    os.environ.clear()
    os.environ.update({"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"})
    # On descriptors 0, 1 and 2, whatever a fork puts there.
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False, encoding="utf-8", errors="replace")
    sys.stderr = os.fdopen(2, "w", 1, closefd=False, encoding="utf-8", errors="replace")
    for name in [name for name in sys.modules if name.partition(".")[0] == "understudy"]:
        del sys.modules[name]
    del sys.path[0]
    signal.signal(signal.SIGINT, signal.default_int_handler)


def read_frame(descriptor: int) -> Any:
    """The next frame and not a byte more; None at the end."""
    head = _read_exactly(descriptor, 4)
    return json.loads(_read_exactly(descriptor, struct.unpack(">I", head)[0])) if head else None


def _read_exactly(descriptor: int, size: int) -> bytes:
    """`size` bytes, or none if the line ends before."""
    data = bytearray()
    while len(data) < size:
        if not (chunk := os.read(descriptor, size - len(data))):
            return b""
        data += chunk
    return bytes(data)


def _send(stream: BinaryIO, message: dict[str, Any]) -> None:
    stream.write(encode_frame(message))
    stream.flush()


class Supervisor:
    """Runs one program, and its isolated tests beside it."""

    def __init__(self, job: dict[str, Any], layers: list[str]) -> None:
        self.job, self.layers = job, layers
        self.data = {name: bytearray() for name in ("messages", "verdicts", "stdout", "stderr")}
        self._pipes: dict[int, str] = {}
        """Open pipes, each with the name of its `data`."""
        self._children: dict[int, int] = {}
        """Process ids by the descriptor that becomes readable when the child ends."""
        self._end_reason = ""
        self._status: dict[int, int] = {}
        self._cpu, self._memory = 0.0, 0

    def run(self) -> dict[str, Any]:
        """Run the program until it ends or goes over a limit, and report what happened."""
        start = time.perf_counter()
        program_end, tests_end = socket.socketpair() if self.job["apart"] else (None, None)
        program = self._start_program(program_end)
        last = self._start_tests(tests_end) if tests_end is not None else program
        for end in (program_end, tests_end):
            if end is not None:
                end.close()
        self._watch(last, start + self.job["seconds"])
        for descriptor, pid in self._children.items():
            self._end(descriptor, pid)
        for descriptor in list(self._pipes):
            self._drain(descriptor)
        return {
            "ended": self._end_reason,
            "status": self._status.get(program, 0),
            "wall": time.perf_counter() - start,
            "cpu": self._cpu,
            "memory": self._memory,
            **{name: bytes(data).decode("utf-8", "replace") for name, data in self.data.items()},
        }

    def _start_program(self, link: socket.socket | None) -> int:
        (out_r, out), (err_r, err), (messages_r, messages) = os.pipe(), os.pipe(), os.pipe()
        questions = link.fileno() if link is not None else None
        job, nonce = self.job, self.job["nonce"]

        def body() -> None:
            runner.run_program(job, nonce, 3, 4 if questions is not None else None)

        own = [os.open(os.devnull, os.O_RDONLY), out, err, messages]
        child = self._fork(body, own + ([questions] if questions is not None else []))
        self._pipes |= {out_r: "stdout", err_r: "stderr", messages_r: "messages"}
        for descriptor in own:
            os.close(descriptor)
        return child

    def _start_tests(self, link: socket.socket) -> int:
        verdicts_r, verdicts = os.pipe()
        nonce = self.job["nonce"]

        def body() -> None:
            files = read_frame(5)
            runner.write(3, b"\n")  # tells the worker that the second frame was read
            with socket.socket(fileno=4) as questions:
                isolated_tests.run_tests(files, nonce, questions, lambda d: runner.write(3, d))

        null = os.open(os.devnull, os.O_RDWR)
        child = self._fork(body, [null, null, null, verdicts, link.fileno(), 0])
        self._pipes[verdicts_r] = "verdicts"
        os.close(null)
        os.close(verdicts)
        return child

    def _fork(self, body: Callable[[], None], descriptors: list[int]) -> int:
        """Start a child that isolates itself and runs `body`. Its only open files are `descriptors`, as
        0, 1, 2, ... Returns the descriptor that becomes readable when the child ends."""
        pid = namespaces.fork_alone() if "namespaces" in self.layers else os.fork()
        if pid == 0:
            _isolate_and_run(self.job, self.layers, body, descriptors)
        descriptor = os.pidfd_open(pid)
        self._children[descriptor] = pid
        return descriptor

    def _watch(self, last: int, deadline: float) -> None:
        """Collect output until the process `last` ends, the time is up, or the output is too long."""
        poll = select.poll()
        for descriptor in (*self._children, *self._pipes):
            poll.register(descriptor, select.POLLIN | select.POLLHUP)
        while not self._end_reason:
            left = deadline - time.perf_counter()
            if left <= 0:
                self._end_reason = "timeout"
                return
            for descriptor, _ in poll.poll(left * 1000 + 1):
                if descriptor in self._children:
                    poll.unregister(descriptor)
                    if descriptor == last:
                        return
                    continue
                name = self._pipes[descriptor]
                data = os.read(descriptor, _CHUNK)
                self.data[name] += data
                if len(self.data[name]) > self._limit(name):
                    self._end_reason = "output limit"
                if not data:
                    poll.unregister(descriptor)
                    os.close(descriptor)
                    del self._pipes[descriptor]

    def _limit(self, name: str) -> int:
        """Most bytes of `data`."""
        return self.job["output"] if name in ("stdout", "stderr") else MAX_MESSAGES

    def _end(self, descriptor: int, pid: int) -> None:
        """End a child, if it still lives, and all that lives in its namespace."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        if "seccomp" not in self.layers:  # it may have started other processes
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
        os.close(descriptor)
        self._status[descriptor] = os.waitstatus_to_exitcode(status)
        self._cpu += usage.ru_utime + usage.ru_stime
        self._memory = max(self._memory, usage.ru_maxrss * 1024)

    def _drain(self, descriptor: int) -> None:
        """Read what is left in a pipe whose writer has ended."""
        os.set_blocking(descriptor, False)
        name = self._pipes.pop(descriptor)
        limit, data = self._limit(name), self.data[name]
        with contextlib.suppress(BlockingIOError):
            while len(data) <= limit and (chunk := os.read(descriptor, _CHUNK)):
                data += chunk
        if len(data) > limit and not self._end_reason:
            self._end_reason = "output limit"
        del data[limit:]
        os.close(descriptor)


_NOT_STARTED = 125
"""Exit status of a process that could not be isolated. The program was not started."""


def _isolate_and_run(
    job: dict[str, Any], layers: list[str], body: Callable[[], None], descriptors: list[int]
) -> None:
    """Never returns."""
    try:
        die_with_parent()
        os.setsid()
        _keep_only(descriptors)
        if "namespaces" in layers:
            rootfs.mount_private_tmp()
            os.chdir("/tmp")
            drop_capabilities()
        rlimits.restrict(job["seconds"], job["megabytes"], count_threads="namespaces" in layers)
        no_new_privileges()
        if "landlock" in layers:
            landlock.restrict(READABLE)
        if "seccomp" in layers:
            seccomp.restrict()
    except BaseException:
        os._exit(_NOT_STARTED)
    try:
        body()
    except ValueError:  # a value was too large for its message: the rest is missing
        pass
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(0)


def _keep_only(descriptors: list[int]) -> None:
    """Make these 0, 1, 2, ... and close all others."""
    copies = [os.dup(d) for d in descriptors]
    high = [os.dup2(d, 100 + i) for i, d in enumerate(copies)]
    for i, descriptor in enumerate(high):
        os.dup2(descriptor, i)
    os.closerange(len(high), min(1024, resource.getrlimit(resource.RLIMIT_NOFILE)[0]))


if __name__ == "__main__":
    main(sys.argv[1].split(","))
