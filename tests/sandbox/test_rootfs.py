"""Which folders a program sees. How they are mounted is tried by `test_hostile.py`."""

import os
import sysconfig
from pathlib import Path

from understudy.sandbox.rootfs import list_readable


def test_the_standard_library_is_readable_and_home_is_not() -> None:
    folders = list_readable()
    library = sysconfig.get_path("stdlib")
    assert any(library == folder or library.startswith(folder + "/") for folder in folders)
    home = str(Path.home())
    assert not any(home == folder or home.startswith(folder + "/") for folder in folders)
    assert not any(folder in ("/", "/etc", "/tmp", "/usr") for folder in folders)


def test_folders_exist_and_none_is_within_another() -> None:
    folders = list_readable()
    assert folders == sorted(set(folders))
    for folder in folders:
        assert os.path.isdir(folder)
        assert not any(folder.startswith(other + "/") for other in folders if other != folder)
