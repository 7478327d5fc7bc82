"""A run folder that is full, cannot be written, is taken, or belongs to another recipe."""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from processes import Ended, Run, Server, assert_whole, one_call_each, repeated, seeds

pytestmark = pytest.mark.timeout(120)


def test_a_second_process_is_told_who_holds_the_folder_until_that_one_is_gone(
    tmp_path: Path,
) -> None:
    with Server("--delay", "600") as server:
        run = one_call_each(tmp_path, server, 4)
        first = run.start()
        server.wait(requests=4)

        second = run.end()

        assert second.code == 2, second
        assert f"in use by process {first.process.pid}" in second.err
        assert server.stats()["requests"] == 4
        first.kill()
        server.set(delay=0)
        assert run.end().code == 0
        assert_whole(run, 4)


def test_another_recipe_on_a_folder_is_refused_and_what_differs_is_named(tmp_path: Path) -> None:
    with Server() as server:
        run = one_call_each(tmp_path, server, 5)
        assert run.end().code == 0
        asked, rows = server.asked(), run.rows()

        ended = run.end("temperature=0.1", "seed=3")

        assert ended.code == 2, ended
        assert "steps.0.settings.temperature: 0.7 -> 0.1" in ended.err
        assert "seed: 0 -> 3" in ended.err
        assert "concurrency" not in ended.err
        assert (server.asked(), run.rows()) == (asked, rows)
        assert run.end("concurrency=3", "down_after=5", "attempts=2").code == 0, (
            "how fast may differ"
        )


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that a run of some thousand tasks does not fit on."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=768k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def test_a_full_disk_stops_the_run_in_words_and_room_lets_it_go_on(disk: Path) -> None:
    with Server() as server:
        run = one_call_each(disk, server, 2_000, "concurrency=32")

        ended = run.end()

        assert_stopped_by_the_disk(run, ended)
        asked, committed = server.asked(), run.committed()
        assert repeated(asked, asked, committed) == []
        remount(disk, "size=64m")
        again = run.end()
        assert again.code == 0, again
        assert_whole(run, 2_000)
        assert repeated(server.asked(), asked, committed) == []


def test_a_limit_on_the_size_of_files_is_like_a_full_disk(tmp_path: Path) -> None:
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (500_000, 500_000))
    with Server() as server:
        run = one_call_each(tmp_path, server, 1_000, "concurrency=32")

        ended = run.end(preexec_fn=limit)

        assert_stopped_by_the_disk(run, ended)
        asked, committed = server.asked(), run.committed()
        again = run.end()
        assert again.code == 0, again
        assert_whole(run, 1_000)
        assert repeated(server.asked(), asked, committed) == []


def assert_stopped_by_the_disk(run: Run, ended: Ended) -> None:
    assert ended.code == 2, ended
    assert "make room, then run the same command again" in ended.err.lower()
    assert ended.err.count("could not be written") == 1, ended
    assert run.committed().total() > 0


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")
    with Server() as server:
        assert_told(one_call_each(tmp_path, server, 2).end(), server, "File exists")
    assert (tmp_path / "run").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not count for root")
def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    with Server() as server:
        run = one_call_each(tmp_path, server, 2)
        run.out.mkdir(mode=0o555)

        assert_told(run.end(), server, "Permission denied")


def test_a_file_system_that_may_only_be_read_is_told(disk: Path) -> None:
    with Server() as server:
        run = one_call_each(disk, server, 2)
        for prepare in (lambda: None, run.out.mkdir):
            remount(disk, "rw")
            prepare()
            remount(disk, "ro")

            assert_told(run.end(), server, "Read-only file system")


def assert_told(ended: Ended, server: Server, words: str) -> None:
    """Before anything was paid."""
    assert ended.code == 2, ended
    assert words in ended.err
    assert server.stats()["requests"] == 0


def test_a_damaged_run_file_is_told(tmp_path: Path) -> None:
    seeds(tmp_path, 2)
    with Server() as server:
        run = one_call_each(tmp_path, server, 2)
        assert run.end().code == 0
        for damage in ("[]", '{"fingerprint": 1'):
            (run.out / "run.json").write_text(damage)

            ended = run.end()

            assert ended.code == 2, ended
            assert "run.json" in ended.err


def test_a_journal_that_is_none_is_told(tmp_path: Path) -> None:
    with Server() as server:
        run = one_call_each(tmp_path, server, 2)
        run.out.mkdir()
        (run.out / "journal.db").write_bytes(b"no database at all, but long enough" * 1000)

        ended = run.end()

        assert ended.code == 2, ended
        assert "journal.db" in ended.err
