"""Which system calls a program may make: a seccomp filter, in the BPF code that the kernel reads.

The filter lists what is denied, not what is allowed, because an interpreter needs some two hundred
calls. The rest of the kernel stays reachable. Denied are new processes (threads are allowed), sockets,
the memory of other processes and signals to them, mounts, namespaces, and memory that no limit counts.
"""

import errno
import functools
import os
import struct

from understudy.sandbox.syscalls import CLONE_THREAD, MACHINE, NUMBERS, find_number, install_filter

_LOAD, _EQUALS, _AT_LEAST, _HAS_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
_NUMBER, _ARCHITECTURE, _ARGUMENT = 0, 4, 16
"""Offsets in the data that the filter reads. Arguments have 8 bytes each, the low half first."""
_ARCHITECTURES = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}

_CONDITIONAL = {"clone", "clone3", "kill", "tgkill", "tkill", "prlimit64"}
"""Calls that are denied for some arguments only."""
_HARMLESS = {"accept", "bind", "connect", "listen"}
"""Useless without `socket`. asyncio needs a socket pair, which another call makes."""
_SETUP = {"landlock_create_ruleset", "landlock_add_rule"}
DENIED = sorted(NUMBERS.keys() - _CONDITIONAL - _HARMLESS - _SETUP)


def restrict() -> None:
    """Install the filter for this process and its threads, for good."""
    install_filter(
        build_template().replace(struct.pack("=I", _SELF), struct.pack("=I", os.getpid()))
    )


_SELF = 0x7E57_AB1E
"""Placeholder for the id of the process."""


@functools.cache
def build_template() -> bytes:
    """The filter of a process that may signal itself, `_SELF`, and no other."""
    code = [
        *_require(_ARCHITECTURE, _ARCHITECTURES.get(MACHINE, 0)),
        _pack(_LOAD, _NUMBER),
    ]
    if MACHINE == "x86_64":  # the x32 variants of all calls
        code += [_pack(_AT_LEAST, 0x4000_0000, yes=0, no=1), _pack(_RETURN, _KILL)]
    # A filter cannot read the flags of clone3, which are behind a pointer. Without it, the C library
    # uses clone.
    code += _deny("clone3", errno.ENOSYS)
    code += _allow_if("clone", _HAS_BITS, CLONE_THREAD)
    code += _allow_if("kill", _EQUALS, _SELF)
    code += _allow_if("tgkill", _EQUALS, _SELF)
    code += _deny("tkill")
    # A process may read and lower its own limits (resource.getrlimit), not those of another.
    code += _allow_if("prlimit64", _EQUALS, 0)
    for name in DENIED:
        code += _deny(name)
    return b"".join([*code, _pack(_RETURN, _ALLOW)])


def _pack(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    """One instruction. After a comparison, `yes` or `no` instructions are skipped."""
    return struct.pack("=HBBI", code, yes, no, value)


def _require(offset: int, value: int) -> list[bytes]:
    return [_pack(_LOAD, offset), _pack(_EQUALS, value, yes=1, no=0), _pack(_RETURN, _KILL)]


def _when(name: str, then: list[bytes]) -> list[bytes]:
    """Run `then`, which ends the filter, if the call is `name`."""
    if find_number(name) < 0:
        return []
    return [_pack(_EQUALS, find_number(name), yes=0, no=len(then)), *then]


def _allow_if(name: str, test: int, value: int) -> list[bytes]:
    """Allow the call `name` only if its first argument passes a comparison with `value`."""
    allow = [_pack(_LOAD, _ARGUMENT), _pack(test, value, yes=0, no=1), _pack(_RETURN, _ALLOW)]
    return _when(name, [*allow, _pack(_RETURN, _ERRNO | errno.EPERM)])


def _deny(name: str, error: int = errno.EPERM) -> list[bytes]:
    return _when(name, [_pack(_RETURN, _ERRNO | error)])
