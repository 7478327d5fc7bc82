"""Hostile programs: every isolation contains every one of them, and none passes its tests by cheating.

Each attack returns values that say how far it came. The machine is checked as well.
"""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from understudy.handles.sandbox import Sandbox
from understudy.sandbox.protocol import Outcome, Program
from understudy.sandbox.worker_pool import WorkerPool

PATIENCE = 20.0
"""Seconds for what ends by itself, however busy the machine is."""
GOOD = Program(source="def f(x):\n    return x + 1", tests=("assert f(1) == 2",), seconds=PATIENCE)
TEST = ("assert f(1) == 2",)
FILE = ("def check(candidate):\n    assert candidate(1) == 2\ncheck(f)",)
"""The same test, as a file."""


async def run(sandbox: Sandbox, source: str, *calls: str, **fields: object) -> Outcome:
    fields = {"seconds": PATIENCE, **fields}
    return await sandbox.run(Program(source=source, calls=calls, **fields))  # type: ignore[arg-type]  # each test names its own


async def is_well(sandbox: Sandbox) -> bool:
    return (await sandbox.run(GOOD)).passed


def list_workers(host: int | None = None) -> set[psutil.Process]:
    """The workers of a process, by default of this one, and whatever they started."""
    workers: set[psutil.Process] = set()
    for process in psutil.Process(host).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            if "understudy.sandbox.forkserver" in " ".join(process.cmdline()):
                workers.add(process)
    return workers


async def end(workers: set[psutil.Process]) -> None:
    """Wait until none of them is left: the kernel ends a namespace in its own time."""
    async with asyncio.timeout(PATIENCE):
        while any(map(is_alive, workers)):  # noqa: ASYNC110  # other processes
            await asyncio.sleep(0.02)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# Time, memory, space

ENDLESS = {
    "a loop": "while True:\n    pass",
    "a loop that catches everything": (
        "while True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass"
    ),
    "all signals ignored": (
        "import signal\n"
        "for n in range(1, 65):\n"
        "    try:\n        signal.signal(n, signal.SIG_IGN)\n"
        "    except (OSError, ValueError):\n        pass\n"
        "while True:\n    pass"
    ),
    "sleep": "import time\ntime.sleep(1000)",
    "one step of C that takes forever": "x = 7 ** (10 ** 8)",
}


@pytest.mark.parametrize("attack", ENDLESS)
async def test_what_never_ends_is_ended(attack: str, sandbox: Sandbox) -> None:
    outcome = await run(sandbox, ENDLESS[attack], seconds=0.5)
    assert outcome.status == "timeout"
    assert "TIMEOUT" in outcome.error
    assert await is_well(sandbox)


HOGS = {
    "one list": "x = [0] * 10 ** 9",
    "bit by bit": "x = []\nwhile True:\n    x.append(bytearray(1 << 20))",
    "a mapping": "import mmap\nx = [mmap.mmap(-1, 1 << 30) for _ in range(8)]",
}


@pytest.mark.parametrize("attack", HOGS)
async def test_memory_is_bounded(attack: str, sandbox: Sandbox) -> None:
    outcome = await run(sandbox, HOGS[attack], megabytes=256)
    assert outcome.status in ("out of memory", "error"), outcome
    assert outcome.memory < 300 << 20
    assert await is_well(sandbox)


UNCOUNTED = """\
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)

def memfd():
    fd = os.memfd_create("x")
    for _ in range(600):
        os.write(fd, bytes(1 << 20))
    return "wrote 600 MB that no limit counts"

def shared():
    if libc.shmget(0, 1 << 30, 0o1600) >= 0:
        return "has shared memory that no limit counts"
"""


@pytest.mark.parametrize("call", ["memfd()", "shared()"])
async def test_memory_that_no_limit_counts_is_denied(call: str, sandbox: Sandbox) -> None:
    outcome = await run(sandbox, UNCOUNTED, call)
    assert outcome.values == ("None",) or outcome.raised == (True,), outcome


async def test_a_fork_bomb_does_not_even_fork(sandbox: Sandbox) -> None:
    before = len(list_workers())
    source = (
        "import os\ndef f():\n    n = 0\n    while n < 100:\n        try:\n            os.fork()\n"
        "        except OSError:\n            return n\n        n += 1\n    return n"
    )
    assert (await run(sandbox, source, "f()")).values == ("0",)
    assert len(list_workers()) <= before + 8
    for spawn in ("__import__('subprocess').run(['true'])", "__import__('os').system('true')"):
        outcome = await run(sandbox, "", spawn)
        assert outcome.raised == (True,) or outcome.values[0] != "0", outcome


