"""A view of the machine of its own: users, files, processes, network, by Linux namespaces.

A worker enters once (`enter`), each of its programs goes one step further (`fork_alone`). No
privilege is needed where the system lets ordinary users make user namespaces; as root, the worker
gives root up first, since limits do not bind it.
"""

import os

from understudy.sandbox import root
from understudy.sandbox.syscalls import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_RDONLY,
    drop_bounding_set,
    fork,
    mount,
    own_proc,
    unshare,
)

_NOBODY, _INSIDE = 65_534, 1_000
"""Who a worker started by root becomes; who a program thinks it is."""


def enter() -> None:
    """New user, mount, network, IPC, host name and cgroup namespaces, and the new root in them."""
    as_root = os.geteuid() == 0 and _is_real_root()
    if as_root:
        # Files first: the interpreter may lie where only root can look.
        unshare(CLONE_NEWNS)
        root.build(with_proc=True)
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        own_proc()
    user, group = os.getuid(), os.getgid()
    unshare(
        CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP
    )
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{_INSIDE} {user} 1")
    _write("/proc/self/gid_map", f"{_INSIDE} {group} 1")
    if as_root:
        flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC
        mount("tmpfs", "/proc", "tmpfs", flags, "size=0,mode=555")
    else:
        root.build(with_proc=False)
    drop_bounding_set()


def fork_alone() -> int:
    """`os.fork`, whose child is the first process of a namespace that ends with it."""
    return fork(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC)


def _is_real_root() -> bool:
    with open("/proc/self/uid_map") as file:
        return file.read().split() == ["0", "0", "4294967295"]


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
