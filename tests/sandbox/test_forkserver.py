"""The fork server, spoken to as the pool does: frames in, frames out, and the end of either side."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from understudy.sandbox.codec import decode_lines, encode_frame
from understudy.sandbox.forkserver import read_frame
from understudy.sandbox.isolation import find_isolation
from understudy.sandbox.protocol import Program
from understudy.sandbox.verdict import build_job

GOOD = Program(source="def f(x):\n    return x + 1", tests=("assert f(1) == 2",), seconds=20.0)
FILE = Program(source=GOOD.source, tests=("assert f(1) + 1 == 3",), seconds=20.0)


@pytest.fixture
def server() -> Iterator[subprocess.Popen[bytes]]:
    command = find_isolation("unsafe-subprocess").command
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert read_frame(server.stdout.fileno()) == {"ready": True}
        yield server


def send(server: subprocess.Popen[bytes], *frames: object) -> None:
    assert server.stdin is not None
    for frame in frames:
        server.stdin.write(encode_frame(frame))
    server.stdin.flush()


def ask(server: subprocess.Popen[bytes], program: Program) -> dict[str, Any]:
    job = build_job(program, "n")
    send(server, job.message, *([job.files] if job.files else []))
    assert server.stdout is not None
    return read_frame(server.stdout.fileno())


def test_each_job_has_a_report(server: subprocess.Popen[bytes]) -> None:
    for _ in range(2):
        report = ask(server, GOOD)
        assert decode_lines("n", report["messages"].encode()) == [
            {"started": True},
            {"call": 0, "value": 2},
        ]
        assert (report["ended"], report["status"]) == ("", 0)
        report = ask(server, FILE)
        assert decode_lines("n", report["verdicts"].encode()) == [{"test": 0, "passed": True}]


def test_a_program_sees_neither_this_package_nor_the_path_to_it(
    server: subprocess.Popen[bytes],
) -> None:
    source = (
        "import os, sys\n"
        "def f():\n    return [name for name in sys.modules if 'understudy' in name]\n"
        "def g():\n    return sorted(os.environ)\n"
        "def h():\n    import understudy"
    )
    program = Program(source=source, calls=("f()", "g()", "h()"), seconds=20.0)
    _, *answers = decode_lines("n", ask(server, program)["messages"].encode())
    assert answers[:2] == [
        {"call": 0, "value": {"list": []}},
        {"call": 1, "value": {"list": ["HOME", "LANG", "PATH"]}},
    ]
    assert answers[2]["kind"] == "ModuleNotFoundError"


def test_a_program_that_cannot_be_isolated_is_not_started(
    server: subprocess.Popen[bytes],
) -> None:
    report = ask(server, Program(source="print('x')", megabytes=10**13))
    assert (report["status"], report["stdout"], report["messages"]) == (125, "", "")


def test_output_is_kept_up_to_the_limit_and_not_a_byte_more(
    server: subprocess.Popen[bytes],
) -> None:
    for size, ended in ((1_000, ""), (1_001, "output limit"), (500_000, "output limit")):
        source = f"import sys\nsys.stdout.write('x' * {size})"
        report = ask(server, Program(source=source, output=1_000, seconds=20.0))
        assert (report["ended"], len(report["stdout"])) == (ended, 1_000)


def test_the_server_ends_when_the_pool_hangs_up(server: subprocess.Popen[bytes]) -> None:
    assert server.stdin is not None
    server.stdin.close()
    assert server.wait() == 0


def test_the_server_ends_when_the_line_is_cut_within_a_frame(
    server: subprocess.Popen[bytes],
) -> None:
    assert server.stdin is not None
    server.stdin.write(encode_frame({"source": "x"})[:-3])
    server.stdin.close()
    assert server.wait() != 0


def test_the_server_ends_when_the_second_frame_was_not_read(
    server: subprocess.Popen[bytes],
) -> None:
    """What is left of it would be taken for the next job."""
    job = build_job(Program(source="while True: pass", tests=("import x",), seconds=0.1), "n")
    send(server, job.message)
    assert server.stdout is not None
    report = read_frame(server.stdout.fileno())
    assert (report["ended"], report["verdicts"]) == ("timeout", "")
    assert server.wait() == 0


def test_a_worker_that_cannot_isolate_itself_refuses_with_the_reason() -> None:
    command = find_isolation("namespaces").command
    script = "import os\ndef fail():\n    raise OSError('unshare: not here')\n"
    script += command[-1].replace("main; main", "main, namespaces; namespaces.enter = fail; main")
    server = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], stdin=subprocess.DEVNULL, capture_output=True
    )
    assert server.stdout == encode_frame({"refused": "unshare: not here"})


def test_a_frame_is_read_in_pieces_and_no_further(tmp_path: Path) -> None:
    file = tmp_path / "frames"
    file.write_bytes(encode_frame({"a": 1}) + encode_frame([2]) + b"\0\0")
    descriptor = os.open(file, os.O_RDONLY)
    try:
        assert read_frame(descriptor) == {"a": 1}
        assert os.lseek(descriptor, 0, os.SEEK_CUR) == 12
        assert read_frame(descriptor) == [2]
        assert read_frame(descriptor) is None
    finally:
        os.close(descriptor)
