"""One process at a time writes a run folder."""

import os
import resource
from pathlib import Path

import pytest

from understudy.errors import RunFolderError
from understudy.journal.lock import hold, share


def test_a_folder_is_held_by_one_until_it_is_released(tmp_path: Path) -> None:
    with hold(tmp_path):
        with pytest.raises(RunFolderError, match=f"is in use by process {os.getpid()} on .*Wait"):
            hold(tmp_path)
        with pytest.raises(RunFolderError, match=f"is in use by process {os.getpid()} on "):
            share(tmp_path)
    hold(tmp_path).close()


def test_several_may_read_a_folder_that_nobody_writes(tmp_path: Path) -> None:
    hold(tmp_path).close()
    first, second = share(tmp_path), share(tmp_path)
    assert first is not None
    assert second is not None
    with first, second, pytest.raises(RunFolderError, match="is in use"):
        hold(tmp_path)
    hold(tmp_path).close()


def test_a_folder_in_which_no_run_has_begun_is_read_without_a_lock(tmp_path: Path) -> None:
    assert share(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        RunFolderError, match=r"expected a folder that can be written, No such file"
    ):
        hold(tmp_path / "missing")


def test_a_disk_that_takes_nothing_is_said(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(RunFolderError, match=r"File too large\. Make room and run again"):
            hold(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    hold(tmp_path).close()
