"""Connections to a journal's file. Its format is checked first."""

import os
import sqlite3
from pathlib import Path

from understudy.errors import RunFolderError
from understudy.journal import faults
from understudy.journal.schema import APPLICATION, FORMAT, SCHEMA


def connect_writer(path: Path, *, fresh: bool) -> sqlite3.Connection:
    """The connection that writes. `fresh`: the run is new, and its journal may have to be made.

    Raises:
        RunFolderError: there is no journal and the run is not new; or it is damaged, of another
            format, or cannot be written.
    """
    size = path.stat().st_size if path.is_file() else None
    if not fresh and not size:
        raise faults.loss(path) if size is None else faults.emptiness(path)
    with faults.reading(path):
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        try:
            if size:
                check_format(db, path)
            db.execute("pragma page_size = 16384")
            db.execute("pragma journal_mode = wal")
            # Flushed to the disk at every commit: with commits shared by all calls of some
            # milliseconds it costs no throughput, and the run survives a power cut.
            db.execute("pragma synchronous = full")
            if not size:
                db.executescript(
                    f"begin immediate; {SCHEMA} pragma application_id = {APPLICATION};"
                    f"pragma user_version = {FORMAT}; commit;"
                )
        except BaseException:
            db.close()
            raise
        return db


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that does not write.

    Raises:
        RunFolderError: there is no journal, or it is damaged or of another format.
    """
    if not path.is_file():
        raise faults.loss(path)
    if not path.stat().st_size:
        raise faults.emptiness(path)
    uri = f"{path.resolve().as_uri()}?{_mode(path)}"
    with faults.reading(path):
        db = sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, timeout=30
        )
        try:
            db.execute("pragma query_only = on")
            check_format(db, path)
        except BaseException:
            db.close()
            raise
        return db


def _mode(path: Path) -> str:
    """Opened as if for writing where the folder allows it: the last connection to close folds the
    write-ahead log into the file. On a read-only disk no log can be opened; where there is none to
    read, the file is all there is."""
    if os.access(path.parent, os.W_OK) and os.access(path, os.W_OK):
        return "mode=rw"
    log = path.with_name(f"{path.name}-wal")
    if not log.exists() or not log.stat().st_size:
        return "mode=ro&immutable=1"
    if not path.with_name(f"{path.name}-shm").exists():
        raise RunFolderError(
            f"{path}: the run was not ended properly, and its last rows stand in {log.name}, which "
            "cannot be read in a folder without write access. Copy the folder to another disk."
        )
    return "mode=ro"


def check_format(db: sqlite3.Connection, path: Path) -> None:
    """Raises RunFolderError unless the file is a journal of this format."""
    (application,) = db.execute("pragma application_id").fetchone()
    (version,) = db.execute("pragma user_version").fetchone()
    if application == APPLICATION:
        if version != FORMAT:
            raise faults.format_mismatch(path, version, FORMAT)
        return
    tables = {name for (name,) in db.execute("select name from sqlite_master")}
    if {"calls", "rows", "sessions"} <= tables:  # as the first versions wrote it
        raise faults.format_mismatch(path, 1, FORMAT)
    raise faults.foreign_database(path) if tables else faults.emptiness(path)
