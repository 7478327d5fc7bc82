"""Endpoints that fail: some calls, one call, all calls, or altogether."""

import signal
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import (
    Ended,
    Run,
    Server,
    assert_whole,
    names,
    of_tasks,
    one_call_each,
    question,
    read_lines,
    repeated,
)

pytestmark = pytest.mark.timeout(120)


def test_a_fifth_of_all_replies_may_fail_in_any_way_and_every_task_is_accounted_for(
    tmp_path: Path,
) -> None:
    tasks = 300
    with Server("--delay", "0.02", "--share", "0.2", "--seed", "7", module="faulty") as server:
        run = one_call_each(
            tmp_path, server, tasks, "models.teacher.timeout=1", "attempts=4", "concurrency=64"
        )

        ended = run.end()

        stats = server.stats()
        assert len(stats["kinds"]) == 13, "some fault never came up"
        assert sum(stats["kinds"].values()) > tasks / 8
        assert ended.code == 0, ended
        examples, failures = run.tasks(), run.tasks("failure")
        assert sorted(examples + failures) == names(tasks), "each has one row, and no other"
        assert len(failures) < tasks / 20, "four attempts are to be enough for nearly all"
        assert len(read_lines(run.out / "failures.jsonl")) == len(failures)
        unexplained = stats["requests"] - run.committed().total() - sum(stats["kinds"].values())
        assert unexplained <= tasks / 20, "it asked again what was answered well"
        assert max(server.asked().values()) <= 4, "no task is tried more often than allowed"

        assert run.end().code == 0
        assert len(run.tasks()) > len(examples) or not failures, "a resumed run tries them again"
        assert repeated(server.asked(), of_tasks(stats["prompts"]), Counter(examples)) == []


def test_a_run_finds_how_many_calls_an_endpoint_bears(tmp_path: Path) -> None:
    tasks, capacity = 800, 24
    options = ("--delay", "0.05", "--share", "0", "--capacity", str(capacity))
    with Server(*options, module="faulty") as server:
        run = one_call_each(tmp_path, server, tasks, "concurrency=256")

        ended = run.end()

        assert ended.code == 0, ended
        assert_whole(run, tasks)
        stats = server.stats()
        assert stats["most_under_way"] > capacity, "it never tried"
        assert stats["kinds"]["over_capacity"] < tasks / 4, "it went on knocking"


def test_a_task_that_is_refused_is_sent_once_and_told_in_the_servers_words(tmp_path: Path) -> None:
    tasks, bad = 60, "task-0031"
    with Server("--delay", "0.02") as server:
        run = one_call_each(tmp_path, server, tasks)
        mark(tmp_path, bad, "[status 400]")

        ended = run.end()

        assert ended.code == 0, ended
        assert run.tasks("failure") == [bad]
        assert run.tasks() == [name for name in names(tasks) if name != bad]
        assert server.asked() == dict.fromkeys(names(tasks), 1)
        (failure,) = read_lines(run.out / "failures.jsonl")
        assert failure["task"] == bad
        assert failure["error"] == "Rejected"
        assert "the stub takes no such prompt" in failure["message"]


def test_a_refused_key_stops_the_run_at_once_and_it_can_go_on(tmp_path: Path) -> None:
    tasks, at_once = 200, 16
    with Server("--delay", "0.1") as server:
        run = one_call_each(tmp_path, server, tasks, f"concurrency={at_once}")
        running = run.start()
        server.wait(answered=40)
        server.set(status=401)

        ended = running.end()

        assert ended.code == 3, ended
        assert "401" in ended.err
        assert "key" in ended.err
        assert server.stats()["kinds"]["401"] <= at_once, "it went on asking"
        assert run.tasks("failure") == [], "a wrong key is no task's fault"
        server.set(status=0)
        asked, committed = server.asked(), run.committed()
        assert run.end().code == 0
        assert_whole(run, tasks)
        assert repeated(server.asked(), asked, committed) == []


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nothing listens, and nothing else can begin to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"models.teacher=openai:stub@http://127.0.0.1:{held.getsockname()[1]}/v1"


@pytest.mark.parametrize("at_once", [2, 32])
def test_where_nothing_listens_the_run_stops_soon_and_says_where(
    tmp_path: Path, nobody: str, at_once: int
) -> None:
    with Server() as server:
        run = one_call_each(tmp_path, server, 100, f"concurrency={at_once}", *IMPATIENT)

        ended = run.end(nobody, timeout=30)

        assert_down(run, ended)
        assert "127.0.0.1" in ended.err


def test_where_the_endpoint_dies_on_the_way_the_run_stops_soon_and_can_go_on(
    tmp_path: Path,
) -> None:
    tasks = 120
    with Server("--delay", "0.1") as server:
        run = one_call_each(tmp_path, server, tasks, "concurrency=16", *IMPATIENT)
        running = run.start()
        server.wait(answered=30)
        port = server.port
    ended = running.end(30)
    assert_down(run, ended)
    committed = run.committed()
    assert 30 <= len(committed) < tasks

    with Server(port=port) as server:
        again = run.end()

        assert again.code == 0, again
        assert_whole(run, tasks)
        assert server.asked() == dict.fromkeys(set(names(tasks)) - set(committed), 1)


def test_where_the_endpoint_hangs_the_run_stops_soon_and_can_go_on(tmp_path: Path) -> None:
    tasks = 120
    with Server("--delay", "0.1") as server:
        run = one_call_each(tmp_path, server, tasks, "concurrency=16", *IMPATIENT)
        running = run.start()
        server.wait(answered=30)
        server.process.send_signal(signal.SIGSTOP)

        ended = running.end(30)

        assert_down(run, ended)
        server.process.send_signal(signal.SIGCONT)
        committed = run.committed()
        asked = server.asked()
        assert run.end().code == 0
        assert_whole(run, tasks)
        assert repeated(server.asked(), asked, committed) == []


IMPATIENT = ("down_after=2", "models.teacher.timeout=1")


def assert_down(run: Run, ended: Ended) -> None:
    assert ended.code == 3, ended
    assert "the same command continues the run" in ended.err.lower()
    assert run.tasks("failure") == [], "that the endpoint is down is no task's fault"


def mark(folder: Path, name: str, words: str) -> None:
    """Put words into the prompt of one seed."""
    path = folder / "seeds.jsonl"
    path.write_text(path.read_text().replace(question(name), f"{question(name)} {words}"))
