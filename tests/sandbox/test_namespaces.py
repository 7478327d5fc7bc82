"""Namespaces, entered by a process of its own. What programs see in them is tried in test_hostile.py."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import understudy

SOURCE = str(Path(understudy.__file__).parents[1])
LOOK = """\
import sys; sys.path.insert(0, {source!r})
import json, os, socket
from understudy.sandbox import namespaces
try:
    namespaces.enter()
except OSError as error:
    sys.exit(f"cannot enter: {{error}}")
reader, writer = os.pipe()
if (pid := namespaces.fork_alone()) == 0:
    os.write(writer, str(os.getpid()).encode())
    os._exit(7)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps({{
    "ids": [os.getuid(), os.getgid()], "root": sorted(os.listdir("/")), "pid": pid, "status": status,
    "child": int(os.read(reader, 10)), "networks": [name for _, name in socket.if_nameindex()],
    "test": os.path.exists({test!r}), "writable": os.access("/", os.W_OK),
}}))
"""


@pytest.fixture(scope="module")
def view() -> dict[str, Any]:
    """What a process sees that has entered."""
    script = LOOK.format(source=SOURCE, test=__file__)
    command = [sys.executable, "-I", "-S", "-B", "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True)
    if "cannot enter" in ended.stderr:
        pytest.skip(ended.stderr.strip())
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_a_worker_is_an_ordinary_user(view: dict[str, Any]) -> None:
    assert view["ids"] == [1000, 1000]


def test_the_root_holds_what_python_needs_and_cannot_be_written(view: dict[str, Any]) -> None:
    assert {"dev", "etc", "tmp", "proc"} <= set(view["root"])
    assert not {"boot", "var", ".old"} & set(view["root"])
    assert not view["test"]
    assert not view["writable"]


def test_there_is_no_network_but_an_unused_loopback(view: dict[str, Any]) -> None:
    assert view["networks"] == ["lo"]


def test_a_program_is_the_first_process_of_its_namespace(view: dict[str, Any]) -> None:
    assert view["child"] == 1
    assert view["pid"] != 1
    assert view["status"] == 7
