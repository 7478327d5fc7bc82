"""What the kernel counts per process: memory, CPU time, files, threads."""

import math
import resource

MEGABYTE = 1 << 20
THREADS = 64


def restrict(seconds: float, megabytes: int, *, counted: bool) -> None:
    """Limits of this process. `counted`: it has a user namespace of its own, in which its threads can
    be counted; elsewhere all of the user's would be, and only their stacks' memory bounds them."""
    cpu = math.ceil(seconds) + 1
    limits = {
        resource.RLIMIT_AS: megabytes * MEGABYTE,
        resource.RLIMIT_CPU: cpu,
        resource.RLIMIT_FSIZE: 16 * MEGABYTE,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_STACK: 8 * MEGABYTE,
        resource.RLIMIT_MEMLOCK: 0,
        12: 0,  # RLIMIT_MSGQUEUE, which the module does not name
    }
    if counted:
        limits[resource.RLIMIT_NPROC] = THREADS
    for what, most in limits.items():
        try:
            _, hard = resource.getrlimit(what)
        except ValueError:  # this system does not know it
            continue
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(what, (most, most))
