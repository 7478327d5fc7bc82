"""One start of a run, from its recipe to how it ended."""

import asyncio
import os
import resource
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from understudy import open_run
from understudy.call.limits import Endpoint
from understudy.errors import BudgetExhausted, ConfigError, Interrupted
from understudy.journal.read import Records
from understudy.runs.attempt import Summary, count_seeds, execute
from understudy.runs.progress import Progress
from understudy.runs.recipe import Recipe
from understudy.runs.resolve import ResolvedRecipe, resolve

SCRIPT = """
import asyncio, os, signal
from understudy.errors import Rejected, BudgetExhausted

def answer(call):
    return f"{call.request.model} {call.task}"

def refuse(call):
    if os.path.exists("refuse") and call.task == "t1":
        raise Rejected("400")
    return "fine"

def echo(call):
    return call.request.messages[-1].text

def poor(call):
    raise BudgetExhausted("no money left")

async def interrupt(call):
    if call.task == "t0":
        os.kill(os.getpid(), signal.SIGINT)
    for _ in range(50):
        await asyncio.sleep(0)
    return "paid for"

async def hang(call):
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(3600)
"""
METHOD = '''"""Asks two models."""

from understudy import Example, Model, Task, method


@method(paper="arXiv:0000.00000")
async def both(task: Task, teacher: Model, judge: Model) -> Example:
    return task.example(f"{await teacher.ask(task.prompt)}, {await judge.ask(task.prompt)}")
'''


POOL = '''"""Asks for all tasks at once."""

from collections.abc import AsyncIterator, Sequence

from understudy import Example, Model, Task, method


@method(paper="arXiv:0000.00000")
async def all_at_once(tasks: Sequence[Task], teacher: Model) -> AsyncIterator[Example]:
    for task in tasks:
        yield task.example(await teacher.ask(task.prompt))
'''


@pytest.fixture(autouse=True)
def files(own_folder: None) -> None:
    Path("script.py").write_text(SCRIPT)
    Path("both.py").write_text(METHOD)


def recipe(script: str = "answer", **changes: Any) -> ResolvedRecipe:
    return resolve(
        Recipe.of(
            {
                "seeds": [{"id": f"t{i}", "prompt": f"question {i}"} for i in range(6)],
                "models": {"teacher": f"scripted:script.py:{script}"},
                "steps": ["./both.py:both"],
                "out": "out",
                **changes,
            }
        )
    )


def run(resolved: ResolvedRecipe, **how: Any) -> Summary:
    return asyncio.run(execute(resolved, **how))


def statuses() -> list[str | None]:
    records = Records(Path("out/journal.db"))
    try:
        return [attempt.status for attempt in records.attempts()]
    finally:
        records.close()


def test_a_run_that_is_through_is_done() -> None:
    summary = run(recipe())
    assert (summary.status, summary.why, summary.signal) == ("done", "", 0)
    assert (summary.examples, summary.rejected, summary.failed) == (6, 0, 0)
    assert summary.tally.sent == 12
    assert statuses() == ["done"]


def test_a_finished_run_asks_nothing() -> None:
    run(recipe())
    again = run(recipe())
    assert (again.examples, again.tally.sent, again.tally.replayed) == (6, 0, 0)


def test_a_failure_that_became_an_example_is_no_longer_counted() -> None:
    Path("refuse").touch()
    first = run(recipe("refuse"))
    assert (first.examples, first.failed) == (5, 1)
    Path("refuse").unlink()
    again = run(recipe("refuse"))
    assert (again.examples, again.failed) == (6, 0)


def test_a_corrected_seed_is_asked_again_and_said() -> None:
    notices = list[str]()
    seeds = [{"id": f"t{i}", "prompt": f"question {i}"} for i in range(6)]
    steps = ["./both.py:both", {"length": {"max_characters": 1_000}}]
    run(recipe("echo", steps=steps, seeds=seeds))
    seeds[3]["prompt"] = "corrected"
    again = run(recipe("echo", steps=steps, seeds=seeds), notice=notices.append)
    assert (again.status, again.examples, again.tally.sent) == ("done", 6, 2)
    assert notices == ["both: 1 task has changed since an earlier attempt: asked again"]
    answers = [example.answer for example in open_run("out").examples()]
    assert answers == [
        f"{text}, {text}" for text in [f"question {i}" if i != 3 else "corrected" for i in range(6)]
    ]
    notices.clear()
    third = run(recipe("echo", steps=steps, seeds=seeds), notice=notices.append)
    assert (third.tally.sent, notices) == (0, [])


def test_a_corrected_seed_is_asked_again_though_n_are_there() -> None:
    seeds = [{"id": f"t{i}", "prompt": f"question {i}"} for i in range(6)]
    run(recipe("echo", seeds=seeds, n=3, concurrency=1))
    seeds[1]["prompt"] = "corrected"
    run(recipe("echo", seeds=seeds, n=3, concurrency=1))
    answers = [example.answer.partition(",")[0] for example in open_run("out").examples()]
    assert answers == ["question 0", "corrected", "question 2"]


def test_a_pool_whose_tasks_have_changed_is_run_again_and_said() -> None:
    Path("all.py").write_text(POOL)
    notices = list[str]()
    seeds = [{"id": f"t{i}", "prompt": f"question {i}"} for i in range(3)]
    steps = ["./all.py:all_at_once", {"length": {"max_characters": 1_000}}]
    run(recipe("echo", steps=steps, seeds=seeds))
    assert run(recipe("echo", steps=steps, seeds=seeds)).tally.sent == 0
    seeds[1]["prompt"] = "corrected"
    again = run(recipe("echo", steps=steps, seeds=seeds[:2]), notice=notices.append)
    assert (again.examples, again.tally.sent) == (2, 1)
    assert notices == ["all_at_once: its tasks have changed since an earlier attempt: run again"]
    assert [example.answer for example in open_run("out").examples()] == ["question 0", "corrected"]


