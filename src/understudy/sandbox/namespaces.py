"""Linux namespaces: users, files, processes and a network that belong to the sandbox alone.

A worker enters namespaces once (`enter`). Each of its programs gets further ones (`fork_alone`). This
needs no privilege if the system lets ordinary users make user namespaces. A worker that was started
by root gives root up first, because limits do not bind root.
"""

import os

from understudy.sandbox import rootfs
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
    reclaim_proc,
    unshare,
)

_NOBODY, _INSIDE = 65_534, 1_000
"""Whom a worker becomes that root started, and who a program sees itself as."""


def enter() -> None:
    """Enter new user, mount, network, IPC, host name and cgroup namespaces, with a new root."""
    as_root = os.geteuid() == 0 and _is_real_root()
    if as_root:
        # Files first: the interpreter may be in a folder that only root can read.
        unshare(CLONE_NEWNS)
        rootfs.build(with_proc=True)
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        reclaim_proc()
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
        rootfs.build(with_proc=False)
    drop_bounding_set()


def fork_alone() -> int:
    """`os.fork`. The child is the first process of a process namespace, which ends with the child."""
    return fork(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC)


def _is_real_root() -> bool:
    with open("/proc/self/uid_map") as file:
        return file.read().split() == ["0", "0", "4294967295"]


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
