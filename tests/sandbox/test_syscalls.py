"""Numbers of system calls, and errors that name the call."""

import pytest

from understudy.sandbox import syscalls
from understudy.sandbox.syscalls import NUMBERS, find_number, is_supported


@pytest.mark.parametrize("column", [0, 1])
def test_no_two_calls_share_a_number(column: int) -> None:
    numbers = [pair[column] for pair in NUMBERS.values() if pair[column] >= 0]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 57), ("aarch64", -1)])
def test_a_number_is_that_of_the_machine(
    machine: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syscalls, "MACHINE", machine)
    assert find_number("fork") == number


@pytest.mark.parametrize(
    ("platform", "machine", "supported"),
    [
        ("linux", "x86_64", True),
        ("linux", "aarch64", True),
        ("linux", "riscv64", False),
        ("darwin", "x86_64", False),
    ],
)
def test_only_linux_on_known_machines_is_supported(
    platform: str, machine: str, supported: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr(syscalls, "MACHINE", machine)
    assert is_supported() == supported


@pytest.mark.skipif(not is_supported(), reason="not Linux")
def test_an_error_of_the_kernel_names_the_call() -> None:
    with pytest.raises(OSError, match="mount on /nonexistent/x: No such file"):
        syscalls.mount("", "/nonexistent/x", "tmpfs", 0)
    with pytest.raises(OSError, match="pidfd_open: Invalid argument"):
        syscalls.syscall("pidfd_open", -1, 0)