async def test_a_thread_bomb_is_stopped(sandbox: Sandbox) -> None:
    source = (
        "import threading, time\ndef f():\n    n = 0\n    try:\n        while n < 5000:\n"
        "            threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n"
        "            n += 1\n    except RuntimeError:\n        pass\n    return n"
    )
    outcome = await run(sandbox, source, "f()")
    assert outcome.values == () or int(outcome.values[0]) < 500, outcome
    assert await is_well(sandbox)


FILLS = """\
import os
def f():
    total = 0
    for folder in ("/tmp", "/dev/shm", "/", "/dev", "/etc", "/run", "/var/tmp", os.getcwd()):
        try:
            with open(os.path.join(folder, "fill"), "wb") as file:
                while total < 1 << 30:
                    total += file.write(bytes(1 << 20))
        except OSError:
            pass
    return total >> 20

def g():
    files = 0
    for folder in ("/tmp", "/dev/shm", "/", "/dev"):
        try:
            for i in range(60_000):
                open(f"{folder}/{i}", "w").close()
                files += 1
        except OSError:
            pass
    return files
"""


async def test_the_disk_cannot_be_filled(sandbox: Sandbox) -> None:
    outcome = await run(sandbox, FILLS, "f()", "g()")
    assert int(outcome.values[0]) <= 40, outcome
    assert int(outcome.values[1]) <= 2_000, outcome


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_output_is_cut_and_the_program_ended(stream: str, sandbox: Sandbox) -> None:
    source = f"import sys\nwhile True:\n    sys.{stream}.write('x' * 10000)"
    outcome = await run(sandbox, source, output=50_000)
    assert outcome.status == "output limit"
    assert len(outcome.stdout) + len(outcome.stderr) <= 50_000


async def test_a_huge_value_does_not_come_out(sandbox: Sandbox) -> None:
    outcome = await run(sandbox, "def f():\n    return 'x' * 50_000_000", "f()")
    assert outcome.status != "passed"
    assert await is_well(sandbox)


# The rest of the machine


@pytest.fixture
def secret() -> Iterator[Path]:
    path = Path.home() / f".understudy-test-{os.getpid()}"
    path.write_text("hunter2")
    yield path
    path.unlink()


READS = """\
import os
def read(path):
    with open(path) as file:
        return file.read()

def linked(path):
    os.symlink(path, "/tmp/link")
    return read("/tmp/link")

def by_descriptor():
    descriptors = []
    for fd in range(3, 1000):
        try:
            os.fstat(fd)
            descriptors.append(fd)
        except OSError:
            pass
    return descriptors
"""


async def test_the_users_files_cannot_be_read(
    sandbox: Sandbox, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [str(secret), "/etc/shadow", "/etc/hostname", f"/proc/{os.getpid()}/environ",
             "/proc/1/environ", "/proc/self/environ", f"/proc/{os.getpid()}/root{secret}"]  # fmt: skip
    calls = [f"read({path!r})" for path in paths] + [f"linked({str(secret)!r})"]
    outcome = await run(sandbox, READS, *calls)
    assert outcome.raised == (True,) * len(calls), outcome
    assert "hunter2" not in str(outcome)


async def test_the_environment_holds_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "hunter2")
    async with WorkerPool.open(size=1) as pool:
        source = (
            "import os, ctypes\ndef f():\n    environ = ctypes.POINTER(ctypes.c_char_p).in_dll("
            "ctypes.CDLL(None), 'environ')\n    i, texts = 0, []\n    while environ[i]:\n"
            "        texts.append(environ[i].decode())\n        i += 1\n"
            "    return texts + list(os.environ.items())"
        )
        outcome = await run(Sandbox(pool.execute), source, "f()")
    assert outcome.status == "passed", outcome
    assert "hunter2" not in str(outcome)
    assert "HOME" in str(outcome)  # it looked


async def test_a_program_inherits_no_open_files(sandbox: Sandbox) -> None:
    outcome = await run(sandbox, READS, "by_descriptor()")
    assert outcome.values == ("[3]",), outcome  # the pipe for what it returns


NETWORK = """\
import socket
def tcp(port):
    socket.create_connection(("127.0.0.1", port), timeout=1)
    return "connected"
def make(family, kind):
    socket.socket(getattr(socket, family), getattr(socket, kind))
    return "made"
"""


