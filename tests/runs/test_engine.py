"""Tasks through steps: in a stream, each exactly once, whatever becomes of them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from random import Random

import pytest
from harness import Bench, answers, asked, defined, made, step, tasks

from understudy.call.model import Model
from understudy.data.bad_row import BadSeed
from understudy.errors import (
    BudgetExhausted,
    ConfigError,
    ContextOverflow,
    MethodError,
    Rejected,
    RunFolderError,
    RunStopped,
    Unauthorized,
    Unparsable,
)
from understudy.providers.scripted import Scripted
from understudy.types import Call, Example, Rejection, Task, Verdict, user


async def copy(task: Task) -> Example:
    """The question is the answer."""
    return task.example(task.question)


async def ask(task: Task, teacher: Model) -> Example:
    return task.example(await teacher.ask(task.question))


async def test_the_next_step_starts_before_the_one_before_ends(tmp_path: Path) -> None:
    seen = asyncio.Event()

    async def first(task: Task) -> Example:
        if task.id == "t9":
            await seen.wait()  # were the steps run in turn, it would hang until pytest ends it
        return task.example("first")

    async def second(task: Task) -> Example:
        seen.set()
        return task.example("second")

    async with Bench(tmp_path / "j.db") as bench:
        await bench.run([step(defined(first)), step(defined(second))], tasks(10))
        assert answers(bench.journal, "second") == ["second"] * 10


async def test_no_more_tasks_are_under_way_than_concurrency(tmp_path: Path) -> None:
    busy, most = Counter[str](), Counter[str]()

    def slow(name: str):
        async def work(task: Task) -> Example:
            busy[name] += 1
            most[name] = max(most[name], busy[name])
            for _ in range(3):
                await asyncio.sleep(0)
            busy[name] -= 1
            return task.example("x")

        return defined(work)

    async with Bench(tmp_path / "j.db") as bench:
        steps = [step(slow("a"), label="a"), step(slow("b"), label="b")]
        engine = await bench.run(steps, tasks(60), concurrency=7)
    assert most["a"] == 7
    assert most["b"] <= 7
    assert (engine.progress.under_way, engine.progress.started) == (0, 120)


async def test_what_is_read_and_made_ahead_is_bounded(tmp_path: Path) -> None:
    read = ended = 0
    ahead = list[int]()

    def lazily() -> Iterator[Task]:
        nonlocal read
        for i in range(2_000):
            read += 1
            yield Task(id=f"t{i}", prompt="x")

    async def last(task: Task) -> Example:
        nonlocal ended
        await asyncio.sleep(0)
        ended += 1
        ahead.append(read - ended)
        return task.example("x")

    async with Bench(tmp_path / "j.db") as bench:
        await bench.run([step(defined(copy)), step(defined(last))], lazily(), concurrency=20)
    assert ended == 2_000
    # A chunk of seeds that is looked up at once, and in two steps and the queue between 20 each.
    assert max(ahead) <= 400 + 4 * 20


async def test_every_task_is_done_once_and_rows_stand_in_the_order_of_the_seeds(
    tmp_path: Path,
) -> None:
    calls = Counter[str]()

    async def uneven(task: Task) -> Example | Rejection | list[Example | Rejection]:
        calls[task.id] += 1
        number = int(task.id[1:])
        for _ in range(-number % 7):
            await asyncio.sleep(0)
        if number % 3 == 0:
            return Rejection(reason="third")
        if number % 3 == 1:
            return [
                task.example(f"{number}a"),
                Rejection(reason="b"),
                task.example(f"{number}c"),
            ]
        return task.example(str(number))

    async with Bench(tmp_path / "j.db") as bench:
        await bench.run([step(defined(uneven))], tasks(30), concurrency=8)
        found = made(bench.journal, "uneven")
    assert set(calls.values()) == {1}
    expected = [
        name
        for i in range(30)
        for name in ([], [f"t{i}#1", f"t{i}#3"], [f"t{i}"])[i % 3]
    ]  # fmt: skip
    assert [example.id for example in found.examples] == expected
    assert Counter(r.reason for _, r in found.rejections) == {"third": 10, "b": 10}


async def test_expected_errors_make_one_failure_row_each_and_the_other_rows_go_on(
    tmp_path: Path,
) -> None:
    errors = {
        "t1": Rejected("400: bad temperature"),
        "t2": ContextOverflow("too long"),
        "t3": Unparsable("no JSON"),
    }

    async def fails(task: Task) -> Example:
        if error := errors.get(task.id):
            raise error
        return task.example("fine")

    async with Bench(tmp_path / "j.db") as bench:
        engine = await bench.run([step(defined(fails))], tasks(5))
        found = made(bench.journal, "fails")
    assert [example.id for example in found.examples] == ["t0", "t4"]
    assert [(task, failure.error, failure.message) for task, failure in found.failures] == [
        ("t1", "Rejected", "400: bad temperature"),
        ("t2", "ContextOverflow", "too long"),
        ("t3", "Unparsable", "no JSON"),
    ]
    assert engine.stop_reason is None


async def test_failures_are_tried_again_by_the_next_attempt_and_nothing_else_is(
    tmp_path: Path,
) -> None:
    attempts = Counter[str]()

    async def flaky(task: Task) -> Example | Rejection:
        attempts[task.id] += 1
        if task.id == "t1" and attempts["t1"] == 1:
            raise Rejected("not now")
        return Rejection(reason="no") if task.id == "t2" else task.example("fine")

    for _ in range(3):
        async with Bench(tmp_path / "j.db") as bench:
            engine = await bench.run([step(defined(flaky))], tasks(4))
    assert attempts == {"t0": 1, "t1": 2, "t2": 1, "t3": 1}
    found = made(tmp_path / "j.db", "flaky")
    assert [example.id for example in found.examples] == ["t0", "t1", "t3"]
    assert not found.failures
    assert (engine.progress.quota.accepted, engine.progress.skipped) == (3, 4)


async def test_an_error_in_a_methods_code_ends_the_run_at_once(tmp_path: Path) -> None:
    ended = list[str]()

    async def buggy(task: Task) -> Example:
        if task.id == "t1":
            raise KeyError("bug")
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(task.id)
        return task.example("x")

    async with Bench(tmp_path / "j.db") as bench:
        with pytest.raises(MethodError, match="buggy, task 't1': KeyError: 'bug'") as raised:
            await bench.run([step(defined(buggy))], tasks(3))
    assert isinstance(raised.value.__cause__, KeyError)
    assert sorted(ended) == ["t0", "t2"]
    assert not made(tmp_path / "j.db", "buggy").failures


async def test_an_error_in_a_methods_code_is_a_failure_row_where_the_recipe_says_so(
    tmp_path: Path,
) -> None:
    async def buggy(task: Task) -> Example:
        if task.id == "t1":
            raise KeyError("bug")
        return task.example("x")

    async with Bench(tmp_path / "j.db") as bench:
        engine = await bench.run(
            [step(defined(buggy)), step(defined(copy))], tasks(3), on_error="row"
        )
        found = made(bench.journal, "buggy")
    assert engine.stop_reason is None
    assert [example.id for example in found.examples] == ["t0", "t2"]
    ((task, failure),) = found.failures
    assert (task, failure.error) == ("t1", "KeyError")
    assert "buggy, task 't1': KeyError: 'bug'" in failure.message
    assert [e.id for e in made(tmp_path / "j.db", "copy").examples] == ["t0", "t2"]


@pytest.mark.parametrize(
    "why", [RunStopped("enough"), BudgetExhausted("no money"), Unauthorized("no key")]
)
async def test_a_stop_lets_what_is_under_way_finish_and_starts_nothing_more(
    why: Exception, tmp_path: Path
) -> None:
    started = list[str]()

    async def work(task: Task) -> Example:
        started.append(task.id)
        if task.id == "t1":
            raise why
        for _ in range(5):
            await asyncio.sleep(0)
        return task.example("done")

    async with Bench(tmp_path / "j.db") as bench:
        engine = await bench.run([step(defined(work))], tasks(50), concurrency=3)
        found = made(bench.journal, "work")
    assert engine.stop_reason is why
    assert len(started) <= 4
    assert [e.id for e in found.examples] == [t for t in sorted(started) if t != "t1"]
    assert not found.failures  # t1 is simply not done yet

    async with Bench(tmp_path / "j.db") as bench:
        engine = await bench.run([step(defined(copy), label="work")], tasks(50))
    assert len(made(tmp_path / "j.db", "work").examples) == 50


async def test_calls_that_wait_are_told_of_a_stop_and_those_on_the_wire_are_kept(
    tmp_path: Path,
) -> None:
    async def answer(call: Call) -> str:
        if call.task == "t2":
            await asyncio.sleep(0)
            raise Unauthorized("key revoked")
        for _ in range(20):
            await asyncio.sleep(0)
        return "paid"

    provider = Scripted(answer)
    async with Bench(tmp_path / "j.db") as bench:
        engine = await bench.run(
            [step(defined(ask), bench.model(provider))], tasks(100), concurrency=50
        )
    assert isinstance(engine.stop_reason, Unauthorized)
    assert (
        len(provider.calls) <= 17
    )  # the first limit, and the one that took the failed one's place
    assert answers(tmp_path / "j.db", "ask") == ["paid"] * (len(provider.calls) - 1)


async def test_no_space_on_the_disk_ends_the_run_with_that_error(tmp_path: Path) -> None:
    async def full(task: Task) -> Example:
        raise RunFolderError("the disk is full")

    async with Bench(tmp_path / "j.db") as bench:
        with pytest.raises(RunFolderError, match="disk is full"):
            await bench.run([step(defined(full))], tasks(3))


# Seeds


async def test_a_broken_seed_is_a_failure_row_and_the_rest_go_on(tmp_path: Path) -> None:
    seeds = [Task(id="a", prompt="x"), BadSeed("f.jsonl:2", "no JSON"), Task(id="a", prompt="y")]
    for _ in range(2):  # and is reported again, once, when the run is resumed
        async with Bench(tmp_path / "j.db") as bench:
            await bench.run([step(defined(copy))], seeds)
        found = made(tmp_path / "j.db", "seeds")
        assert [failure.message for _, failure in found.failures] == [
            "f.jsonl:2: no JSON",
            "seed 3: the id 'a' was used by an earlier seed; ids must differ",
        ]
    assert answers(tmp_path / "j.db", "copy") == ["x"]


async def test_a_broken_seed_ends_a_strict_run(tmp_path: Path) -> None:
    seeds = [Task(prompt="x"), BadSeed("f.jsonl:2", "no JSON")]
    async with Bench(tmp_path / "j.db") as bench:
        with pytest.raises(ConfigError, match=r"f\.jsonl:2: no JSON"):
            await bench.run([step(defined(copy))], seeds, strict=True)


# Accept until n


def keep_third(example: Example) -> Verdict:
    return Verdict(int(example.id[1:]) % 3 == 0, "not a third")


@pytest.mark.parametrize("concurrency", [1, 4, 50])
@pytest.mark.parametrize("n", [1, 5, 20])
async def test_exactly_n_are_accepted_where_there_are_enough(
    n: int, concurrency: int, tmp_path: Path
) -> None:
    async with Bench(tmp_path / "j.db") as bench:
        steps = [step(defined(copy)), step(defined(keep_third, "filter"))]
        engine = await bench.run(steps, tasks(200), n=n, concurrency=concurrency)
        found = made(bench.journal, "keep_third")
    assert (engine.progress.quota.accepted, len(found.examples), engine.progress.quota.enough) == (
        n,
        n,
        True,
    )
    assert engine.progress.left == 0
    assert engine.progress.started / 2 <= 3 * n + 2 * concurrency


async def test_of_a_tasks_several_examples_no_more_than_n_are_accepted(tmp_path: Path) -> None:
    async def three(task: Task) -> list[Example]:
        return [task.example(f"{i}") for i in range(3)]

    async with Bench(tmp_path / "j.db") as bench:
        await bench.run([step(defined(three))], tasks(9), n=4, concurrency=1)
        found = made(bench.journal, "three")
    assert [e.id for e in found.examples] == ["t0#1", "t0#2", "t0#3", "t1#1"]
    assert [r.reason for _, r in found.rejections] == ["more than were asked for"] * 2
    assert all(r.example is not None for _, r in found.rejections)


async def test_few_calls_are_made_beyond_those_that_n_needs(tmp_path: Path) -> None:
    async def answer(call: Call) -> str:
        await asyncio.sleep(0)
        return "yes"

    provider = Scripted(answer)
    async with Bench(tmp_path / "j.db") as bench:
        await bench.run([step(defined(ask), bench.model(provider))], tasks(500), n=10)
    assert len(provider.calls) == 10


async def test_no_step_goes_on_once_n_are_there(tmp_path: Path) -> None:
    provider = Scripted(asked)
    for n in (2, 2, 5):
        async with Bench(tmp_path / "j.db") as bench:
            steps = [
                step(defined(copy)),
                step(defined(ask), bench.model(provider)),
                step(defined(copy), label="last"),
            ]
            await bench.run(steps, tasks(9), n=n, concurrency=1)
        assert len(answers(tmp_path / "j.db", "last")) == n
        assert len(provider.calls) <= n + 3  # one under way in each step, and one between


async def test_n_counts_the_examples_of_earlier_attempts(tmp_path: Path) -> None:
    for n in (3, 3, 5):
        async with Bench(tmp_path / "j.db") as bench:
            await bench.run([step(defined(copy))], tasks(20), n=n, concurrency=1)
        assert len(made(tmp_path / "j.db", "copy").examples) == n


async def test_at_most_max_seeds_are_tried_over_all_attempts(tmp_path: Path) -> None:
    tried = list[str]()

    async def unlucky(task: Task) -> Rejection:
        tried.append(task.id)
        return Rejection(reason="no")

    for _ in range(2):
        async with Bench(tmp_path / "j.db") as bench:
            engine = await bench.run([step(defined(unlucky))], tasks(50), n=5, max_seeds=12)
        assert tried == [f"t{i}" for i in range(12)]
        assert not engine.progress.quota.enough


# Steps


async def test_a_filter_keeps_or_rejects_with_reason_and_score(tmp_path: Path) -> None:
    async def slow(example: Example) -> Verdict:
        await asyncio.sleep(0)
        number = int(example.id[1:])
        return Verdict(number > 1, "too small", number)

    def silent(example: Example) -> Verdict:
        return Verdict(True)

    async with Bench(tmp_path / "j.db") as bench:
        steps = [
            step(defined(copy)),
            step(defined(slow, "filter")),
            step(defined(silent, "filter")),
        ]
        await bench.run(steps, tasks(4))
        judged, kept = made(bench.journal, "slow"), made(bench.journal, "silent")
    assert [(t, r.reason, r.score) for t, r in judged.rejections] == [
        ("t0", "too small", 0),
        ("t1", "too small", 1),
    ]
    assert judged.rejections[0][1].example is not None
    assert [(e.id, e.scores, e.lineage) for e in kept.examples] == [
        (f"t{i}", {"slow": i}, (f"copy/t{i}", f"slow/t{i}", f"silent/t{i}")) for i in (2, 3)
    ]


async def test_a_filter_can_stand_first_and_judge_the_seeds(tmp_path: Path) -> None:
    def long(example: Example) -> Verdict:
        return Verdict(len(example.messages[0].text) > 1, "short")

    async with Bench(tmp_path / "j.db") as bench:
        seeds = [Task(id="a", prompt="x"), Task(id="b", prompt="xyz", reference="r")]
        await bench.run([step(defined(long, "filter")), step(defined(copy))], seeds)
        found = made(bench.journal, "copy")
    assert [(e.id, e.answer, e.reference) for e in found.examples] == [("b", "xyz", "r")]


async def test_several_examples_of_a_task_are_tasks_of_the_next_step(tmp_path: Path) -> None:
    async def both(task: Task) -> list[Example]:
        return [task.example("left"), task.example("right")]

    async def last(task: Task) -> Example:
        return task.example(f"{task.id} {task.meta['answer']}")

    async with Bench(tmp_path / "j.db") as bench:
        await bench.run([step(defined(both)), step(defined(last))], tasks(2))
        found = made(bench.journal, "last")
    assert [(e.answer, e.lineage) for e in found.examples] == [
        (f"t{i}#{j} {side}", (f"both/t{i}", f"last/t{i}#{j}"))
        for i in range(2)
        for j, side in ((1, "left"), (2, "right"))
    ]


async def test_a_method_that_makes_nothing_is_a_rejection(tmp_path: Path) -> None:
    async def nothing(task: Task) -> list[Example]:
        return []

    async with Bench(tmp_path / "j.db") as bench:
        await bench.run([step(defined(nothing))], tasks(1))
        assert [r.reason for _, r in made(bench.journal, "nothing").rejections] == [
            "the method made nothing"
        ]


async def test_chance_is_seeded_by_run_step_and_task_alone(tmp_path: Path) -> None:
    async def dice(task: Task, rng: Random) -> Example:
        return task.example(str(rng.randrange(10**9)))

    async def rolls(name: str, order: list[Task], seed: int, label: str = "") -> dict[str, str]:
        async with Bench(tmp_path / name) as bench:
            await bench.run([step(defined(dice), label=label, seed=seed)], order)
            return {e.id: e.answer for e in made(bench.journal, label or "dice").examples}

    first = await rolls("a", tasks(5), 0)
    assert len(set(first.values())) == 5
    assert await rolls("b", tasks(5)[::-1], 0) == first
    assert not set((await rolls("c", tasks(5), 1)).items()) & set(first.items())
    assert not set((await rolls("d", tasks(5), 0, "other")).items()) & set(first.items())


# Steps over the pool


async def gathered(tasks: Sequence[Task], teacher: Model) -> AsyncIterator[Example]:
    """One example per task, by one call each, in the order of the tasks."""
    for task in tasks:
        yield Example(messages=(user(f"{task.id}: {await teacher.ask(task.question)}"),))


async def test_a_step_over_the_pool_waits_for_all_and_gets_them_in_order(tmp_path: Path) -> None:
    async def uneven(task: Task) -> Example:
        for _ in range(9 - int(task.id[1:])):
            await asyncio.sleep(0)
        return task.example("x")

    provider = Scripted(asked)
    async with Bench(tmp_path / "j.db") as bench:
        steps = [
            step(defined(uneven)),
            step(defined(gathered), bench.model(provider)),
            step(defined(copy)),
        ]
        await bench.run(steps, tasks(9), concurrency=4)
        found = made(bench.journal, "gathered")
        assert [e.messages[0].text[:2] for e in found.examples] == [f"t{i}" for i in range(9)]
        assert [e.id for e in found.examples] == [f"gathered#{i + 1}" for i in range(9)]
        assert [e.id for e in made(bench.journal, "copy").examples] == [
            e.id for e in found.examples
        ]


async def test_a_pool_stops_asking_when_n_are_there_and_a_finished_run_asks_nothing(
    tmp_path: Path,
) -> None:
    for attempt in range(3):
        provider = Scripted(asked)
        async with Bench(tmp_path / "j.db") as bench:
            steps = [step(defined(gathered), bench.model(provider))]
            await bench.run(steps, tasks(9), n=4 if attempt < 2 else 6)
        assert len(provider.calls) == (4, 0, 2)[attempt]
    found = made(tmp_path / "j.db", "gathered")
    assert [e.messages[0].text[:2] for e in found.examples] == [f"t{i}" for i in range(6)]


def refuses(prompt: str) -> Scripted:
    """A model that always refuses one prompt with 400."""

    def answer(call: Call) -> str:
        if asked(call) == prompt:
            raise Rejected("400: refused")
        return "fine"

    return Scripted(answer)


async def test_a_refused_request_fails_its_pool_and_the_rows_made_so_far_go_on(
    tmp_path: Path,
) -> None:
    provider = refuses("question 2")
    async with Bench(tmp_path / "j.db") as bench:
        steps = [step(defined(gathered), bench.model(provider)), step(defined(copy))]
        engine = await bench.run(steps, tasks(6))
        found = made(bench.journal, "gathered")
    assert engine.stop_reason is None
    assert [e.messages[0].text for e in found.examples] == ["t0: fine", "t1: fine"]
    assert [(f.error, f.message) for _, f in found.failures] == [("Rejected", "400: refused")]
    assert [e.id for e in made(tmp_path / "j.db", "copy").examples] == ["gathered#1", "gathered#2"]


async def test_a_resumed_run_tries_a_failed_pool_again_and_goes_on_where_it_was(
    tmp_path: Path,
) -> None:
    for attempt in range(4):
        provider = refuses("question 2") if attempt < 2 else Scripted(lambda call: "fine")
        async with Bench(tmp_path / "j.db") as bench:
            steps = [step(defined(gathered), bench.model(provider)), step(defined(copy))]
            engine = await bench.run(steps, tasks(6))
        assert engine.stop_reason is None
        assert len(provider.calls) == (3, 1, 4, 0)[attempt]
        found = made(tmp_path / "j.db", "gathered")
        assert len(found.failures) == (attempt < 2)
        assert len(found.examples) == (2 if attempt < 2 else 6)
        assert engine.progress.of("gathered", "failure") == (attempt < 2)
    assert [e.id for e in made(tmp_path / "j.db", "copy").examples] == [
        f"gathered#{i + 1}" for i in range(6)
    ]


async def test_a_pool_whose_method_skips_a_refused_request_goes_on_to_its_end(
    tmp_path: Path,
) -> None:
    async def skips(tasks: Sequence[Task], teacher: Model) -> AsyncIterator[Example | Rejection]:
        for task in tasks:
            try:
                yield task.example(await teacher.ask(task.question))
            except Rejected as error:
                yield Rejection(reason=f"refused: {error}")

    for attempt in range(2):
        provider = refuses("question 2")
        async with Bench(tmp_path / "j.db") as bench:
            await bench.run([step(defined(skips), bench.model(provider))], tasks(6))
            found = made(bench.journal, "skips")
        assert len(provider.calls) == (6, 0)[attempt], "a step that has ended is not run again"
        assert len(found.examples) == 5
        assert [r.reason for _, r in found.rejections] == ["refused: 400: refused"]
        assert not found.failures


async def test_a_bug_in_a_pool_method_stops_the_run_or_fails_the_step(tmp_path: Path) -> None:
    async def buggy(tasks: Sequence[Task]) -> AsyncIterator[Example]:
        yield tasks[0].example("x")
        raise KeyError("bug")

    for on_error in ("stop", "row"):
        async with Bench(tmp_path / f"{on_error}.db") as bench:
            if on_error == "stop":
                with pytest.raises(MethodError, match="buggy: KeyError: 'bug'"):
                    await bench.run([step(defined(buggy))], tasks(3))
            else:
                await bench.run([step(defined(buggy))], tasks(3), on_error="row")
        found = made(tmp_path / f"{on_error}.db", "buggy")
        assert len(found.examples) == 1
        assert [f.error for _, f in found.failures] == ["KeyError"] * (on_error == "row")
