"""The root file system of a program: what Python needs, read-only, and nothing else of the machine."""

import os
import sys
import sysconfig

from understudy.sandbox.syscalls import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_REC,
    make_readonly,
    mount,
    pivot_root,
    unmount,
)

_PLACES = ("/mnt", "/media", "/srv", "/opt", "/sys")
"""Where the new root may be built. It is mounted over in our own namespace only."""
_DEVICES = ("null", "zero", "urandom", "random", "full")


def list_readable() -> list[str]:
    """Folders with the standard library and the system's shared libraries, outermost only."""
    paths = {
        "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo",
        sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"),
        sysconfig.get_config_var("LIBDIR") or "",
    }  # fmt: skip
    # Python looks for its zipped library and its binary below the prefix.
    paths |= {os.path.join(sys.base_prefix, "lib")}
    folders = sorted(os.path.normpath(path) for path in paths if path and os.path.isdir(path))
    return [p for p in folders if not any(p != q and p.startswith(q + "/") for q in folders)]


def build(*, with_proc: bool) -> None:
    """Build it and make it the root of this process, in its mount namespace only.

    `with_proc`: take /proc along; the caller hides it later.
    """
    mount("", "/", "", MS_REC | MS_PRIVATE)
    new = next((place for place in _PLACES if os.path.isdir(place)), "")
    if not new:
        raise OSError(f"no place to build a root on: none of {', '.join(_PLACES)} exists")
    mount("tmpfs", new, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,nr_inodes=4k,mode=755")
    for path in list_readable():
        _bind(path, new)
    for folder in ("dev", "etc", "tmp", "proc", ".old"):
        os.makedirs(f"{new}/{folder}")
    for device in _DEVICES:
        with open(f"{new}/dev/{device}", "w"):
            pass
        mount(f"/dev/{device}", f"{new}/dev/{device}", "", MS_BIND)
    with open(f"{new}/etc/passwd", "w") as file:
        file.write("sandbox:x:1000:1000::/tmp:/bin/false\n")
    if os.path.exists("/etc/ld.so.cache"):
        with open("/etc/ld.so.cache", "rb") as old, open(f"{new}/etc/ld.so.cache", "wb") as copy:
            copy.write(old.read())
    if with_proc:
        mount("/proc", f"{new}/proc", "", MS_BIND | MS_REC)
    pivot_root(new, f"{new}/.old")
    os.chdir("/")
    unmount("/.old")
    os.rmdir("/.old")
    make_readonly("/", recursive=False)


def _bind(path: str, new: str) -> None:
    """Bind a folder of the machine to the same path beneath `new`. A link stays a link."""
    if os.path.islink(path):  # /lib -> usr/lib
        os.makedirs(os.path.dirname(new + path), exist_ok=True)
        os.symlink(os.readlink(path), new + path)
        return
    os.makedirs(new + path, exist_ok=True)
    mount(path, new + path, "", MS_BIND | MS_REC)
    make_readonly(new + path)


def mount_private_tmp() -> None:
    """A new, empty, small /tmp. No other program sees what is written there."""
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    mount("tmpfs", "/tmp", "tmpfs", flags, "size=16m,nr_inodes=1k,mode=1777")