async def test_there_is_no_network(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        outcome = await run(
            sandbox, NETWORK, f"tcp({server.getsockname()[1]})", "make('AF_INET', 'SOCK_DGRAM')",
            "make('AF_INET6', 'SOCK_STREAM')", "make('AF_UNIX', 'SOCK_STREAM')",
            "make('AF_NETLINK', 'SOCK_RAW')", "make('AF_PACKET', 'SOCK_RAW')",
        )  # fmt: skip
        with pytest.raises(BlockingIOError):
            server.accept()
    assert outcome.raised == (True,) * 6, outcome


async def test_other_processes_cannot_be_signalled(sandbox: Sandbox) -> None:
    source = (
        "import os, signal\ndef f(pid):\n    os.kill(pid, signal.SIGTERM)\n    return 'sent'\n"
        "def g():\n    os.killpg(0, signal.SIGTERM)\n    return 'sent'"
    )
    pids = [os.getpid(), -1, 0, 2, *[worker.pid for worker in list_workers()][:3]]
    outcome = await run(sandbox, source, *(f"f({pid})" for pid in pids), "g()")
    assert "sent" not in str(outcome.values), outcome
    assert await is_well(sandbox)


async def test_nothing_outside_can_be_written(sandbox: Sandbox, tmp_path: Path) -> None:
    target = tmp_path / "target"
    source = (
        "import os\ndef w(path):\n    with open(path, 'w') as file:\n        file.write('x')\n"
        "    return 'wrote'\ndef l(path):\n    os.symlink(path, '/tmp/there')\n"
        "    return w('/tmp/there')\n"
        "def up():\n    os.chdir('/tmp')\n    return w('../../../../..' + "
        + repr(str(target))
        + ")"
    )
    stdlib = os.path.dirname(os.__file__) + "/hacked.py"
    calls = [
        f"w({str(target)!r})",
        f"l({str(target)!r})",
        "up()",
        f"w({stdlib!r})",
        "w('/etc/passwd')",
    ]
    outcome = await run(sandbox, source, *calls)
    assert outcome.raised == (True,) * len(calls), outcome
    assert not target.exists()
    assert not await asyncio.to_thread(os.path.exists, stdlib)


KERNEL = """\
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    result = getattr(libc, name)(*arguments)
    return result if result < 0 else f"{name} worked"
"""


@pytest.mark.parametrize(
    "call",
    [
        "call('ptrace', 16, 1, 0, 0)",
        "call('unshare', 0x10000000)",
        "call('unshare', 0x00020000)",
        "call('setns', 0, 0)",
        "call('mount', b'none', b'/tmp', b'tmpfs', 0, 0)",
        "call('umount2', b'/proc', 2)",
        "call('chroot', b'/tmp')",
        "call('personality', 0x0040000)",
        "call('prctl', 38, 0, 0, 0, 0)",
        "call('reboot', 0)",
        "call('syscall', 321, 0, 0, 0)",  # bpf
        "call('syscall', 425, 8, 0)",  # io_uring_setup
        "call('syscall', 323, 0)",  # userfaultfd
        "call('syscall', 298, 0, 0, -1, -1, 0)",  # perf_event_open
        "call('syscall', 434, 1, 0)",  # pidfd_open
    ],
)
async def test_the_kernels_dangerous_calls_are_denied(call: str, sandbox: Sandbox) -> None:
    outcome = await run(sandbox, KERNEL, call)
    assert outcome.values == ("-1",), outcome


LEAVES = """\
import builtins, os, sys
def f():
    math = sys.modules.get('math')
    marks = [hasattr(builtins, 'mark'), hasattr(os, 'mark'), hasattr(math, 'mark'),
             os.path.exists('/tmp/mark')]
    import math
    builtins.mark = os.mark = math.mark = 1
    try:
        open('/tmp/mark', 'w').close()
    except OSError:
        pass
    return marks
"""


async def test_no_program_sees_what_another_left(sandbox: Sandbox) -> None:
    for i in range(4):
        outcome = await run(sandbox, LEAVES + f"\n# {i}", "f()")
        assert outcome.values == ("[False, False, False, False]",), outcome


async def test_a_daemon_does_not_outlive_its_program(sandbox: Sandbox) -> None:
    source = (
        "import os, time\ndef f():\n    if os.fork() == 0:\n        os.setsid()\n"
        "        if os.fork() == 0:\n            time.sleep(600)\n        os._exit(0)\n    return 'left'"
    )
    outcome = await run(sandbox, source, "f()")
    assert outcome.raised == (True,), outcome


async def test_nothing_survives_the_pool() -> None:
    async with WorkerPool.open(size=2) as pool:
        sandbox = Sandbox(pool.execute)
        await run(sandbox, "while True: pass", seconds=0.2)
        assert await is_well(sandbox)
        workers = list_workers()
        assert workers
    await end(workers)


KILLED = """\
import asyncio
from understudy.handles.sandbox import Execution
from understudy.sandbox.worker_pool import WorkerPool
from understudy.sandbox.protocol import Program

async def main():
    async with WorkerPool.open(size=1) as pool:
        await pool.isolation()
        print("ready", flush=True)
        await pool.execute(Execution("", "", Program(source="while True: pass", seconds=50.0)))

asyncio.run(main())
"""


async def test_nothing_survives_a_kill_of_the_host() -> None:
    host = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, stdout=asyncio.subprocess.PIPE
    )
    assert host.stdout is not None
    assert await host.stdout.readline() == b"ready\n"
    async with asyncio.timeout(PATIENCE):
        while len(workers := list_workers(host.pid)) < 2:  # noqa: ASYNC110  # other processes
            await asyncio.sleep(0.02)
    host.kill()
    await host.wait()
    await end(workers)


