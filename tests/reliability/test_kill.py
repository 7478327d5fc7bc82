"""`kill -9` at any moment: the same command goes on, and nothing that was paid for is lost."""

import sqlite3
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from processes import (
    Run,
    Running,
    Server,
    assert_whole,
    names,
    one_call_each,
    repeated,
    seeds,
)

pytestmark = pytest.mark.timeout(240)


def test_twenty_kills_lose_no_reply_and_make_no_row_twice(tmp_path: Path) -> None:
    kills, tasks, at_once = 20, 600, 64
    random = Random(20)
    with Server("--delay", "0.3") as server:
        run = one_call_each(tmp_path, server, tasks, f"concurrency={at_once}")
        asked, lost = Counter[str](), 0
        for _ in range(kills):
            before, committed = asked, run.committed()
            running = run.start()
            wait_for_some_moment(random, server, running, at_once)
            running.kill()
            asked = server.asked()
            assert repeated(asked, before, committed) == [], "asked again what was on disk"
            sent = asked.total() - before.total()
            under_way = sent - (run.committed().total() - committed.total())
            assert 0 <= under_way <= at_once
            lost += under_way
        committed = run.committed()
        assert 50 < len(committed) < tasks, "the kills came too early or too late to tell anything"

        ended = run.end()

        assert ended.code == 0, ended
        assert_whole(run, tasks)
        assert repeated(server.asked(), asked, committed) == []
        assert server.asked().total() == tasks + lost, "only what was under way is paid again"


def test_a_finished_run_given_again_asks_nothing_and_changes_nothing(tmp_path: Path) -> None:
    with Server() as server:
        run = one_call_each(tmp_path, server, 40)
        assert run.end().code == 0
        asked, examples = server.asked(), run.examples()

        again = run.end()

        assert again.code == 0, again
        assert "0 calls sent, 0 replies from the journal" in again.out, "it did the work again"
        assert (server.asked(), run.examples()) == (asked, examples)


def test_a_method_sees_no_reply_that_is_not_on_disk(tmp_path: Path) -> None:
    """While somebody else holds the journal nothing can be committed, and so no method may ask a
    question that follows from a reply."""
    (tmp_path / "two.py").write_text(TWO_QUESTIONS)
    seeds(tmp_path, 8)
    with Server() as server:
        server.set(delay=0.2)
        run = Run(
            tmp_path, ["./two.py:two_questions", "seeds=seeds.jsonl", "out=run", server.model]
        )
        running = run.start()
        server.wait(requests=8)
        journal = sqlite3.connect(run.out / "journal.db", isolation_level=None, timeout=30)
        journal.execute("begin immediate")
        try:
            server.wait(answered=8)
            with pytest.raises(TimeoutError):
                server.wait(0.5, prompt="Are you sure")
            running.kill()
        finally:
            journal.execute("rollback")
            journal.close()
        assert run.committed() == {}

        ended = run.end()

        assert ended.code == 0, ended
        assert run.tasks(step="two_questions") == names(8)
        assert run.committed() == dict.fromkeys(names(8), 2)
        assert server.stats()["requests"] == 8 + 16


TWO_QUESTIONS = '''
"""Asks, then asks about the reply."""
from understudy.methods import method
from understudy.call.model import Model
from understudy.types import Example, Task


@method(paper="")
async def two_questions(task: Task, teacher: Model) -> Example:
    first = await teacher.ask(task.prompt)
    return task.example(await teacher.ask(f"{task.prompt} Are you sure? You said: {first}"))
'''


def test_every_draw_is_asked_for_once_and_kept_apart_over_kills(tmp_path: Path) -> None:
    """Three draws of one prompt, one after the other, each with a reply of its own."""
    tasks, random = 60, Random(3)
    with Server("--delay", "0.1", "--vary") as server:
        run = one_call_each(tmp_path, server, tasks, "concurrency=16", *THREE_DRAWS)
        lost = 0
        for _ in range(3):
            before, committed = server.asked().total(), run.committed().total()
            running = run.start()
            wait_for_some_moment(random, server, running, 40)
            running.kill()
            sent = server.asked().total() - before
            lost += sent - (run.committed().total() - committed)

        ended = run.end()

        assert ended.code == 0, ended
        assert server.asked().total() == 3 * tasks + lost
        assert run.committed() == dict.fromkeys(names(tasks), 3)
        replies = run.read("select task, text from effects")
        assert len(set(replies)) == 3 * tasks, "two draws got the same reply"


