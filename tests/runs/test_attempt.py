"""One start of a run: models bound once, signals, what is counted, and how it ends."""

import asyncio
import resource
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from understudy import open_run
from understudy.call.limits import Endpoint
from understudy.errors import ConfigError, Interrupted, MethodError
from understudy.runs.attempt import Summary, count_seeds, execute
from understudy.runs.progress import Display, Progress
from understudy.runs.recipe import Recipe
from understudy.runs.resolve import resolve

SCRIPT = """
import asyncio, os, signal

from understudy.errors import BudgetExhausted, Rejected

def answer(call):
    return "The answer is 7."

def other(call):
    return "The answer is 7."

def refuses(call):
    if call.task == "t1":
        raise Rejected("400: no")
    return "The answer is 7."

def stops(call):
    if call.task == "t2":
        raise BudgetExhausted("no money left")
    return "The answer is 7."

def breaks(call):
    raise RuntimeError("a bug")

async def hangs(call):
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0)
    await asyncio.Event().wait()

def interrupts(call):
    if call.task == "t1":
        os.kill(os.getpid(), signal.SIGTERM)
    return "The answer is 7."
"""

VOTE = {"self_consistency": {"samples": 1, "shots": 0, "min_share": 0.0}}


@pytest.fixture(autouse=True)
def script() -> None:
    Path("script.py").write_text(SCRIPT)


def recipe(model: str = "answer", n: int = 4, **changes: object) -> Recipe:
    fields: dict[str, object] = {
        "seeds": [{"id": f"t{i}", "prompt": f"{i}?"} for i in range(n)],
        "models": {"teacher": f"scripted:script.py:{model}"},
        "steps": [VOTE],
        "out": "out",
        "concurrency": 1,
        **changes,
    }
    return Recipe.of(fields)


async def run(
    recipe: Recipe, display: Display | None = None, only: int | None = None
) -> tuple[Summary, list[str]]:
    notices: list[str] = []
    resolved = resolve(recipe)
    summary = await execute(resolved, display=display, notice=notices.append, only=only)
    return summary, notices


async def test_a_run_that_is_done_says_so_and_counts_its_rows() -> None:
    summary, notices = await run(recipe())
    assert (summary.status, summary.why, summary.signal) == ("done", "", 0)
    assert (summary.examples, summary.rejected, summary.failed) == (4, 0, 0)
    assert (summary.out, summary.tally.sent) == (Path("out"), 4)
    assert notices == []


async def test_examples_are_those_of_the_last_step_and_rejections_those_of_all() -> None:
    steps = [
        VOTE,
        {"length": {"min_characters": 1}},
        {"length": {"min_characters": 1_000}, "label": "long"},
    ]
    summary, _ = await run(recipe("refuses", steps=steps))
    assert (summary.examples, summary.rejected, summary.failed) == (0, 3, 1)


async def test_only_some_of_the_seeds_are_run_where_asked() -> None:
    summary, _ = await run(recipe(), only=3)
    assert (summary.examples, summary.tally.sent) == (3, 3)
    summary, _ = await run(recipe())
    assert (summary.examples, summary.tally.sent) == (4, 1)


async def test_a_stop_is_told_with_its_reason_and_can_be_resumed() -> None:
    summary, _ = await run(recipe("stops"))
    assert (summary.status, summary.examples, summary.why) == ("stopped", 2, "no money left")
    assert open_run("out").records.attempts()[-1].status == "stopped"


async def test_a_bug_ends_the_attempt_as_failed_and_frees_the_folder() -> None:
    with pytest.raises(MethodError, match="a bug"):
        await run(recipe("breaks"))
    assert open_run("out").records.attempts()[-1].status == "failed"
    with pytest.raises(MethodError, match="a bug"):  # and not: the folder is in use
        await run(recipe("breaks"))


async def endpoints(models: dict[str, object]) -> Sequence[Endpoint]:
    """Those of a run whose step binds a critic beside the teacher."""
    shown: list[Endpoint] = []

    async def display(_: Progress, endpoints: Sequence[Endpoint]) -> None:
        shown.extend(endpoints)

    step = {"self_refine": {"rounds": 1}}
    await run(recipe(models=models, steps=[step], n=1), display)
    return shown


@pytest.mark.parametrize(
    ("critic", "doors"),
    [
        ({"model": "scripted:script.py:answer"}, 1),
        ({"model": "scripted:script.py:answer", "sampling": {"temperature": 0.1}}, 1),
        ({"model": "scripted:script.py:answer", "rpm": 60_000}, 2),
        ({"model": "scripted:script.py:other"}, 2),
    ],
    ids=["the same", "other sampling", "another limit", "another model"],
)
async def test_roles_share_an_endpoint_where_only_their_sampling_differs(
    critic: dict[str, object], doors: int
) -> None:
    teacher = {"model": "scripted:script.py:answer"}
    assert len(await endpoints({"teacher": teacher, "critic": critic})) == doors


async def test_a_budget_needs_a_price_and_says_how_to_give_one() -> None:
    with pytest.raises(ConfigError, match="a budget needs the price of every model") as error:
        await run(recipe(budget=1.0))
    assert "prices='{" in str(error.value)
    prices = {"script.py:answer": {"input": 0, "output": 0}}
    assert (await run(recipe(budget=1.0, prices=prices)))[0].status == "done"


async def test_without_a_teacher_the_built_in_model_is_named() -> None:
    fields = {"seeds": [{"id": "t", "prompt": "1+1?"}], "steps": [VOTE], "out": "out"}
    _, notices = await run(Recipe.of(fields))
    assert notices[0].startswith("no model is named as teacher: taking pocket")


async def test_a_folder_to_reuse_must_hold_a_journal(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected a run folder, \S+ has no journal\.db"):
        await run(recipe(reuse=[str(tmp_path)]))


async def test_replies_of_a_reused_run_are_not_asked_again() -> None:
    await run(recipe(out="first"))
    summary, _ = await run(recipe(out="second", reuse=["first"]))
    assert (summary.examples, summary.tally.sent) == (4, 0)


async def test_the_first_signal_lets_calls_under_way_finish() -> None:
    summary, notices = await run(recipe("interrupts"))
    assert (summary.status, summary.signal) == ("interrupted", signal.SIGTERM)
    assert summary.why == "interrupted by SIGTERM"
    assert summary.examples == 2, "the call under way was not let finish"
    assert notices[-1].startswith("stopping: ")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


async def test_the_second_signal_does_not_wait_and_the_run_can_be_resumed() -> None:
    with pytest.raises(Interrupted, match="the same command goes on") as error:
        await run(recipe("hangs"))
    assert error.value.signal == signal.SIGINT
    assert open_run("out").records.attempts()[-1].status == "interrupted"


def test_outside_the_main_thread_signals_are_left_to_others() -> None:
    summaries = list[Summary]()
    thread = threading.Thread(target=lambda: summaries.append(asyncio.run(run(recipe()))[0]))
    thread.start()
    thread.join()
    assert [summary.status for summary in summaries] == ["done"]


async def test_the_display_lives_as_long_as_the_run() -> None:
    ends: list[str] = []

    async def display(*_: object) -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    await run(recipe(), display)
    assert ends == ["cancelled"]


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
async def test_open_files_are_allowed_for_every_call_under_way(
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
            await run(recipe(concurrency=concurrency))
    else:
        await run(recipe(concurrency=concurrency))
        assert now == [after]


def test_all_seeds_are_counted() -> None:
    assert count_seeds(recipe(n=7)) == 7
