"""Ids of tasks: of their content, not of their place."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.data.bad_row import BadSeed
from understudy.runs.seeds import BrokenSeed, Seed, identify, position, refuse
from understudy.types import Image, Task, user

PROMPTS = st.lists(st.sampled_from("abcd"), max_size=12)


def ids(tasks: list[Task]) -> list[str]:
    return [seed.task.id for seed in identify(tasks) if isinstance(seed, Seed)]


@given(PROMPTS, st.randoms(use_true_random=False))
def test_ids_do_not_depend_on_the_order_of_rows(prompts: list[str], order: object) -> None:
    tasks = [Task(prompt=p) for p in prompts]
    before = Counter(zip(prompts, ids(tasks), strict=True))
    order.shuffle(prompts)  # type: ignore[attr-defined]  # a random.Random
    after = Counter(zip(prompts, ids([Task(prompt=p) for p in prompts]), strict=True))
    assert before == after
    assert max(before.values(), default=1) == 1


@given(PROMPTS, st.integers(0, 12), st.sampled_from("abcdefgh"))
def test_a_further_row_changes_no_other_rows_id(prompts: list[str], at: int, new: str) -> None:
    before = ids([Task(prompt=p) for p in prompts])
    prompts.insert(at, new)
    after = ids([Task(prompt=p) for p in prompts])
    assert not Counter(before) - Counter(after)


def test_equal_tasks_are_numbered() -> None:
    first, second, third = ids([Task(prompt="x")] * 3)
    assert (second, third) == (f"{first}-2", f"{first}-3")


@pytest.mark.parametrize(
    "other",
    [
        Task(prompt="y"),
        Task(messages=(user("x"),)),
        Task(prompt="x", reference="1"),
        Task(prompt="x", choices=("a",)),
        Task(prompt="x", tests=("t",)),
        Task(prompt="x", parts=(Image(data=b"1"),)),
        Task(prompt="x", meta={"a": 1}),
    ],
    ids=str,
)
def test_every_field_of_a_task_is_in_its_id(other: Task) -> None:
    one, two = ids([Task(prompt="x"), other])
    assert one != two


def test_the_order_of_meta_is_not_in_the_id() -> None:
    one, two = ids([Task(meta={"a": 1, "b": 2}), Task(meta={"b": 2, "a": 1})])
    assert two == f"{one}-2"


def test_a_users_ids_are_kept_and_must_differ() -> None:
    found = list(identify([Task(id="a"), Task(id="b"), Task(id="a", prompt="other")]))
    places = [(seed.task.id, seed.position) for seed in found[:2] if isinstance(seed, Seed)]
    assert places == [("a", position(0)), ("b", position(1))]
    assert found[2] == BrokenSeed(
        "seed 3", "the id 'a' was used by an earlier seed; ids must differ", position(2)
    )


@pytest.mark.parametrize(
    ("name", "kept"), [("a#1", False), ("#12", False), ("a#b", True), ("a#1b", True)]
)
def test_ids_that_look_like_those_of_several_examples_are_refused(name: str, kept: bool) -> None:
    (found,) = identify([Task(id=name)])
    assert isinstance(found, Seed) == kept


def test_a_row_that_is_no_task_keeps_its_place() -> None:
    found = list(identify([Task(id="a"), BadSeed("f:2", "no JSON"), Task(id="b")]))
    assert found[1] == BrokenSeed("f:2", "no JSON", position(1))
    assert isinstance(found[2], Seed)
    assert (found[2].task, found[2].position) == (Task(id="b"), position(2))
    assert str(refuse(BrokenSeed("f:2", "no JSON", b""))) == "f:2: no JSON"


@given(st.lists(st.integers(0, 2**32 - 1)))
def test_positions_sort_as_numbers_do(numbers: list[int]) -> None:
    assert sorted(numbers) == sorted(numbers, key=position)


def test_the_content_of_a_seed_is_all_of_it_but_its_id() -> None:
    def content(**fields: Any) -> bytes:
        (seed,) = identify([Task(**fields)])
        assert isinstance(seed, Seed)
        return seed.content

    assert content(id="a", prompt="x") == content(id="b", prompt="x") == content(prompt="x")
    assert content(prompt="x") != content(prompt="y")
    assert content(prompt="x") != content(prompt="x", reference="1")
    assert content(prompt="x") != content(prompt="x", meta={"a": 1})


def test_seeds_are_named_one_by_one_as_they_are_read() -> None:
    def endless():
        while True:
            yield Task(prompt="x")

    stream = identify(endless())
    names = [next(stream) for _ in range(3)]
    assert len({seed.task.id for seed in names if isinstance(seed, Seed)}) == 3
    stream.close()  # type: ignore[attr-defined]  # a generator
