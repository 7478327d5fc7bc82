"""Rows of the key-value cache: which sequence is where, and what is shared."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_pocket import config, decoder

from understudy.pocket.cache import (
    SHARED_ROWS,
    SHARED_TOKENS,
    Prompt,
    PromptCache,
    RowBatch,
    RowPool,
)
from understudy.pocket.weights import Shape

SHAPE = Shape.of(config(max_position_embeddings=600))


def ids(length: int, seed: int = 0) -> list[int]:
    return np.random.default_rng(seed).integers(0, 272, length).tolist()


def prompt(length: int, value: float = 1) -> Prompt:
    """One whose keys and values are all this number."""
    size = (2, SHAPE.layers, SHAPE.kv_heads, length, SHAPE.head)
    return Prompt(tuple(range(length)), np.full(size, value, np.float32))


def content(pool: RowPool[str]) -> dict[str, list[float]]:
    """What stands in the visible tokens of each owner's row, the next one's place included."""
    kv, mask = pool.open()
    rows = {}
    for row, owner in enumerate(pool.owners):
        visible: NDArray[np.bool_] = mask[row, 0, 0] == 0
        rows[owner] = kv[0, 0, row, 0, visible, 0].tolist()
    return rows


def test_recent_prompts_are_few_and_leave_a_token_to_read() -> None:
    model, text = decoder(), ids(40)
    cache = PromptCache(most=60)
    cache.add(model.read(text).prompt)
    known = cache.longest_prefix(text)
    assert known is not None
    assert len(known.ids) == 39  # the last one's logits are wanted
    assert cache.longest_prefix(text[:10]) is None  # too short to be worth it
    assert cache.longest_prefix(ids(40, 8)) is None
    cache.add(model.read(ids(30, 7)).prompt)
    assert cache.longest_prefix(text) is None  # 70 tokens are more than 60


def test_an_empty_beginning_is_no_prompt() -> None:
    assert PromptCache().longest_prefix([]) is None
    assert isinstance(Prompt((), np.zeros((2, 2, 2, 0, 8), np.float32)), Prompt)


def test_a_row_holds_its_prompt_and_room_for_a_token() -> None:
    pool = RowPool[str](SHAPE)
    pool.add(prompt(2, 1), ["a"])
    pool.add(prompt(3, 2), ["b", "c"])

    assert pool.lengths.tolist() == pool.positions.tolist() == [2, 3, 3]
    assert content(pool) == {"a": [1, 1, 0], "b": [2, 2, 2, 0], "c": [2, 2, 2, 0]}
    pool.close()
    assert pool.lengths.tolist() == [3, 4, 4]


@pytest.mark.parametrize(("row", "owners"), [(0, ["c", "b"]), (1, ["a", "c"]), (2, ["a", "b"])])
def test_the_last_row_moves_into_the_place_of_one_that_leaves(row: int, owners: list[str]) -> None:
    pool = RowPool[str](SHAPE)
    for value, owner in enumerate("abc", 1):
        pool.add(prompt(value, value), [owner])

    pool.remove(row)

    assert pool.owners == owners
    expected = {"a": [1.0, 0.0], "b": [2.0, 2.0, 0.0], "c": [3.0, 3.0, 3.0, 0.0]}
    assert content(pool) == {owner: expected[owner] for owner in owners}


def test_rows_that_share_a_prompt_hold_none_of_it_but_count_it() -> None:
    pool = RowPool[str](SHAPE, shares=True)
    first, second = prompt(5), prompt(7)
    pool.add(first, ["a", "b"])
    pool.add(second, ["c"])

    assert (pool.lengths.tolist(), pool.positions.tolist()) == ([0, 0, 0], [5, 5, 7])
    pool.remove(0)
    groups = [(group.prompt, group.rows.tolist()) for group in pool.groups]
    assert [rows for _, rows in groups] == [[0], [1]]
    assert [p is q for (p, _), q in zip(groups, (second, first), strict=True)] == [True, True]


def test_growing_keeps_what_the_rows_hold() -> None:
    pool = RowPool[str](SHAPE)
    pool.add(prompt(3, 1), ["a"])
    for n in range(20):
        pool.add(prompt(40 + n, 2), [f"x{n}"])

    assert content(pool)["a"] == [1, 1, 1, 0]
    assert content(pool)["x19"] == [2] * 59 + [0]


def owners_of(batch: RowBatch[str]) -> list[list[str]]:
    return [pool.owners for pool in batch.pools]


def test_rows_of_similar_length_stand_together() -> None:
    batch = RowBatch[str](SHAPE)
    for length in (500, 10, 96, 97, 192, 193, 384, 385):
        batch.add(prompt(length), [str(length)])

    assert owners_of(batch) == [["10", "96"], ["97", "192"], ["193", "384"], ["500", "385"]]
    assert batch.owners == [owner for owners in owners_of(batch) for owner in owners]
    assert batch.positions.tolist() == [int(owner) for owner in batch.owners]


@pytest.mark.parametrize(
    ("rows", "tokens", "cached"),
    [
        (SHARED_ROWS, SHARED_TOKENS, SHARED_TOKENS),
        (SHARED_ROWS - 1, SHARED_TOKENS, (SHARED_ROWS - 1) * SHARED_TOKENS),
        (SHARED_ROWS, SHARED_TOKENS - 1, SHARED_ROWS * (SHARED_TOKENS - 1)),
    ],
)
def test_a_prompt_is_shared_if_it_is_long_and_has_many_rows(
    rows: int, tokens: int, cached: int
) -> None:
    batch = RowBatch[str](SHAPE)
    batch.add(prompt(tokens), [str(n) for n in range(rows)])

    assert batch.cached_tokens == cached
    assert batch.positions.tolist() == [tokens] * rows


def test_those_who_leave_are_told_by_identity() -> None:
    batch = RowBatch[list[int]](SHAPE)
    equals: Sequence[list[int]] = [[], [], []]
    batch.add(prompt(10), equals)

    batch.discard({id(equals[1])})

    assert len(batch) == 2
    assert {id(owner) for owner in batch.owners} == {id(equals[0]), id(equals[2])}


def test_the_longest_known_prefix_is_taken() -> None:
    cache = PromptCache()
    for length in (20, 40, 30):
        cache.add(Prompt((*range(length), 999), prompt(length + 1, length).kv))

    match = cache.longest_prefix([*range(35), 7])

    assert match is not None
    assert match.ids == tuple(range(35))
    assert match.kv.shape[3] == 35
    assert match.kv.max() == 40
