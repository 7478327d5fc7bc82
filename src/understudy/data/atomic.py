"""Files that are written whole or not at all."""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from understudy.errors import RunFolderError, UnderstudyError


@contextmanager
def open_atomic(path: Path) -> Generator[IO[bytes], None, None]:
    """A file to write to. It takes the place of `path` when the block ends without an error, and is on
    disk then. An error, an interrupt or a kill leaves `path` as it was.

    One writer at a time. A kill leaves the unfinished file, `.NAME.PID.tmp`, beside it.

    Raises:
        RunFolderError: the file could not be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, UnderstudyError):
            raise RunFolderError(
                f"{path}: expected to write it, found: {_describe(error)}. What was there before is "
                f"untouched. {_ADVICE.get(error.errno or 0, 'Correct that')}, then export again."
            ) from error
        raise


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whatever the locale; halves of characters become question marks.

    Raises:
        RunFolderError: the file could not be written.
    """
    with open_atomic(path) as file:
        file.write(text.encode(errors="replace"))


_ADVICE = {
    errno.ENOSPC: "Make room on the disk",
    errno.EDQUOT: "Make room in your quota",
    errno.EFBIG: "Raise the limit on the size of files",
    errno.EACCES: "Make the folder writable, or choose another",
    errno.EPERM: "Make the folder writable, or choose another",
    errno.EROFS: "Choose a folder on a disk that can be written",
    errno.ENOTDIR: "Choose a folder that can be made",
    errno.EEXIST: "Choose a folder that can be made",
    errno.EISDIR: "Choose a name that no folder has",
}


def _describe(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()


def _flush_folder(folder: Path) -> None:
    # The new name survives a power cut where the file system can do it.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
