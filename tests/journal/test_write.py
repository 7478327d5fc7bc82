"""What a reply is found by, and when it is safe."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from harness import Bench, defined, step
from hypothesis import given
from hypothesis import strategies as st

from understudy.call.model import Model, gather
from understudy.errors import Rejected, RunFolderError, Unavailable
from understudy.journal.connect import connect_writer
from understudy.journal.effect import Effect
from understudy.journal.keys import canonical, effect_key, plain, scope_key
from understudy.journal.read import Records
from understudy.journal.rows import Row
from understudy.journal.write import SqliteJournal
from understudy.providers.scripted import Scripted
from understudy.types import (
    Audio,
    Call,
    Example,
    Image,
    Message,
    Request,
    Sampling,
    Task,
    Text,
    ToolCall,
    Usage,
    user,
)

REQUEST = Request(model="m", endpoint="e", messages=(user("hello"),))
CALL = Call(step="s", task="t", role="r", request=REQUEST)


def key(call: Call = CALL, **changes: Any) -> bytes:
    """The key of a call's one draw; `changes` go to the call, or else to its request."""
    own = {name: value for name, value in changes.items() if name in Call.__struct_fields__}
    others = {name: value for name, value in changes.items() if name not in own}
    request = msgspec.structs.replace(call.request, **others)
    call = msgspec.structs.replace(call, **{"request": request, **own})
    request = call.request
    who = "\0".join((request.endpoint, request.model, request.revision))
    asked = canonical(request).hash
    return effect_key("call", call.step, call.task, call.scope, call.role, who, asked, call.draw)


CHANGES: dict[str, Any] = {
    "model": "m2",
    "revision": "r2",
    "endpoint": "e2",
    "messages": (user("hello!"),),
    "prompt": "hello",
    "echo": True,
    "sampling": Sampling(temperature=0.5),
    "logprobs": 0,
    "schema": {"type": "object"},
    "tools": ({"type": "function"},),
    "extra": {"effort": "low"},
}
"""Another value for every field of a request."""

SAMPLINGS: dict[str, Any] = {
    "temperature": 0.0,
    "top_p": 1.0,
    "top_k": 40,
    "min_p": 0.0,
    "max_tokens": 16,
    "stop": ("\n",),
    "seed": 0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "repetition_penalty": 1.0,
    "logit_bias": {"13": -1.0},
}


def test_every_field_of_a_request_is_tried_here() -> None:
    assert set(CHANGES) == set(Request.__struct_fields__)
    assert set(SAMPLINGS) == set(Sampling.__struct_fields__)


@pytest.mark.parametrize("name", CHANGES)
def test_every_field_of_a_request_changes_the_key(name: str) -> None:
    assert key(**{name: CHANGES[name]}) != key()


@pytest.mark.parametrize("name", SAMPLINGS)
def test_every_setting_of_sampling_changes_the_key(name: str) -> None:
    assert key(sampling=Sampling(**{name: SAMPLINGS[name]})) != key()


@pytest.mark.parametrize(
    "changes",
    [{"step": "s2"}, {"task": "t2"}, {"scope": "w"}, {"role": "r2"}, {"draw": 1}],
    ids=str,
)
def test_scope_role_and_draw_are_in_the_key(changes: dict[str, Any]) -> None:
    assert key(**changes) != key()


@pytest.mark.parametrize(
    "message",
    [
        Message("system", "hello"),
        Message("user", (Text("hello"), Text(""))),
        Message("user", "hello", tool_calls=(ToolCall("1", "f"),)),
        Message("user", "hello", tool_call_id="1"),
    ],
    ids=str,
)
def test_every_field_of_a_message_changes_the_key(message: Message) -> None:
    assert key(messages=(message,)) != key()


NAMES = st.text(min_size=1, max_size=3)


@given(st.lists(st.tuples(NAMES, NAMES, NAMES, st.integers(0, 20)), unique=True, max_size=20))
def test_different_parts_never_make_the_same_key(parts: list[tuple[str, str, str, int]]) -> None:
    assert len({key(step=s, task=t, role=r, draw=d) for s, t, r, d in parts}) == len(parts)


def test_unset_fields_do_not_enter_the_key() -> None:
    assert canonical(REQUEST).head == b'{"model":""}'
    assert [t.body for t in canonical(REQUEST).turns] == [b'{"role":"user","content":"hello"}']
    explicit = Request(
        model="m", endpoint="e", messages=(Message("user", "hello", (), ""),), prompt="",
        sampling=Sampling(temperature=None, stop=()), logprobs=None, schema=None, tools=(), extra={},
    )  # fmt: skip
    assert key(msgspec.structs.replace(CALL, request=explicit)) == key()


