"""The lock that keeps a second process out of a run folder. It ends with the process that holds it."""

import fcntl
import os
import platform
from contextlib import suppress
from pathlib import Path
from typing import IO

from understudy.errors import RunFolderError


def hold(folder: Path) -> IO[str]:
    """The lock of a run folder, until it is closed.

    Raises:
        RunFolderError: another process holds it, or the folder cannot be written.
    """
    try:
        lock = (folder / LOCK).open("a+")
    except OSError as error:
        raise not_writable(folder, error) from error
    try:
        _acquire(folder, lock, fcntl.LOCK_EX)
        _sign(folder, lock)
    except BaseException:
        with suppress(OSError):  # it would write again what did not go onto the disk
            lock.close()
        raise
    return lock


def share(folder: Path) -> IO[str] | None:
    """The lock of a run folder that is only read. Others may share it. None where no run has begun in
    the folder.

    Raises:
        RunFolderError: a run is under way there.
    """
    try:
        lock = (folder / LOCK).open()
    except FileNotFoundError:
        return None
    try:
        _acquire(folder, lock, fcntl.LOCK_SH)
    except RunFolderError:
        lock.close()
        raise
    return lock


def _acquire(folder: Path, lock: IO[str], kind: int) -> None:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        raise RunFolderError(
            f"{folder} is in use by {holder}. Wait for it, stop it, or choose another out=FOLDER."
        ) from None
    except OSError as error:
        raise RunFolderError(
            f"{folder} cannot be locked: {error.strerror}. A run folder needs a local file system; "
            "choose another out=FOLDER."
        ) from error


def _sign(folder: Path, lock: IO[str]) -> None:
    try:
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {platform.node()}")
        lock.flush()
    except OSError as error:
        raise RunFolderError(f"{folder}: {error.strerror}. Make room and run again.") from error


def not_writable(folder: Path, error: OSError) -> RunFolderError:
    """The error of a run folder that cannot be made or written."""
    return RunFolderError(
        f"{folder}: expected a folder that can be written, {error.strerror}. "
        "Choose another with out=FOLDER."
    )


LOCK = "lock"
