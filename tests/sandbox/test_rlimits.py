"""Limits of a process. They cannot be raised again, so each test limits a process of its own."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import understudy

SOURCE = str(Path(understudy.__file__).parents[1])
MEGABYTE = 1 << 20


def limits(code: str) -> dict[str, list[int]]:
    """Soft and hard limits after `code`."""
    script = (
        f"import sys; sys.path.insert(0, {SOURCE!r})\nimport json, resource\n"
        f"from understudy.sandbox import rlimits\n{code}\n"
        "print(json.dumps({n: resource.getrlimit(getattr(resource, n)) "
        "for n in dir(resource) if n.startswith('RLIMIT_')}))"
    )
    command = [sys.executable, "-I", "-S", "-c", script]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def test_a_program_gets_every_limit_for_good() -> None:
    after = limits("rlimits.restrict(1.5, 256, count_threads=True)")
    assert after["RLIMIT_CPU"] == [3, 3]
    assert after["RLIMIT_AS"] == [256 * MEGABYTE] * 2
    assert after["RLIMIT_FSIZE"] == [16 * MEGABYTE] * 2
    assert after["RLIMIT_NOFILE"] == [64, 64]
    assert after["RLIMIT_CORE"] == [0, 0]
    assert after["RLIMIT_NPROC"] == [64, 64]
    assert after["RLIMIT_STACK"] == [8 * MEGABYTE] * 2


def test_threads_are_counted_only_where_they_are_the_programs_own() -> None:
    before = list(resource.getrlimit(resource.RLIMIT_NPROC))
    assert limits("rlimits.restrict(1, 256, count_threads=False)")["RLIMIT_NPROC"] == before


def test_a_hard_limit_that_is_lower_stays() -> None:
    code = "resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))\n"
    after = limits(code + "rlimits.restrict(1, 256, count_threads=False)")
    assert after["RLIMIT_NOFILE"] == [20, 20]


def test_a_worker_limits_the_files_it_writes_and_nothing_else() -> None:
    before, after = limits(""), limits("rlimits.limit_files()")
    assert after.pop("RLIMIT_FSIZE") == [16 * MEGABYTE] * 2
    assert before.pop("RLIMIT_FSIZE") != [16 * MEGABYTE] * 2
    assert after == before


def test_a_limit_that_the_system_does_not_know_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "get = resource.getrlimit\n"
        "def getrlimit(kind):\n"
        "    if kind == resource.RLIMIT_CPU:\n        raise ValueError\n    return get(kind)\n"
        "resource.getrlimit = getrlimit\n"
        "rlimits.restrict(1, 256, count_threads=False)\nresource.getrlimit = get"
    )
    before = list(resource.getrlimit(resource.RLIMIT_CPU))
    assert limits(code)["RLIMIT_CPU"] == before
