"""What a program may open where namespaces are blocked: only what Python itself needs, read-only.

Landlock (kernel 5.13) needs no privilege and works inside default containers. It does not bound what
is written to a place that may be written, so there is none; it does not know of UNIX sockets with a
path, so the filter of system calls denies sockets altogether.
"""

import ctypes
import os
import struct
from collections.abc import Iterable

from understudy.sandbox.syscalls import libc, no_new_privileges, number, syscall

_READ = 1 << 0 | 1 << 2 | 1 << 3
"""Execute, read files, list folders."""
_OF_FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""Rights on files by version; later ones know 16."""
_VERSION, _BENEATH = 1, 1


def version() -> int:
    """Of Landlock in this kernel; 0 where there is none."""
    found = libc().syscall(
        ctypes.c_long(number("landlock_create_ruleset")), None, ctypes.c_size_t(0),
        ctypes.c_uint32(_VERSION),
    )  # fmt: skip
    return max(0, found)


def restrict(readable: Iterable[str]) -> None:
    """From here on only the files beneath `readable` can be opened, and none written; no TCP, no
    signals out of the process (as far as the version knows of these)."""
    known = version()
    if not known:
        raise OSError("this kernel has no Landlock")
    rights = (1 << _RIGHTS.get(known, 16)) - 1
    network, scopes = (3 if known >= 4 else 0), (3 if known >= 6 else 0)
    size = 8 if known < 4 else 16 if known < 6 else 24
    wanted = struct.pack("=QQQ", rights, network, scopes)[:size]
    rules = syscall("landlock_create_ruleset", wanted, size, 0)
    for path in readable:
        if not os.path.exists(path):
            continue
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        allowed = _READ & rights & (~0 if os.path.isdir(path) else _OF_FILES)
        syscall("landlock_add_rule", rules, _BENEATH, struct.pack("=Qi", allowed, opened), 0)
        os.close(opened)
    no_new_privileges()
    syscall("landlock_restrict_self", rules, 0)
    os.close(rules)
