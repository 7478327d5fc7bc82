"""Majority votes over repeated answers, and their accuracy by the number of draws."""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)


def tally(answers: Iterable[Key | None], weights: Iterable[float]) -> dict[Key, float]:
    """The weight of each answer, heaviest first. None is an answer that could not be read: no vote.

    Ties go to the answer that was drawn first. Draws are exchangeable, so that is a fair coin, and
    it falls the same way in every replay.
    """
    sums: dict[Key, float] = {}
    for answer, weight in zip(answers, weights, strict=True):
        if answer is not None:
            sums[answer] = sums.get(answer, 0.0) + weight
    return dict(
        sorted(sums.items(), key=lambda item: -item[1])
    )  # sorted() keeps the order of equals


def is_tied(votes: Mapping[Key, float]) -> bool:
    """Whether the winner won by order alone."""
    first, second = (*list(votes.values())[:2], 0.0, 0.0)[:2]
    return bool(votes) and first == second


def entropy(votes: Mapping[Key, float]) -> float:
    """Entropy of the distribution of weights, in bits; 0 if all agree."""
    total = sum(votes.values())
    shares = [weight / total for weight in votes.values() if weight > 0]
    return -sum(share * math.log2(share) for share in shares) + 0.0


def is_settled(votes: Mapping[Key, float], confidence: float) -> bool:
    """Whether the leader will stay ahead. With v1 and v2 the two largest counts, the probability that
    a Beta(v1 + 1, v2 + 1) variable exceeds one half is then at least `confidence` (Aggarwal et al.
    2023, "Let's Sample Step by Step", arXiv:2305.11860; 0.95 there). Takes counts, not weights."""
    v1, v2 = (*(int(v) for v in list(votes.values())[:2]), 0, 0)[:2]
    n = v1 + v2 + 1
    return bool(votes) and sum(math.comb(n, k) for k in range(v1 + 1)) >= confidence * 2**n


class Curve(NamedTuple):
    """Mean figures over tasks for each k; `tasks` is how many had at least k draws."""

    k: tuple[int, ...]
    majority: tuple[float, ...]
    """maj@k: how often the vote of k draws is right."""
    any_right: tuple[float, ...]
    """pass@k: how often at least one of k draws is right."""
    tasks: tuple[int, ...]


def measure_curve(
    draws: Iterable[tuple[Sequence[Hashable | None], Hashable]], *, count_unreadable: bool = False
) -> Curve:
    """maj@k and pass@k over tasks, each given by its draws' answers and the right answer.

    Both are exact means over all ways to pick k of a task's draws (for pass@k, Chen et al. 2021,
    arXiv:2107.03374). In a tie of j answers the right one counts 1/j. With `count_unreadable`, draws
    whose answer could not be read vote together for a wrong answer instead of abstaining.
    """
    sums: dict[int, list[float]] = {}
    for answers, right in draws:
        m = len(answers)
        counts: dict[Hashable, int] = {}
        for answer in answers:
            counts[answer] = counts.get(answer, 0) + 1
        unreadable = counts.pop(None, 0)
        correct = counts.pop(right, 0)
        others = tuple(sorted(counts.values()))
        if count_unreadable and unreadable:
            others, unreadable = tuple(sorted((*others, unreadable))), 0
        for k in _ks(m):
            entry = sums.setdefault(k, [0.0, 0.0, 0.0])
            entry[0] += _majority(correct, others, unreadable, k)
            entry[1] += 1 - math.comb(m - correct, k) / math.comb(m, k)
            entry[2] += 1
    ks = tuple(sorted(sums))
    return Curve(
        k=ks,
        majority=tuple(sums[k][0] / sums[k][2] for k in ks),
        any_right=tuple(sums[k][1] / sums[k][2] for k in ks),
        tasks=tuple(int(sums[k][2]) for k in ks),
    )


def _ks(m: int) -> list[int]:
    return [k for k in (1, 2, 3, 5, 10, 20, 40, 100) if k < m] + [m] if m else []


@lru_cache(maxsize=100_000)
def _majority(correct: int, others: tuple[int, ...], blank: int, k: int) -> float:
    """Chance that the right answer wins the vote of k draws, ties counted in part. They are picked from
    `correct` right ones, wrong ones of sizes `others`, and `blank` ones without an answer.

    For each number j of right ones picked, `ways[tied][picked]` counts the ways to pick from the
    wrong answers at most j of each, `tied` of them exactly j times.
    """
    total = 0.0
    for j in range(1, min(correct, k) + 1):
        ways: list[dict[int, int]] = [{0: 1}]
        for size in others:
            following: list[dict[int, int]] = [{} for _ in range(len(ways) + (size >= j))]
            for ties, picks in enumerate(ways):
                for picked, number in picks.items():
                    for c in range(min(size, j, k - j - picked) + 1):
                        target = following[ties + (c == j)]
                        target[picked + c] = target.get(picked + c, 0) + number * math.comb(size, c)
            ways = following
        right = math.comb(correct, j)
        for ties, picks in enumerate(ways):
            for picked, number in picks.items():
                total += right * number * math.comb(blank, k - j - picked) / (ties + 1)
    return total / math.comb(correct + sum(others) + blank, k)
