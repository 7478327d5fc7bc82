"""Files that are written whole or not at all."""

from pathlib import Path

import pytest

from understudy.data.atomic import open_atomic, write_text
from understudy.errors import RunFolderError


def test_the_file_is_in_its_place_only_when_the_block_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"

    with open_atomic(path) as file:
        file.write(b"new")
        assert not path.exists()

    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def break_off() -> None:
        with open_atomic(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        break_off()

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_a_folder_has_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="Choose a name that no folder has, then export again"):
        write_text(tmp_path, "text")


def test_an_error_of_the_block_that_is_ours_already_stays_as_it_is(tmp_path: Path) -> None:
    ours = RunFolderError("said once")

    with pytest.raises(RunFolderError) as caught, open_atomic(tmp_path / "file"):
        raise ours

    assert caught.value is ours


def test_text_is_utf_8_and_halves_of_characters_become_question_marks(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "é\ud800")

    assert (tmp_path / "file").read_bytes() == b"\xc3\xa9?"
