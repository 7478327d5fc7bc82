"""Resource limits that the kernel enforces per process: memory, CPU time, files, threads."""

import math
import resource

MEGABYTE = 1 << 20
FILE_SIZE = 16 * MEGABYTE
THREADS = 64


def limit_files() -> None:
    """Limit the size of the files that this process writes, such as the log that it inherits."""
    _lower(resource.RLIMIT_FSIZE, FILE_SIZE)


def restrict(seconds: float, megabytes: int, *, count_threads: bool) -> None:
    """Limit this process.

    `count_threads`: it has a user namespace of its own, in which the kernel counts its threads alone.
    Elsewhere the kernel would count all of the user's, so only the memory of their stacks limits them.
    """
    cpu = math.ceil(seconds) + 1
    limits = {
        resource.RLIMIT_AS: megabytes * MEGABYTE,
        resource.RLIMIT_CPU: cpu,
        resource.RLIMIT_FSIZE: FILE_SIZE,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_STACK: 8 * MEGABYTE,
        resource.RLIMIT_MEMLOCK: 0,
        12: 0,  # RLIMIT_MSGQUEUE, which the module does not name
    }
    if count_threads:
        limits[resource.RLIMIT_NPROC] = THREADS
    for kind, limit in limits.items():
        _lower(kind, limit)


def _lower(kind: int, limit: int) -> None:
    try:
        _, hard = resource.getrlimit(kind)
    except ValueError:  # this system does not know the limit
        return
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(kind, (limit, limit))
