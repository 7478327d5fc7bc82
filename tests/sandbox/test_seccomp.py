"""The filter, executed by a small interpreter of its language: what each system call comes to."""

import struct
from collections.abc import Iterator

import pytest

from understudy.sandbox import seccomp, syscalls
from understudy.sandbox.syscalls import CLONE_THREAD, NUMBERS

ALLOW, KILL, EPERM, ENOSYS = 0x7FFF_0000, 0x8000_0000, 0x0005_0001, 0x0005_0026
ARCHITECTURES = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
SELF = 0x7E57_AB1E


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(seccomp, "MACHINE", request.param)
    monkeypatch.setattr(syscalls, "MACHINE", request.param)
    seccomp.build_template.cache_clear()
    yield request.param
    seccomp.build_template.cache_clear()


def decide(number: int, argument: int = 0, architecture: int = 0) -> int:
    """What the filter returns for a system call with this first argument."""
    data = struct.pack("=IIQQ", number, architecture, 0, argument & (2**64 - 1))
    code, at, value = seccomp.build_template(), 0, 0
    while True:
        operation, yes, no, constant = struct.unpack_from("=HBBI", code, 8 * at)
        at += 1
        match operation:
            case 0x20:
                (value,) = struct.unpack_from("=I", data, constant)
            case 0x15:
                at += yes if value == constant else no
            case 0x35:
                at += yes if value >= constant else no
            case 0x45:
                at += yes if value & constant else no
            case 0x06:
                return constant
            case _:
                raise AssertionError(f"no such operation: {operation:#x}")


def numbers(machine: str, *names: str) -> dict[str, int]:
    """Of the calls that the machine has."""
    column = 0 if machine == "x86_64" else 1
    return {name: NUMBERS[name][column] for name in names if NUMBERS[name][column] >= 0}


def test_calls_of_another_architecture_end_the_process(machine: str) -> None:
    for name, architecture in ARCHITECTURES.items():
        expected = ALLOW if name == machine else KILL
        assert decide(1_000, architecture=architecture) == expected


def test_calls_of_the_x32_variant_end_the_process(machine: str) -> None:
    expected = KILL if machine == "x86_64" else ALLOW
    architecture = ARCHITECTURES[machine]
    assert decide(0x4000_0000, architecture=architecture) == expected
    assert decide(0x4000_03E8, architecture=architecture) == expected
    assert decide(0x3FFF_FFFF, architecture=architecture) == ALLOW


def test_dangerous_calls_are_denied(machine: str) -> None:
    architecture = ARCHITECTURES[machine]
    denied = set(NUMBERS) - {
        "clone", "clone3", "kill", "tgkill", "tkill", "prlimit64",  # denied for some arguments only
        "accept", "bind", "connect", "listen",  # useless without a socket
        "landlock_create_ruleset", "landlock_add_rule",
    }  # fmt: skip
    assert {"socket", "ptrace", "mount", "unshare", "fork", "bpf", "memfd_create"} <= denied
    for name, number in numbers(machine, *denied).items():
        assert decide(number, architecture=architecture) == EPERM, name


def test_what_an_interpreter_needs_is_allowed(machine: str) -> None:
    names = ("accept", "bind", "connect", "listen", "landlock_create_ruleset", "landlock_add_rule")
    for name, number in numbers(machine, *names).items():
        assert decide(number, architecture=ARCHITECTURES[machine]) == ALLOW, name


def test_threads_are_allowed_and_processes_are_not(machine: str) -> None:
    architecture = ARCHITECTURES[machine]
    (clone,) = numbers(machine, "clone").values()
    assert decide(clone, CLONE_THREAD | 0x100, architecture) == ALLOW
    assert decide(clone, 17, architecture) == EPERM
    (clone3,) = numbers(machine, "clone3").values()
    assert decide(clone3, 0, architecture) == ENOSYS, "the C library takes clone instead"


@pytest.mark.parametrize("name", ["kill", "tgkill"])
def test_a_process_may_signal_only_itself(name: str, machine: str) -> None:
    (number,) = numbers(machine, name).values()
    for argument, expected in {SELF: ALLOW, 1: EPERM, 0: EPERM, -1: EPERM}.items():
        assert decide(number, argument, ARCHITECTURES[machine]) == expected
    (tkill,) = numbers(machine, "tkill").values()
    assert decide(tkill, SELF, ARCHITECTURES[machine]) == EPERM


def test_a_process_may_limit_only_itself(machine: str) -> None:
    (number,) = numbers(machine, "prlimit64").values()
    assert decide(number, 0, ARCHITECTURES[machine]) == ALLOW
    assert decide(number, SELF, ARCHITECTURES[machine]) == EPERM


def test_the_placeholder_stands_for_the_process_and_nothing_else(machine: str) -> None:
    code = seccomp.build_template()
    assert code.count(struct.pack("=I", SELF)) == 2
    assert len(code) % 8 == 0
    assert len(code) // 8 < 4096, "the kernel takes no longer filter"
