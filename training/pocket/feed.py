"""Steps of training data, made by worker processes while the model learns.

Each worker draws from its own stream; the steps are taken from the workers in turns, so what is
learnt when depends on their number and not on which of them is fast. Samples are sorted by length
before they are laid side by side: a step gathers micro-batches of several lengths, so little is
padding and every step still sees the whole mixture.
"""

import itertools
import multiprocessing
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from queue import Empty

import numpy as np
from numpy.typing import NDArray

from training.pocket.chat import Sample

LONGEST = 960
"""Longer samples are dropped: they are rare and slow."""
CHUNK = 4096
"""Samples that are sorted together."""
AHEAD = 6
"""Steps that a worker may be ahead."""
PATIENCE = 1.0
"""Seconds to wait for a step before looking whether its worker still lives."""

Source = Callable[[int], Iterator[Sample]]
"""An endless stream of samples from a seed."""
Row = tuple[list[int], list[float]]
"""Token ids, and the loss weight of predicting each."""
Encode = Callable[[Sample], Row]


@dataclass(frozen=True)
class Batch:
    ids: NDArray[np.int64]
    """(row, token), padded."""
    weights: NDArray[np.float32]
    """Loss weight of predicting each id."""


Step = list[Batch]


@dataclass(frozen=True)
class Size:
    """Of one optimiser step."""

    tokens: int
    """Padding included."""
    micro: int
    """Micro-batches, each of its own length."""


def steps(source: Source, encode: Encode, size: Size, seed: int) -> Iterator[Step]:
    """Steps of one stream, without end."""
    rng, samples = random.Random(seed), source(seed)
    budget = size.tokens // size.micro
    while True:
        rows = [encode(sample) for sample in itertools.islice(samples, CHUNK)]
        groups: list[list[Row]] = [[]]
        for row in sorted((r for r in rows if len(r[0]) <= LONGEST), key=lambda r: len(r[0])):
            if (len(groups[-1]) + 1) * len(row[0]) > budget and groups[-1]:
                groups.append([])
            groups[-1].append(row)
        rng.shuffle(groups)
        for i in range(0, len(groups) - size.micro + 1, size.micro):
            yield [pad(group) for group in groups[i : i + size.micro]]


def pad(rows: list[Row]) -> Batch:
    width = max(len(ids) for ids, _ in rows)
    ids, weights = np.zeros((len(rows), width), np.int64), np.zeros((len(rows), width), np.float32)
    for i, (row, weight) in enumerate(rows):
        ids[i, : len(row)], weights[i, : len(row)] = row, weight
    return Batch(ids, weights)


@contextmanager
def feed(
    source: Source, encode: Encode, size: Size, seed: int, workers: int
) -> Iterator[Iterator[Step]]:
    """Steps of `workers` processes in turns; of this process where there are none. The workers end with
    the block."""
    if not workers:
        yield steps(source, encode, size, seed)
        return
    context = multiprocessing.get_context("fork")
    queues: list[Queue[Step]] = [context.Queue(AHEAD) for _ in range(workers)]
    processes = [
        context.Process(target=_work, args=(queue, partial(steps, source, encode, size), seed, i),
                        daemon=True)
        for i, queue in enumerate(queues)
    ]  # fmt: skip
    for process in processes:
        process.start()
    try:
        yield (_take(*pair) for pair in itertools.cycle(zip(queues, processes, strict=True)))
    finally:
        for process in processes:
            process.terminate()


def _take(queue: "Queue[Step]", process: BaseProcess) -> Step:
    """A worker's next step. Raises RuntimeError where there is none to come: its error is on screen."""
    while True:
        try:
            return queue.get(timeout=PATIENCE)
        except Empty:
            if not process.is_alive():
                raise RuntimeError("a process that makes training data has ended") from None


def _work(queue: "Queue[Step]", source: Callable[[int], Iterator[Step]], seed: int, i: int) -> None:
    for step in source(seed * 1000 + i):
        queue.put(step)
