"""The network: the textbook's figures, whatever the batch, the cache and the company."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_pocket import config, decoder, plain_logits, tensors

from understudy.pocket.cache import SHARED_ROWS, SHARED_TOKENS, PromptCache, RowBatch
from understudy.pocket.decoder import Decoder

CLOSE = 2e-5
"""Of logits of about 10 in single precision."""


def ids(length: int, seed: int = 0) -> list[int]:
    return np.random.default_rng(seed).integers(0, 272, length).tolist()


def close(ours: NDArray[Any], theirs: NDArray[Any]) -> bool:
    return bool(np.abs(ours - theirs).max() < CLOSE * np.abs(theirs).max())


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
def test_a_prompt_gets_the_logits_of_a_plain_llama(kv_heads: int) -> None:
    settings = config(num_key_value_heads=kv_heads)
    model = decoder(num_key_value_heads=kv_heads)
    text = ids(40)
    ours = model.logits(model.read(text).states)
    assert close(ours, plain_logits(tensors(settings), settings, text))


def test_tokens_added_one_by_one_get_the_logits_of_the_whole() -> None:
    model, texts = decoder(), [ids(50, 1), ids(30, 2), ids(41, 3)]
    wholes = [plain_logits(tensors(config()), config(), text) for text in texts]
    batch: RowBatch[int] = RowBatch(model.shape)
    longest_prefix = [10, 1, 25]
    for i, length in enumerate(longest_prefix):
        batch.add(model.read(texts[i][:length]).prompt, [i])
    for step in range(16):
        at = [longest_prefix[i] + step for i in batch.owners]
        logits = model.step(batch, [texts[i][a] for i, a in zip(batch.owners, at, strict=True)])
        for row, (i, a) in enumerate(zip(batch.owners, at, strict=True)):
            assert close(logits[row], wholes[i][a])


def test_rows_come_and_go_without_touching_the_others() -> None:
    model, texts = decoder(), {i: ids(60, i) for i in range(12)}
    wholes = {i: plain_logits(tensors(config()), config(), texts[i]) for i in texts}
    batch: RowBatch[list[int]] = RowBatch(model.shape)  # an owner is [text, tokens read]
    random = np.random.default_rng(5)
    waiting = list(texts)
    for _ in range(60):
        while waiting and len(batch) < 5:
            i, length = waiting.pop(), int(random.integers(1, 20))
            batch.add(model.read(texts[i][:length]).prompt, [[i, length]])
        if not len(batch):
            break
        owners = batch.owners
        logits = model.step(batch, [texts[i][at] for i, at in owners])
        for row, owner in enumerate(owners):
            assert close(logits[row], wholes[owner[0]][owner[1]])
            owner[1] += 1
        gone = {id(o) for o in owners if o[1] == len(texts[o[0]]) or random.random() < 0.05}
        batch.discard(gone)
    assert not waiting
    assert not len(batch)


def test_prompts_of_all_lengths_are_written_beside_each_other() -> None:
    model = decoder(max_position_embeddings=600)
    settings = config(max_position_embeddings=600)
    batch: RowBatch[int] = RowBatch(model.shape)
    texts = {length: ids(length + 3, length) for length in (1, 90, 100, 200, 500)}
    for length, text in texts.items():
        batch.add(model.read(text[:length]).prompt, [length])
    for step in range(3):
        logits = model.step(batch, [texts[length][length + step] for length in batch.owners])
    for row, length in enumerate(batch.owners):
        assert close(logits[row], plain_logits(tensors(settings), settings, texts[length])[-1])


def test_several_rows_share_one_reading_of_their_prompt() -> None:
    model, text = decoder(), ids(20)
    batch: RowBatch[int] = RowBatch(model.shape)
    batch.add(model.read(text).prompt, [0, 1, 2])
    logits = model.step(batch, [7, 8, 7])
    assert close(logits[0], plain_logits(tensors(config()), config(), [*text, 7])[-1])
    assert close(logits[1], plain_logits(tensors(config()), config(), [*text, 8])[-1])
    assert np.array_equal(logits[0], logits[2])


def test_a_long_prompt_is_shared_by_its_rows_as_they_come_and_go() -> None:
    model = decoder(max_position_embeddings=600)
    settings = config(max_position_embeddings=600)
    weights, random = tensors(settings), np.random.default_rng(2)
    prompts = [ids(length, length) for length in (SHARED_TOKENS, 200, 150, 20)]
    batch: RowBatch[list[int]] = RowBatch(model.shape)  # an owner is [prompt, the tokens it added]
    for step in range(12):
        if step in (0, 2, 5, 6):
            i = (0, 2, 5, 6).index(step)
            owners = [[i] for _ in range(SHARED_ROWS + i)]
            batch.add(model.read(prompts[i]).prompt, owners)
        owners = batch.owners
        tokens = random.integers(0, 272, len(owners)).tolist()
        logits = model.step(batch, tokens)
        for owner, token in zip(owners, tokens, strict=True):
            owner.append(token)
        for row in random.choice(len(owners), 3, replace=False):
            whole = prompts[owners[row][0]] + owners[row][1:]
            assert close(logits[row], plain_logits(weights, settings, whole)[-1])
        batch.discard({id(owner) for owner in owners if random.random() < 0.15})
    held_out = sum(len(owner) - 1 for owner in batch.owners)
    assert held_out < batch.cached_tokens < held_out + 200 + 150 + SHARED_TOKENS + 20 * 7 + 1


def test_a_prompt_that_begins_like_another_is_read_from_where_they_part() -> None:
    model, first = decoder(), ids(40)
    second = [*first[:25], *ids(10, 9)]
    cache = PromptCache()
    cache.add(model.read(first).prompt)
    known = cache.longest_prefix(second)
    assert known is not None
    assert known.ids == tuple(first[:25])
    read = model.read(second, known)
    assert len(read.states) == 10
    whole = plain_logits(tensors(config()), config(), second)
    assert close(model.logits(read.states), whole[25:])
    batch: RowBatch[int] = RowBatch(model.shape)
    batch.add(read.prompt, [0])
    assert close(
        model.step(batch, [3])[0], plain_logits(tensors(config()), config(), [*second, 3])[-1]
    )


def test_a_pool_gives_its_room_back_when_long_rows_have_gone() -> None:
    model = decoder(max_position_embeddings=600)
    batch: RowBatch[str] = RowBatch(model.shape)
    owner = "owner"
    batch.add(model.read(ids(500)).prompt, [owner])
    model.step(batch, [1])
    batch.discard({id(owner)})
    assert not batch.pools
    batch.add(model.read(ids(20)).prompt, [owner])
    assert close(
        model.step(batch, [5])[0], plain_logits(tensors(config()), config(), [*ids(20), 5])[-1]
    )


def test_a_gate_that_is_shut_fast_is_no_error() -> None:
    arrays = tensors(config())
    arrays["model.layers.0.mlp.gate_proj.weight"] *= 1000  # exp overflows
    from understudy.pocket.weights import Shape, Weights

    model = Decoder(Weights(arrays, Shape.of(config()), {}))
    assert np.isfinite(model.logits(model.read(ids(20)).states)).all()
