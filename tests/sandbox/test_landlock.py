"""Landlock, tried in a process of its own: it cannot be undone."""

import subprocess
import sys
from pathlib import Path

import pytest

import understudy
from understudy.sandbox.landlock import read_version
from understudy.sandbox.syscalls import is_supported

SOURCE = str(Path(understudy.__file__).parents[1])
VERSION = read_version() if is_supported() else 0
pytestmark = pytest.mark.skipif(not VERSION, reason="this kernel has no Landlock")


def run(readable: list[str], code: str) -> str:
    script = (
        f"import sys; sys.path.insert(0, {SOURCE!r})\n"
        f"from understudy.sandbox import landlock\nlandlock.restrict({readable!r})\n{code}"
    )
    command = [sys.executable, "-I", "-S", "-B", "-c", script]
    return subprocess.run(command, capture_output=True, text=True).stderr.strip()


def test_files_beneath_the_named_folders_can_be_read_and_not_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    assert run([str(tmp_path)], f"assert open({str(file)!r}).read() == 'x'") == ""
    assert "PermissionError" in run([str(tmp_path)], f"open({str(file)!r}, 'a')")
    assert "PermissionError" in run([str(tmp_path)], f"open({str(tmp_path / 'new')!r}, 'w')")
    assert file.read_text() == "x"


def test_other_files_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    file = tmp_path / "file"
    file.write_text("x")
    assert "PermissionError" in run([str(tmp_path / "open")], f"open({str(file)!r})")


def test_a_single_file_can_be_named_and_a_missing_one_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    assert run([str(file), str(tmp_path / "missing")], f"open({str(file)!r})") == ""


@pytest.mark.skipif(VERSION < 4, reason="needs Landlock 4")
def test_tcp_is_denied() -> None:
    code = "import socket\nsocket.create_server(('127.0.0.1', 0))"
    assert "PermissionError" in run(["/usr/lib", "/etc", sys.base_prefix + "/lib"], code)


def test_a_kernel_without_landlock_is_refused(tmp_path: Path) -> None:
    script = (
        f"import sys; sys.path.insert(0, {SOURCE!r})\nfrom understudy.sandbox import landlock\n"
        "landlock.read_version = lambda: 0\nlandlock.restrict([])"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.stderr.strip().endswith("OSError: this kernel has no Landlock")
