"""Linux system calls that Python does not wrap. Standard library only, because a worker must stay small.

If the kernel refuses a call, the function raises OSError with the name of the call.
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
    # name: (x86_64, aarch64); -1 if the machine has no such call
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


def find_number(name: str) -> int:
    """The number of a system call on this machine; -1 if it has none."""
    return NUMBERS[name][0 if MACHINE == "x86_64" else 1]


@functools.cache
def libc() -> ctypes.CDLL:
    """The C library. It is loaded on first use, so that other systems can import this file."""
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, call: str) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{call}: {os.strerror(error)}")
    return result


def syscall(name: str, *arguments: object) -> int:
    """Make a system call by its name. Integers are passed with 64 bits."""
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _check(libc().syscall(ctypes.c_long(find_number(name)), *wide), name)


def unshare(flags: int) -> None:
    _check(libc().unshare(flags), "unshare")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """mount(2). Empty strings become null pointers."""
    encoded = [text.encode() or None for text in (source, target, kind)]
    result = libc().mount(*encoded, ctypes.c_ulong(flags), data.encode() or None)
    _check(result, f"mount on {target}")


def make_readonly(path: str, *, recursive: bool = True) -> None:
    """Make a mount read-only, without set-user-id programs and devices (kernel 5.12)."""
    bits = _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV
    attributes = (ctypes.c_uint64 * 4)(bits, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    size = ctypes.sizeof(attributes)
    syscall("mount_setattr", _AT_FDCWD, path.encode(), flags, ctypes.byref(attributes), size)


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root. The old root is then mounted at `old`."""
    syscall("pivot_root", new.encode(), old.encode())


def unmount(path: str) -> None:
    """Unmount at once, even if files beneath it are open."""
    _check(libc().umount2(path.encode(), _MNT_DETACH), f"umount {path}")


def _prctl(option: int, *arguments: object) -> int:
    wide = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    return libc().prctl(option, *wide, *[ctypes.c_ulong(0)] * (4 - len(wide)))


def die_with_parent() -> None:
    """Get SIGKILL when the parent process ends."""
    _check(_prctl(_PR_SET_PDEATHSIG, 9), "prctl(PDEATHSIG)")


def reclaim_proc() -> None:
    """Let this process write to its own /proc entries again after it changed its user."""
    _check(_prctl(_PR_SET_DUMPABLE, 1), "prctl(DUMPABLE)")


def no_new_privileges() -> None:
    _check(_prctl(_PR_SET_NO_NEW_PRIVS, 1), "prctl(NO_NEW_PRIVS)")


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def install_filter(instructions: bytes) -> None:
    """Install a seccomp filter, 8 bytes an instruction. Needs `no_new_privileges` first."""
    program = _Filter(len(instructions) // 8, instructions)
    _check(_prctl(_PR_SET_SECCOMP, 2, ctypes.byref(program)), "prctl(SECCOMP)")


def fork(namespaces: int) -> int:
    """`os.fork`, with new namespaces for the child. Returns its process id, or 0 in the child."""
    python = ctypes.PyDLL(None)
    python.PyOS_BeforeFork()
    # PyDLL keeps the interpreter's lock during the call, so the only thread of the child has it.
    pid: int = python.syscall(
        ctypes.c_long(find_number("clone")), ctypes.c_long(namespaces | _SIGCHLD),
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
    """Make sure that children of this process which dropped their capabilities can never regain them."""
    for capability in range(64):
        if _prctl(_PR_CAPBSET_DROP, capability) < 0:
            break  # past the last one that the kernel has
    _prctl(_PR_CAP_AMBIENT, 4)


def drop_capabilities() -> None:
    """Drop all capabilities, for good."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    _check(libc().capset(ctypes.byref(header), ctypes.byref(none)), "capset")


def is_supported() -> bool:
    """Whether this is Linux on a machine whose system call numbers are in `NUMBERS`."""
    return sys.platform == "linux" and MACHINE in ("x86_64", "aarch64")