def test_a_run_that_a_limit_stops_says_why_and_can_go_on() -> None:
    summary = run(recipe("poor"))
    assert (summary.status, summary.why) == ("stopped", str(BudgetExhausted("no money left")))
    assert statuses() == ["stopped"]


def test_the_first_signal_lets_calls_under_way_finish_and_keeps_them() -> None:
    notices = list[str]()
    summary = run(recipe("interrupt", concurrency=2), notice=notices.append)
    assert (summary.status, summary.signal) == ("interrupted", signal.SIGINT)
    assert summary.tally.sent > 0
    assert any(notice.startswith("stopping: ") for notice in notices)
    assert statuses() == ["interrupted"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_signal_ends_the_run_at_once() -> None:
    with pytest.raises(Interrupted, match="the same command goes on") as raised:
        run(recipe("hang"))
    assert raised.value.signal == signal.SIGTERM
    assert statuses() == ["interrupted"]


def test_an_error_in_a_method_leaves_the_attempt_failed_and_the_folder_free() -> None:
    Path("both.py").write_text(METHOD.replace("return task", "raise KeyError\n    return task"))
    with pytest.raises(Exception, match="both, task 't0': KeyError"):
        run(recipe())
    assert statuses() == ["failed"]
    assert run(recipe(on_error="row")).failed == 6, "the same folder; on_error may differ"


def test_only_so_many_seeds_are_run_where_a_number_is_given() -> None:
    assert run(recipe(), only=2).examples == 2
    assert run(recipe(), only=4).examples == 4
    assert count_seeds(recipe().recipe) == 6


def test_a_default_teacher_is_said_to_be_taken() -> None:
    notices = list[str]()
    run(recipe(models={}, seeds=[{"prompt": "What is 3 + 4?"}]), notice=notices.append)
    assert notices[0].startswith("no model is set for teacher: using pocket")


def test_roles_of_one_model_share_its_endpoint_and_others_do_not() -> None:
    names = list[list[str]]()

    async def watch(progress: Progress, endpoints: Sequence[Endpoint]) -> None:
        names.append([endpoint.name for endpoint in endpoints])

    same = {"teacher": {"model": "scripted:script.py:answer", "sampling": {"temperature": 0}},
            "judge": "scripted:script.py:answer"}  # fmt: skip
    other = {"teacher": "scripted:script.py:answer", "judge": "scripted:script.py:refuse"}
    slow = {"teacher": "scripted:script.py:answer",
            "judge": {"model": "scripted:script.py:answer", "rpm": 1e6}}  # fmt: skip
    for out, models in (("a", same), ("b", other), ("c", slow)):
        run(recipe(models=models, out=out), display=watch)
    assert [len(endpoints) for endpoints in names] == [1, 2, 2]


def test_a_budget_needs_the_price_of_every_model() -> None:
    with pytest.raises(ConfigError, match=r"a budget needs the price of every model.*prices="):
        run(recipe(budget=1))
    assert not Path("out/run.json").exists(), "nothing was begun"
    assert (
        run(recipe(budget=1, prices={"script.py:answer": {"input": 0, "output": 0}})).examples == 6
    )


def test_a_run_to_take_replies_from_must_be_one() -> None:
    with pytest.raises(
        ConfigError, match=r"reuse: expected a run folder, nowhere has no journal\.db"
    ):
        run(recipe(reuse=["nowhere"]))


def test_more_calls_at_once_than_the_system_has_files_for_are_refused() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        pytest.skip("this system has no limit")
    with pytest.raises(ConfigError, match=rf"concurrency={hard} needs {hard + 100} open files"):
        run(recipe(concurrency=hard))
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)
    assert not os.path.exists("out")


def test_a_display_is_started_with_the_run_and_ends_with_it() -> None:
    ended = list[int]()

    async def watch(progress: Progress, endpoints: Sequence[Endpoint]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(progress.quota.accepted)

    run(recipe(), display=watch)
    assert ended == [6]


@pytest.mark.parametrize(
    ("limits", "concurrency", "after"),
    [
        ((256, 4096), 100, (256, 4096)),
        ((256, 4096), 156, (256, 4096)),
        ((256, 4096), 157, (257, 4096)),
        ((256, 4096), 3_996, (4_096, 4096)),
        ((256, 4096), 3_997, None),
        ((256, resource.RLIM_INFINITY), 9_900, (10_000, resource.RLIM_INFINITY)),
    ],
)
def test_open_files_are_allowed_for_every_call_under_way(
    limits: tuple[int, int],
    concurrency: int,
    after: tuple[int, int] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [limits]

    def getrlimit(_: int) -> tuple[int, int]:
        return now[0]

    def setrlimit(_: int, limits: tuple[int, int]) -> None:
        now[0] = limits

    monkeypatch.setattr(resource, "getrlimit", getrlimit)
    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    if after is None:
        with pytest.raises(ConfigError, match=r"concurrency=3997 needs 4097 open files"):
            run(recipe(concurrency=concurrency))
    else:
        run(recipe(concurrency=concurrency))
        assert now == [after]


def test_outside_the_main_thread_signals_are_left_to_others() -> None:
    resolved, summaries = recipe(), list[Summary]()
    thread = threading.Thread(target=lambda: summaries.append(run(resolved)))
    thread.start()
    thread.join()
    assert [summary.status for summary in summaries] == ["done"]
