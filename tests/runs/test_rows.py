"""Rows as the engine writes them, and items between two steps."""

import msgspec
import pytest

from understudy.runs.rows import (
    Failure,
    Item,
    apply_verdict,
    broken_row,
    chunks,
    end_row,
    failure_output,
    item_of,
    pool_failure,
    rows_of,
    surplus_row,
)
from understudy.runs.seeds import BrokenSeed
from understudy.types import Example, Rejection, Task, Verdict, assistant, user

TASK = Task(
    id="t1", prompt="2 + 2?", reference="4", choices=("3", "4"), tests=("assert x",), meta={"a": 1}
)
SEED = Item(id="t1", position=b"\0\0\0\7", task=TASK)
EXAMPLE = Example(messages=(user("2 + 2?"), assistant("4")), reference="4")


def test_one_example_bears_the_name_and_the_place_of_its_task() -> None:
    rows, items = rows_of("solve", SEED, [EXAMPLE])
    assert [(r.step, r.task, r.ordinal, r.kind, r.position) for r in rows] == [
        ("solve", "t1", 0, "example", SEED.position)
    ]
    assert [(i.id, i.position) for i in items] == [("t1", SEED.position)]


def test_several_examples_of_a_task_are_numbered_behind_its_place() -> None:
    rows, items = rows_of("solve", SEED, [EXAMPLE, Rejection(reason="no"), EXAMPLE])
    assert [(r.ordinal, r.kind, r.reason) for r in rows] == [
        (0, "example", ""), (1, "rejection", "no"), (2, "example", ""),
    ]  # fmt: skip
    assert [i.id for i in items] == ["t1#1", "t1#3"]
    positions = [row.position for row in rows]
    assert positions == sorted(positions)
    assert all(position.startswith(SEED.position) for position in positions)


def test_examples_of_a_pool_are_named_after_the_step() -> None:
    _, items = rows_of("grow", Item(id="", position=b""), [EXAMPLE], first=4, pool=True)
    assert [(i.id, i.example.lineage if i.example else ()) for i in items] == [
        ("grow#5", ("grow/",))
    ]


def test_a_row_is_read_back_as_the_next_steps_item() -> None:
    rows, items = rows_of("solve", SEED, [EXAMPLE])
    assert item_of(rows[0]) == items[0]


def test_lineage_grows_by_each_step() -> None:
    _, (first,) = rows_of("solve", SEED, [EXAMPLE])
    _, (second,) = rows_of("check", first, [first.as_example()])
    assert second.lineage == ("solve/t1", "check/t1")


def test_a_filter_that_stands_first_judges_the_question_alone() -> None:
    example = SEED.as_example()
    assert example.messages == (user("2 + 2?"),)
    assert (example.id, example.reference, example.choices) == ("t1", "4", ("3", "4"))
    assert (example.tests, example.meta) == (("assert x",), {"a": 1})


@pytest.mark.parametrize("score", [None, 0, 0.5])
def test_a_verdict_keeps_with_its_score_or_rejects_with_its_reason(score: float | None) -> None:
    example = msgspec.structs.replace(EXAMPLE, scores={"other": 1.0})
    kept = apply_verdict("check", example, Verdict(True, "ignored", score))
    assert isinstance(kept, Example)
    assert kept.scores == {"other": 1.0} | ({} if score is None else {"check": score})
    rejected = apply_verdict("check", example, Verdict(False, "bad", score))
    assert rejected == Rejection(reason="bad", score=score, example=example)


def test_rows_of_failures_say_which_error_and_where() -> None:
    (row,), items = failure_output("solve", SEED, "Rejected", "400: no")
    assert (row.task, row.ordinal, row.kind, row.reason) == ("t1", 0, "failure", "Rejected")
    assert msgspec.json.decode(row.body, type=Failure) == Failure(
        error="Rejected", message="400: no"
    )
    assert items == []


def test_how_a_pool_ended_stands_in_one_place() -> None:
    (failed,), _ = pool_failure("grow", "Rejected", "400")
    ended = end_row("grow")
    assert (failed.step, failed.task, failed.ordinal) == (ended.step, ended.task, ended.ordinal)
    assert (failed.kind, ended.kind) == ("failure", "end")
    assert ended.ordinal < 0, "or it would stand in the place of an example"


def test_a_broken_seed_names_its_line() -> None:
    row = broken_row(BrokenSeed("f.jsonl:3", "no JSON", b"\0\0\0\2"))
    assert (row.step, row.task, row.kind, row.reason) == (
        "seeds", "f.jsonl:3", "failure", "broken seed",
    )  # fmt: skip
    assert msgspec.json.decode(row.body, type=Failure).message == "f.jsonl:3: no JSON"


def test_an_example_too_many_stays_as_a_rejection_in_its_place() -> None:
    (row,), _ = rows_of("solve", SEED, [EXAMPLE])
    surplus = surplus_row(row)
    assert (surplus.kind, surplus.position, surplus.ordinal) == ("rejection", row.position, 0)
    body = msgspec.json.decode(surplus.body, type=Rejection)
    assert body.example is not None
    assert body.example.answer == "4"


@pytest.mark.parametrize(("n", "sizes"), [(0, []), (2, [2]), (3, [3]), (7, [3, 3, 1])])
def test_chunks_are_whole_but_for_the_last(n: int, sizes: list[int]) -> None:
    assert [len(chunk) for chunk in chunks(range(n), 3)] == sizes