def test_the_key_does_not_hang_on_the_order_of_settings() -> None:
    one = {"a": 1, "b": {"c": 2, "d": 3}}
    other = {"b": {"d": 3, "c": 2}, "a": 1}
    assert key(extra=one) == key(extra=other)
    assert key(schema=one) == key(schema=other)


@pytest.mark.parametrize("kind", [Image, Audio])
def test_media_are_in_the_key_by_their_digest(kind: type[Image]) -> None:
    def sent(**fields: Any) -> tuple[Message, ...]:
        return (user("what is it?", kind(media_type="image/png", **fields)),)

    large = bytes(range(256)) * 4_000
    assert canonical(msgspec.structs.replace(REQUEST, messages=sent(data=large))).size < 400
    assert key(messages=sent(data=large)) == key(messages=sent(sha256=kind(data=large).sha256))
    assert key(messages=sent(data=large)) != key(messages=sent(data=large + b"!"))
    assert key(messages=sent(url="http://a")) != key(messages=sent(url="http://b"))


def test_two_media_in_one_message_keep_their_places() -> None:
    a, b = Image(data=b"a"), Image(data=b"b")
    assert key(messages=(user("?", a, b),)) != key(messages=(user("?", b, a),))
    assert key(messages=(user("?", a, a),)) != key(messages=(user("?", a),))


def test_a_key_stays_what_it_is() -> None:
    """A change here makes every journal there is worthless: their keys are made like this."""
    assert key().hex() == "950671f3d0065383970c116b0a4892566c90b7b14c954284"
    assert key()[:8] == scope_key("s", "t")
    assert len(key()) == 24


# The journal as a method sees it


async def ask(task: Task, teacher: Model) -> Example:
    return task.example(await teacher.ask(task.question))


async def numbered(task: Task, teacher: Model) -> Example:
    said = await gather(teacher.ask(text) for text in task.question.split())
    return task.example(" ".join(said))


@given(
    rows=st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), min_size=1, max_size=5),
    order=st.randoms(use_true_random=False),
)
def test_neither_the_order_of_rows_nor_of_calls_matters(
    rows: list[list[str]], order: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("order") / "j.db"
    again = path.with_name("again.db")
    count = 0

    async def reply(call: Call) -> str:
        nonlocal count
        count += 1
        return f"{call.task}/{call.request.messages[0].text}/{call.draw}"

    async def once(journal: Path, tasks: Sequence[Task], reuse: Sequence[Path]) -> dict[str, str]:
        async with Bench(journal, reuse) as bench:
            await bench.run([step(defined(numbered), bench.model(Scripted(reply)))], tasks)
            rows = bench.journal.records.rows("numbered", "example")
            examples = [msgspec.json.decode(row.body, type=Example) for row in rows]
            return {e.id: " ".join(sorted(e.answer.split())) for e in examples}

    tasks = [Task(prompt=" ".join(row)) for row in rows]
    first = asyncio.run(once(path, tasks, ()))
    sent = count
    order.shuffle(tasks)
    shuffled = [Task(prompt=" ".join(order.sample(row, len(row)))) for row in rows]
    assert asyncio.run(once(again, tasks, [path])) == first
    assert count == sent
    # The words of one task in another order are other content: that task has another id.
    assert len(asyncio.run(once(path.with_name("third.db"), shuffled, ()))) == len(first)


async def test_a_reply_reaches_its_method_only_after_it_is_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "j.db"

    async def looks(task: Task, teacher: Model) -> Example:
        for turn in range(3):
            await teacher.ask(f"{task.id} {turn}")
            with sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True) as other:
                (there,) = other.execute(
                    "select count(*) from effects where task = ?", (task.id,)
                ).fetchone()
            other.close()
            assert there == turn + 1
        return task.example("seen")

    async with Bench(path) as bench:
        steps = [step(defined(looks), bench.model(Scripted(lambda call: "x")))]
        await bench.run(steps, [Task(id=f"t{i}") for i in range(8)])
        assert bench.tally.sent == 24


