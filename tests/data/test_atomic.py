"""A file is written whole or stays as it was. What a full disk does is tested with the exports."""

import errno
from pathlib import Path

import pytest

from understudy.data.atomic import open_atomic, write_text
from understudy.errors import RunFolderError, UnderstudyError


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    with open_atomic(path) as file:
        file.write(b"a")
        assert not path.exists()
    assert path.read_bytes() == b"a"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("x"), UnderstudyError("x")])
def test_an_error_leaves_the_old_file_and_nothing_else(
    error: BaseException, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(type(error)) as raised, open_atomic(path):
        raise error
    assert raised.value is error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Make room on the disk, then export again"),
        (errno.EDQUOT, "Make room in your quota, then"),
        (errno.EROFS, "Choose a folder on a disk that can be written, then"),
        (errno.EIO, "Correct that, then"),
    ],
)
def test_what_the_system_refuses_is_said_with_a_way_out(
    number: int, advice: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RunFolderError, match=advice) as raised, open_atomic(path):
        raise OSError(number, "No Luck")
    assert f"{path}: expected to write it, found: no luck." in str(raised.value)
    assert path.read_text() == "old"


def test_a_run_folder_error_is_passed_on_as_it_is(tmp_path: Path) -> None:
    error = RunFolderError("taken")
    with pytest.raises(RunFolderError) as raised, open_atomic(tmp_path / "file"):
        raise error
    assert raised.value is error


def test_text_is_utf8_and_half_a_character_a_question_mark(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "é\ud800\n")
    assert (tmp_path / "file").read_bytes() == "é?\n".encode()
