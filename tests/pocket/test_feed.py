"""The steps that the built-in model is trained on: what is in them, and in which order they come."""

import itertools
import random
from collections.abc import Iterator

import numpy as np
import pytest

from training.pocket import feed
from training.pocket.chat import Sample, chat
from training.pocket.feed import LONGEST, Row, Size, Step

SIZE = Size(tokens=2_000, micro=2)


def source(seed: int) -> Iterator[Sample]:
    rng = random.Random(seed)
    while True:
        length = rng.randint(1, 40) if rng.random() < 0.99 else LONGEST
        yield chat("x", "u", "".join(rng.choices("abcdefgh", k=length)))


def encode(sample: Sample) -> Row:
    ids = [1, *(ord(letter) for _, text in sample.messages for letter in text)]
    return ids, [0.0, *[1.0] * (len(ids) - 1)]


def taken(workers: int, number: int = 40) -> list[Step]:
    with feed.feed(source, encode, SIZE, 7, workers) as steps:
        return list(itertools.islice(steps, number))


def test_a_step_holds_its_micro_batches_within_its_tokens_and_pads_with_no_weight() -> None:
    for step in taken(0):
        assert len(step) == SIZE.micro
        for batch in step:
            assert batch.ids.shape == batch.weights.shape
            assert batch.ids.size <= SIZE.tokens // SIZE.micro
            assert not batch.weights[batch.ids == 0].any()
            assert (batch.ids[:, 0] == 1).all()


def test_samples_of_one_length_stand_together_and_too_long_ones_are_dropped() -> None:
    batches = [batch for step in taken(0) for batch in step]
    assert max(batch.ids.shape[1] for batch in batches) < LONGEST
    assert np.mean([(batch.ids == 0).mean() for batch in batches]) < 0.05


def test_the_order_of_steps_does_not_depend_on_which_worker_is_fast() -> None:
    one, two = taken(3), taken(3)
    for a, b in zip(one, two, strict=True):
        assert all((x.ids == y.ids).all() for x, y in zip(a, b, strict=True))


def test_no_two_workers_make_the_same_steps() -> None:
    seen = {batch.ids.tobytes() for step in taken(3) for batch in step}
    assert len(seen) == 40 * SIZE.micro


def test_a_worker_that_fails_ends_the_training_instead_of_keeping_it_waiting() -> None:
    def fails(sample: Sample) -> Row:
        raise ValueError("no such token")

    with feed.feed(source, fails, SIZE, 7, 1) as steps, pytest.raises(RuntimeError, match="ended"):
        next(steps)
