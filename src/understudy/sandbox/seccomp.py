"""Which system calls a program may make: a filter in the kernel's own small language.

A list of what is denied, not of what is allowed: an interpreter needs some two hundred calls, and the
rest of the kernel's surface stays open. What matters is denied: new processes (threads are allowed),
sockets, other processes' memory and signals, mounts and namespaces, memory that no limit counts.
"""

import errno
import functools
import os
import struct

from understudy.sandbox.syscalls import CLONE_THREAD, MACHINE, NUMBERS, install_filter, number

_LOAD, _EQUALS, _AT_LEAST, _HAS_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
_NUMBER, _ARCHITECTURE, _ARGUMENT = 0, 4, 16
"""Offsets in what the kernel shows the filter; arguments are 8 bytes each, their low half first."""
_ARCHITECTURES = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}

_OURS = {"clone", "clone3", "kill", "tgkill", "tkill", "prlimit64"}
"""Calls with a rule of their own."""
_HARMLESS = {"accept", "bind", "connect", "listen"}
"""Nothing without `socket`; asyncio's own pair of sockets is made otherwise and may be used."""
_SETUP = {"landlock_create_ruleset", "landlock_add_rule"}
DENIED = sorted(NUMBERS.keys() - _OURS - _HARMLESS - _SETUP)


def restrict() -> None:
    """From here on, for this process and its threads."""
    install_filter(template().replace(struct.pack("=I", _SELF), struct.pack("=I", os.getpid())))


_SELF = 0x7E57_AB1E
"""Stands for the process's own id."""


@functools.cache
def template() -> bytes:
    """The filter of a process that may signal itself, `_SELF`, and nobody else."""
    code = [
        *_check(_ARCHITECTURE, _ARCHITECTURES.get(MACHINE, 0)),
        _op(_LOAD, _NUMBER),
    ]
    if MACHINE == "x86_64":  # the x32 twins of all calls
        code += [_op(_AT_LEAST, 0x4000_0000, yes=0, no=1), _op(_RETURN, _KILL)]
    # The flags of clone3 stand behind a pointer: without it the C library takes clone.
    code += _denied("clone3", errno.ENOSYS)
    code += _when("clone", [_op(_LOAD, _ARGUMENT), _op(_HAS_BITS, CLONE_THREAD, yes=0, no=1),
                            _op(_RETURN, _ALLOW), _op(_RETURN, _ERRNO | errno.EPERM)])  # fmt: skip
    for name in ("kill", "tgkill"):
        code += _when(name, [_op(_LOAD, _ARGUMENT), _op(_EQUALS, _SELF, yes=0, no=1),
                             _op(_RETURN, _ALLOW), _op(_RETURN, _ERRNO | errno.EPERM)])  # fmt: skip
    code += _denied("tkill")
    # Limits of its own process may be read and lowered (resource.getrlimit), not another's.
    code += _when("prlimit64", [_op(_LOAD, _ARGUMENT), _op(_EQUALS, 0, yes=0, no=1),
                                _op(_RETURN, _ALLOW), _op(_RETURN, _ERRNO | errno.EPERM)])  # fmt: skip
    for name in DENIED:
        code += _denied(name)
    return b"".join([*code, _op(_RETURN, _ALLOW)])


def _op(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    """One instruction; `yes` and `no` are how many to skip after a comparison."""
    return struct.pack("=HBBI", code, yes, no, value)


def _check(offset: int, value: int) -> list[bytes]:
    return [_op(_LOAD, offset), _op(_EQUALS, value, yes=1, no=0), _op(_RETURN, _KILL)]


def _when(name: str, then: list[bytes]) -> list[bytes]:
    """`then`, which ends the filter, where the call is `name`."""
    if number(name) < 0:
        return []
    return [_op(_EQUALS, number(name), yes=0, no=len(then)), *then]


def _denied(name: str, error: int = errno.EPERM) -> list[bytes]:
    return _when(name, [_op(_RETURN, _ERRNO | error)])
