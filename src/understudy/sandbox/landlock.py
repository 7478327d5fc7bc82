"""Which files a program may open where namespaces are blocked: only those that Python needs, read-only.

Landlock (kernel 5.13) needs no privilege and works inside default containers. It cannot limit how much
is written to a writable folder, so no folder is writable. It does not cover UNIX sockets that have a
path, so the seccomp filter denies all sockets.
"""

import ctypes
import os
import struct
from collections.abc import Iterable

from understudy.sandbox.syscalls import find_number, libc, no_new_privileges, syscall

_READ = 1 << 0 | 1 << 2 | 1 << 3
"""Execute, read files, list folders."""
_OF_FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
_RIGHT_COUNTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""How many rights on files each version knows; later versions know 16."""
_VERSION, _BENEATH = 1, 1


def read_version() -> int:
    """The version of Landlock in this kernel; 0 if it has none."""
    version = libc().syscall(
        ctypes.c_long(find_number("landlock_create_ruleset")), None, ctypes.c_size_t(0),
        ctypes.c_uint32(_VERSION),
    )  # fmt: skip
    return max(0, version)


def restrict(readable: Iterable[str]) -> None:
    """From here on, this process can open only files beneath `readable`, and can write none.

    If the kernel's version supports it, TCP and signals to other processes are denied as well.
    """
    version = read_version()
    if not version:
        raise OSError("this kernel has no Landlock")
    rights = (1 << _RIGHT_COUNTS.get(version, 16)) - 1
    network, scopes = (3 if version >= 4 else 0), (3 if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = struct.pack("=QQQ", rights, network, scopes)[:size]
    rules = syscall("landlock_create_ruleset", attributes, size, 0)
    for path in readable:
        if not os.path.exists(path):
            continue
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        allowed = _READ & rights & (~0 if os.path.isdir(path) else _OF_FILES)
        syscall("landlock_add_rule", rules, _BENEATH, struct.pack("=Qi", allowed, beneath), 0)
        os.close(beneath)
    no_new_privileges()
    syscall("landlock_restrict_self", rules, 0)
    os.close(rules)