THREE_DRAWS = ("samples=3", "adaptive=true", "confidence=0.99")


def test_steps_in_a_row_end_with_the_same_examples_killed_or_not(tmp_path: Path) -> None:
    tasks, random = 120, Random(7)
    recipe, folders = STEPS, [tmp_path / name for name in ("whole", "killed")]
    for folder in folders:
        folder.mkdir()
        (folder / "recipe.yaml").write_text(recipe)
        seeds(folder, tasks)
    with Server("--delay", "0.1", "--single") as server:
        whole, killed = (Run(folder, ["recipe.yaml", server.model]) for folder in folders)
        assert whole.end().code == 0
        assert 10 < len(whole.examples()) < tasks, "the filter is to reject some, not all"
        server.control("/reset", "POST")
        lost, between = 0, set[str]()
        for kills in range(7):
            if kills >= 4 and between:
                break
            before, committed = server.asked().total(), killed.committed().total()
            running = killed.start()
            wait_for_some_moment(random, server, running, 110)
            running.kill()
            between |= {*killed.tasks(step="length")} - {*killed.tasks(step="once more")}
            sent = server.asked().total() - before
            lost += sent - (killed.committed().total() - committed)
        assert between, "no kill caught a task between two steps"

        ended = killed.end()

        assert ended.code == 0, ended
        assert killed.examples() == whole.examples()
        assert sorted(killed.rows("length")) == sorted(whole.rows("length"))
        assert server.asked().total() == whole.committed().total() + lost


STEPS = """\
seeds: seeds.jsonl
steps:
  - self_consistency: {samples: 3, shots: 0}
  - length: {min_characters: 48}
  - use: self_consistency
    label: once more
    settings: {samples: 2, shots: 0, temperature: 0.3}
out: run
concurrency: 24
"""


def test_a_run_to_n_killed_on_its_way_ends_with_the_examples_of_one_that_was_not(
    tmp_path: Path,
) -> None:
    """One task at a time, so that which are the first n does not depend on the timing."""
    n, folders = 30, [tmp_path / name for name in ("whole", "killed")]
    for folder in folders:
        folder.mkdir()
    with Server("--delay", "0.02") as server:
        settings = (f"n={n}", "concurrency=1", "min_share=0.6")
        whole, killed = (one_call_each(folder, server, 100, *settings) for folder in folders)
        assert whole.end().code == 0
        server.control("/reset", "POST")
        for answered in (5, 12, 20):
            running = killed.start()
            server.wait(answered=answered)
            running.kill()

        ended = killed.end()

        assert ended.code == 0, ended
        assert killed.examples() == whole.examples()
        assert len(killed.examples()) == n
        assert server.asked().total() <= n + 3, "one task was under way at each kill"


def test_a_run_to_n_with_many_at_once_ends_with_n_and_not_one_more(tmp_path: Path) -> None:
    n, at_once = 100, 32
    with Server("--delay", "0.1") as server:
        run = one_call_each(tmp_path, server, 400, f"n={n}", f"concurrency={at_once}")
        for answered in (20, 60):
            running = run.start()
            server.wait(answered=answered)
            running.kill()

        ended = run.end()

        assert ended.code == 0, ended
        assert len(run.examples()) == n
        assert len(set(run.tasks())) == n
        assert server.asked().total() <= n + 3 * at_once


def wait_for_some_moment(random: Random, server: Server, running: Running, most: int) -> None:
    """While the process starts, after up to `most` requests or replies, and up to 50 ms more."""
    moment, more = random.random(), random.randint(1, most)
    stats = server.stats()
    try:
        if moment < 0.1:
            running.lasts(random.uniform(0, 0.5))
        elif moment < 0.4:
            server.wait(10, requests=stats["requests"] + more)
        else:
            server.wait(10, answered=stats["answered"] + more // 2 + 1)
    except TimeoutError:
        return  # so many are not left: that is a moment like any other
    running.lasts(random.uniform(0, 0.05))