async def test_a_worker_that_was_killed_is_replaced(pool: WorkerPool) -> None:
    sandbox = Sandbox(pool.execute)
    assert await is_well(sandbox)
    for worker in list_workers():
        with contextlib.suppress(psutil.NoSuchProcess):  # its parent may have taken it along
            worker.kill()
    assert await is_well(sandbox)


# Faking a pass

SCRIBBLES = """\
import os
VERDICT = b'{"test": 0, "passed": true}\\n'
for fd in range(3, 50):
    for text in (VERDICT, b' ' + VERDICT, b' {"value": 2}\\n'):
        try:
            os.write(fd, text)
        except OSError:
            pass
def f(x):
    return 3
"""

FAKES = {
    "leaves with success": "import os\nos._exit(0)",
    "leaves with success when called": "import os\ndef f(x):\n    os._exit(0)",
    "raises SystemExit": "import sys\nsys.exit(0)",
    "raises SystemExit when called": "import sys\ndef f(x):\n    sys.exit(0)",
    "says that it passed": "print('PASSED')\nprint('ok 1')\nraise SystemExit(0)",
    "an integer that equals everything": (
        "class Yes(int):\n    def __eq__(self, other): return True\n"
        "    def __ne__(self, other): return False\n"
        "    __hash__ = int.__hash__\ndef f(x):\n    return Yes(0)"
    ),
    "an object that equals everything": (
        "class Yes:\n    def __eq__(self, other): return True\n    def __bool__(self): return True\n"
        "def f(x):\n    return Yes()"
    ),
    "patches what compares": (
        "import builtins, operator\noperator.eq = lambda a, b: True\n"
        "builtins.AssertionError = Exception\n"
        "builtins.repr = lambda x: '2'\nbuiltins.all = lambda x: True\ndef f(x):\n    return 3"
    ),
    "patches the exception that a failed assert raises": (
        "import builtins\nclass Quiet(BaseException):\n    def __new__(cls, *a): raise SystemExit(0)\n"
        "builtins.AssertionError = Quiet\ndef f(x):\n    return 3"
    ),
    "patches JSON": "import json\njson.dumps = lambda *a, **k: '2'\ndef f(x):\n    return 3",
    "writes verdicts on every open file": SCRIBBLES,
    "defines the names of the test": (
        "def check(candidate):\n    pass\ndef f(x):\n    return 3\nassert_equal = lambda *a: None"
    ),
    "closes every file": "import os\nos.closerange(0, 100)\ndef f(x):\n    return 3",
}


@pytest.mark.parametrize("tests", [TEST, FILE], ids=["taken apart", "as a file"])
@pytest.mark.parametrize("attack", FAKES)
async def test_no_trick_makes_a_wrong_program_pass(
    attack: str, tests: tuple[str, ...], sandbox: Sandbox
) -> None:
    outcome = await run(sandbox, FAKES[attack], tests=tests)
    assert outcome.status != "passed", outcome
    assert not any(test.passed for test in outcome.tests), outcome
    assert outcome.mode == ("outside" if tests is TEST else "apart")


LOOKS = """\
import gc, sys
def f(x):
    texts = []
    frame = sys._getframe()
    while frame is not None:
        texts.append(repr(frame.f_locals))
        frame = frame.f_back
    texts += [repr(o) for o in gc.get_objects() if isinstance(o, (list, tuple, dict, str))]
    return str(int('212121') * 2) in ''.join(texts)
"""


@pytest.mark.parametrize(
    "tests",
    [("assert f(1) == 424242",), ("def check(c):\n    assert c(1) == 424242\ncheck(f)",)],
    ids=["taken apart", "as a file"],
)
async def test_expected_values_are_nowhere_in_the_programs_process(
    tests: tuple[str, ...], sandbox: Sandbox
) -> None:
    outcome = await run(sandbox, LOOKS, tests=tests)
    assert outcome.tests[0].actual == "False", outcome
