"""A run folder that is full, cannot be written, is taken, or belongs to another recipe."""

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from processes import Ended, Run, Server, assert_whole, one_call_each, repeated, seeds

pytestmark = pytest.mark.timeout(120)


def test_a_second_process_on_a_folder_says_so_and_stops(tmp_path: Path) -> None:
    with Server("--delay", "0.3") as server:
        run = one_call_each(tmp_path, server, 60, "concurrency=16")
        first = run.start()
        server.wait(requests=1)

        second = run.end()

        assert second.code == 2, second
        assert f"in use by process {first.process.pid}" in second.err
        ended = first.end()
        assert ended.code == 0, ended
        assert_whole(run, 60)
        assert server.asked().total() == 60


def test_a_folder_is_free_as_soon_as_its_process_was_killed(tmp_path: Path) -> None:
    with Server("--delay", "600") as server:
        run = one_call_each(tmp_path, server, 4)
        running = run.start()
        server.wait(requests=4)
        running.kill()
        server.set(delay=0)

        assert run.end().code == 0


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
        assert run.end("concurrency=3", "patience=5", "attempts=2").code == 0, "how fast may differ"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that a run of a few hundred tasks does not fit on."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=768k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_stops_the_run_in_words_and_room_lets_it_go_on(small_disk: Path) -> None:
    with Server() as server:
        run = one_call_each(small_disk, server, 2_000, "concurrency=32")

        ended = run.end()

        assert_stopped_by_the_disk(run, ended)
        asked, committed = server.asked(), run.committed()
        assert repeated(asked, asked, committed) == []
        remount = ["mount", "-o", "remount,size=64m", str(small_disk)]
        subprocess.run(remount, check=True)
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
    assert len(ended.err.splitlines()) == 1, ended
    assert run.committed().total() > 0


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")
    with Server() as server:
        ended = one_call_each(tmp_path, server, 2).end()

        assert ended.code == 2, ended
        assert "run" in ended.err
        assert server.stats()["requests"] == 0
    assert (tmp_path / "run").read_text() == "mine"


def test_a_folder_that_may_not_be_written_is_told() -> None:
    """By a user who is not root, for whom permissions do not count."""
    with Server() as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = one_call_each(folder, server, 2)
        run.out.mkdir(mode=0o555)
        folder.chmod(0o755)
        who = {} if os.geteuid() else {"user": 65_534, "group": 65_534, "extra_groups": []}

        ended = run.end(**who)

        assert ended.code == 2, ended
        assert "Permission denied" in ended.err
        assert server.stats()["requests"] == 0
        run.out.chmod(0o755)


def test_a_damaged_run_file_is_told(tmp_path: Path) -> None:
    seeds(tmp_path, 2)
    with Server() as server:
        run = one_call_each(tmp_path, server, 2)
        assert run.end().code == 0
        for damage in ("", "[]", "{}", '{"fingerprint": 1'):
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
