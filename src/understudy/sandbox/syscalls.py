"""Linux system calls that Python does not wrap. Standard library only: a worker must stay small.

Every function raises OSError with the call's name where the kernel refuses.
"""

import ctypes
import functools
import os
import platform
import sys

CLONE_NEWNS = 0x0002_0000
CLONE_NEWCGROUP = 0x0200_0000
CLONE_NEWUTS = 0x0400_0000
CLONE_NEWIPC = 0x0800_0000
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000
CLONE_THREAD = 0x0001_0000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP = 1, 4, 24
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 22, 38, 47
_AT_FDCWD, _AT_RECURSIVE, _MNT_DETACH = -100, 0x8000, 2
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID, _MOUNT_ATTR_NODEV = 1, 2, 4
_SIGCHLD = 17
_CAPABILITY_VERSION_3 = 0x2008_0522

MACHINE = platform.machine()
NUMBERS = {
    # name: (x86_64, aarch64); -1 where the machine has no such call
    "accept": (43, 202), "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171),
    "bind": (49, 200), "bpf": (321, 280), "chroot": (161, 51), "clock_settime": (227, 112),
    "clone": (56, 220), "clone3": (435, 435), "connect": (42, 203), "delete_module": (176, 106),
    "fanotify_init": (300, 262), "finit_module": (313, 273), "fork": (57, -1), "fsmount": (432, 432),
    "fsopen": (430, 430), "init_module": (175, 105), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "io_uring_setup": (425, 425), "ioperm": (173, -1),
    "iopl": (172, -1), "kexec_file_load": (320, 294), "kexec_load": (246, 104), "keyctl": (250, 219),
    "kill": (62, 129), "landlock_restrict_self": (446, 446), "listen": (50, 201),
    "lookup_dcookie": (212, 18), "mbind": (237, 235), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "migrate_pages": (256, 238), "mknod": (133, -1),
    "mknodat": (259, 33), "mount": (165, 40), "mount_setattr": (442, 442), "move_mount": (429, 429),
    "move_pages": (279, 239), "msgget": (68, 186), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "open_tree": (428, 428), "perf_event_open": (298, 241),
    "personality": (135, 92), "pidfd_getfd": (438, 438), "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424), "pivot_root": (155, 41), "prlimit64": (302, 261),
    "process_madvise": (440, 440), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "ptrace": (101, 117), "quotactl": (179, 60), "reboot": (169, 142), "request_key": (249, 218),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "sched_setaffinity": (203, 122),
    "semget": (64, 190), "set_mempolicy": (238, 237), "setdomainname": (171, 162), "setns": (308, 268),
    "setpriority": (141, 140), "sethostname": (170, 161), "settimeofday": (164, 170),
    "shmget": (29, 194), "socket": (41, 198), "swapoff": (168, 225), "swapon": (167, 224),
    "syslog": (103, 116), "tgkill": (234, 131), "tkill": (200, 130), "umount2": (166, 39),
    "unshare": (272, 97), "userfaultfd": (323, 282), "vfork": (58, -1), "vhangup": (153, 58),
    "landlock_create_ruleset": (444, 444), "landlock_add_rule": (445, 445),
}  # fmt: skip


def number(name: str) -> int:
    """The number of a system call on this machine; -1 where it has none."""
    return NUMBERS[name][0 if MACHINE == "x86_64" else 1]


@functools.cache
def libc() -> ctypes.CDLL:
    """The C library. Loaded on first use: other systems can import this file."""
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result


def syscall(name: str, *arguments: object) -> int:
    """A system call by its name; integers are passed as 64 bits wide."""
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(libc().syscall(ctypes.c_long(number(name)), *wide), name)


def unshare(flags: int) -> None:
    _checked(libc().unshare(flags), "unshare")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """mount(2); empty strings are null pointers."""
    encoded = [text.encode() or None for text in (source, target, kind)]
    done = libc().mount(*encoded, ctypes.c_ulong(flags), data.encode() or None)
    _checked(done, f"mount on {target}")


def make_readonly(path: str, *, recursive: bool = True) -> None:
    """Read-only, no set-user-id, no devices, for a mount and all beneath it (kernel 5.12)."""
    wanted = _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV
    attributes = (ctypes.c_uint64 * 4)(wanted, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    size = ctypes.sizeof(attributes)
    syscall("mount_setattr", _AT_FDCWD, path.encode(), flags, ctypes.byref(attributes), size)


def pivot_root(new: str, old: str) -> None:
    """`new` becomes the root; the old one hangs at `old`, for `unmount`."""
    syscall("pivot_root", new.encode(), old.encode())


def unmount(path: str) -> None:
    """At once, whatever is open beneath it."""
    _checked(libc().umount2(path.encode(), _MNT_DETACH), f"umount {path}")


def _prctl(what: int, *arguments: object) -> int:
    wide = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    return libc().prctl(what, *wide, *[ctypes.c_ulong(0)] * (4 - len(wide)))


def die_with_parent() -> None:
    """SIGKILL when the parent process ends."""
    _checked(_prctl(_PR_SET_PDEATHSIG, 9), "prctl(PDEATHSIG)")


def own_proc() -> None:
    """Let the process write to its own /proc entries again after it changed its user."""
    _checked(_prctl(_PR_SET_DUMPABLE, 1), "prctl(DUMPABLE)")


def no_new_privileges() -> None:
    _checked(_prctl(_PR_SET_NO_NEW_PRIVS, 1), "prctl(NO_NEW_PRIVS)")


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def install_filter(instructions: bytes) -> None:
    """A seccomp filter, 8 bytes an instruction; needs `no_new_privileges` first."""
    program = _Filter(len(instructions) // 8, instructions)
    _checked(_prctl(_PR_SET_SECCOMP, 2, ctypes.byref(program)), "prctl(SECCOMP)")


def fork(namespaces: int) -> int:
    """`os.fork`, with new namespaces for the child: its process id, or 0 in the child."""
    python = ctypes.PyDLL(None)
    python.PyOS_BeforeFork()
    # Through PyDLL, which keeps the interpreter's lock: the child has it, and its only thread.
    pid: int = python.syscall(
        ctypes.c_long(number("clone")), ctypes.c_long(namespaces | _SIGCHLD),
        *[ctypes.c_long(0)] * 4,
    )  # fmt: skip
    if pid == 0:
        python.PyOS_AfterFork_Child()
        return 0
    python.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError("clone: no new namespaces for a program")
    return pid


def drop_bounding_set() -> None:
    """No capability can be gained again by this process's children once they have dropped theirs."""
    for capability in range(64):
        if _prctl(_PR_CAPBSET_DROP, capability) < 0:
            break  # one more than the kernel has
    _prctl(_PR_CAP_AMBIENT, 4)


def drop_capabilities() -> None:
    """All of them, for good."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    _checked(libc().capset(ctypes.byref(header), ctypes.byref(none)), "capset")


def supported() -> bool:
    """Whether this is a Linux whose system calls are known here."""
    return sys.platform == "linux" and MACHINE in ("x86_64", "aarch64")