async def test_rows_and_the_mark_that_a_task_is_done_are_on_disk_together(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    rows = [Row("s", "t", i, "example", "", b"", b"{}") for i in range(3)]
    await journal.finish(rows)
    assert journal.records.find_finished_tasks("s", ["t", "u"]) == {"t"}
    assert [row.ordinal for row in journal.records.rows("s", "example")] == [0, 1, 2]
    await journal.close("done")


def effect(number: int, **fields: Any) -> Effect:
    values: dict[str, Any] = {
        "key": b"%024d" % number, "kind": "call", "step": "s", "task": f"t{number}", "scope": "",
        "role": "r", "draw": 0, "model": "m", "request": plain(b"{}"), "reply": b"{}",
        "usage": Usage(tokens_in=2, tokens_out=3), "cost": 0.5, "endpoint": "e", "text": f"{number}",
    }  # fmt: skip
    return Effect(**{**values, **fields})


async def test_everything_that_waits_goes_into_one_commit(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    other = sqlite3.connect(tmp_path / "j.db", isolation_level=None)
    other.execute("begin immediate")  # the thread that writes has to wait with its first commit
    puts = [journal.put([effect(i)]) for i in range(500)]
    other.execute("rollback")
    other.close()
    done = set[int]()
    while 500 not in done:
        done.add(sum(put.done() for put in puts))
        await asyncio.sleep(0)
    assert len(done - {0}) <= 2  # what the thread had taken before it waited, and all the rest
    assert len(list(journal.records.calls())) == 500
    await journal.close("done")


async def test_what_another_run_has_is_taken_from_there_once_and_costs_nothing(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    tasks = [Task(id=f"t{i}", prompt=f"question {i}") for i in range(4)]
    async with Bench(first) as bench:
        await bench.run([step(defined(ask), bench.model(Scripted(lambda c: c.task)))], tasks[:3])

    provider = Scripted(lambda call: call.task)
    async with Bench(second, [first]) as bench:
        await bench.run([step(defined(ask), bench.model(provider))], tasks)
        assert [call.task for wire in provider.calls for call in wire.calls] == ["t3"]
        assert (bench.tally.sent, bench.tally.replayed) == (1, 3)
        (total,) = bench.journal.records.totals()
        assert (total.sent, total.reused) == (1, 3)
        sources = {call.task: call.source for call in bench.journal.records.calls()}
        assert sources == {"t0": str(first), "t1": str(first), "t2": str(first), "t3": ""}

    first.unlink()  # and now it is this run's own
    async with Bench(second) as bench:
        model = bench.model(provider).at("ask", "t1", "teacher")
        assert await model.ask("question 1") == "t1"
    assert len(provider.calls) == 1


@pytest.mark.parametrize("error", [Rejected("400"), Unavailable("no usable reply", answered=True)])
async def test_failures_are_never_journaled(error: Exception, tmp_path: Path) -> None:
    async with Bench(tmp_path / "j.db", attempts=1) as bench:
        model = bench.model(Scripted([error, "good"]))
        with pytest.raises(type(error)):
            await model.at("s", "t").ask("x")
        assert not list(bench.journal.records.calls())
        assert await model.at("s", "t").ask("x") == "good"
        assert len(list(bench.journal.records.calls())) == 1


async def test_a_broken_disk_fails_all_who_wait_and_all_who_come(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journal = SqliteJournal(path)
    await journal.put([effect(1)])
    # Nothing more fits: SQLite says "database or disk is full", as it does on a full disk.
    spoil = sqlite3.connect(path)
    spoil.execute(
        "create trigger full before insert on effects begin select raise(abort, 'full'); end"
    )
    spoil.close()

    puts = [journal.put([effect(i)]) for i in range(2, 30)]
    results = await asyncio.gather(*puts, journal.put([effect(99)]), return_exceptions=True)
    assert {type(result) for result in results} == {RunFolderError}
    assert "full. What was written before is safe: make room" in str(results[0])
    with pytest.raises(RunFolderError):
        await journal.finish([Row("s", "t", 0, "example", "", b"", b"{}")])
    assert [call.task for call in journal.records.calls()] == ["t1"]
    await journal.close("failed")


async def test_a_broken_disk_ends_the_run_with_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with Bench(path) as bench:
        spoil = sqlite3.connect(path)
        spoil.execute(
            "create trigger t before insert on effects begin select raise(abort, 'full'); end"
        )
        spoil.close()
        tasks = [Task(id=f"t{i}") for i in range(20)]
        steps = [step(defined(ask), bench.model(Scripted(lambda c: "x")))]
        with pytest.raises(RunFolderError, match="could not be written: full"):
            await bench.run(steps, tasks)


def test_a_file_that_is_no_journal_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "j.db").write_bytes(b"not a database " * 100)
    with pytest.raises(
        RunFolderError, match=r"j\.db: the journal is damaged: file is not a database"
    ):
        SqliteJournal(tmp_path / "j.db")
    with pytest.raises(RunFolderError, match="unable to open database file"):
        SqliteJournal(tmp_path / "nowhere" / "j.db")


async def test_a_put_whose_waiter_was_cancelled_is_written_all_the_same(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")

    async def wait() -> None:
        await journal.put([effect(1)])

    waiting = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await journal.put([effect(2)])
    await journal.close("done")
    records = Records(tmp_path / "j.db")
    assert [call.task for call in records.calls()] == ["t1", "t2"]
    records.close()


async def test_sums_are_kept_by_attempt_step_role_and_model(tmp_path: Path) -> None:
    for _ in range(2):
        journal = SqliteJournal(tmp_path / "j.db")
        number = 10 * journal.attempt
        await journal.put([effect(number + i) for i in range(3)])
        await journal.put(
            [effect(number + 3, cost=None), effect(number + 4, sent=False, cost=None)]
        )
        await journal.put([effect(number + 5, model="n"), effect(number + 6, source="other.db")])
        await journal.close("done")
    records = Records(tmp_path / "j.db")
    totals = [t for t in records.totals() if t.model == "m"]
    assert [(t.attempt, t.sent, t.reused, t.tokens_in, t.tokens_out) for t in totals] == [
        (1, 4, 1, 10, 15),
        (2, 4, 1, 10, 15),
    ]
    assert [(t.cost, t.unpriced) for t in totals] == [(1.5, 1), (1.5, 1)]
    assert records.sum_cost() == 4.0
    records.close()


async def test_the_first_reply_to_a_key_stays(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    await journal.put([effect(1, text="first")])
    await journal.put([effect(1, text="second"), effect(2, text="other")])
    await journal.put([effect(3, text="x"), effect(3, text="y")])
    assert {call.task: call.text for call in journal.records.calls()} == {
        "t1": "first", "t2": "other", "t3": "x",
    }  # fmt: skip
    await journal.close("done")


async def test_commits_are_flushed_to_the_disk(tmp_path: Path) -> None:
    connection = connect_writer(tmp_path / "j.db", fresh=True)
    assert connection.execute("pragma synchronous").fetchone() == (2,)  # full
    assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
    connection.close()


async def test_any_error_of_the_thread_that_writes_reaches_all_who_wait(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journal = SqliteJournal(path)
    await journal.put([effect(1)])
    puts = [journal.put([effect(i, draw=2**63 if i == 5 else 0)]) for i in range(2, 9)]
    results = await asyncio.gather(*puts, return_exceptions=True)
    # What was taken before the bad one may be written; all after it hear of it.
    assert {type(result) for result in results[3:]} == {RunFolderError}
    assert "OverflowError: Python int too large" in str(results[3])
    late = journal.put([effect(10)])
    assert late.done()
    with pytest.raises(RunFolderError, match="the same command goes on from there"):
        await late
    await journal.close("stopped")
    again = SqliteJournal(path, fresh=False)
    assert [a.status for a in again.records.attempts()] == ["stopped", None]
    assert again.records.calls().__next__().task == "t1"
    await again.close("done")


async def test_a_run_whose_journal_breaks_is_not_left_under_way(tmp_path: Path) -> None:
    async def breaks(task: Task, teacher: Model) -> Example:
        await teacher.ask(task.prompt)
        await bench.journal.put([effect(1, draw=2**63)])
        return task.example("never")

    async with Bench(tmp_path / "j.db") as bench:
        model = bench.model(Scripted(lambda call: "x"))
        with pytest.raises(RunFolderError, match="OverflowError"):
            await bench.run([step(defined(breaks), model)], [Task(id="t")])
    records = Records(tmp_path / "j.db")
    assert records.attempts()[-1].end is not None
    records.close()


async def test_forgotten_rows_go_with_the_write_that_replaces_them(tmp_path: Path) -> None:
    def row(label: str, task: str, ordinal: int = 0, content: bytes = b"old") -> Row:
        return Row(label, task, ordinal, "example", "", b"", b"{}", content)

    journal = SqliteJournal(tmp_path / "j.db")
    await journal.finish([row("a", "t1"), row("a", "t1", 1), row("a", "t2"), row("b", "t1#1")])
    assert journal.records.find_changed_tasks("a", {"t1": b"new", "t2": b"old"}) == {"t1"}
    await journal.finish([row("a", "t1", content=b"new")], [("a", "t1"), ("b", "t1#1")])
    left = [(r.step, r.task, r.ordinal) for s in "ab" for r in journal.records.rows(s, "example")]
    assert sorted(left) == [("a", "t1", 0), ("a", "t2", 0)]
    assert journal.records.find_changed_tasks("a", {"t1": b"new", "t2": b"old"}) == set()
    await journal.close("done")
