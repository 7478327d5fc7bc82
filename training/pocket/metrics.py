"""Votes and calibration: majority, pass@k, AUROC, Brier, expected calibration error."""

import random
from collections import Counter
from collections.abc import Sequence


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def majority(answers: Sequence[int | None]) -> tuple[int | None, float]:
    """The most frequent parsed answer (first seen on a tie) and its share of all samples."""
    votes = Counter(a for a in answers if a is not None)
    if not votes:
        return None, 0.0
    winner, count = votes.most_common(1)[0]
    return winner, count / len(answers)


def majority_at(answers: Sequence[int | None], truth: int, k: int, draws: int = 20) -> float:
    """Expected accuracy of the majority of `k` of the samples, by `draws` random subsets."""
    rng = random.Random(k)
    if k >= len(answers):
        return float(majority(answers)[0] == truth)
    hits = [majority(rng.sample(list(answers), k))[0] == truth for _ in range(draws)]
    return mean([float(h) for h in hits])


def auroc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """Probability that a positive outranks a negative, ties one half; NaN with one class only."""
    ranked = sorted(range(len(scores)), key=lambda i: scores[i])
    ranks, i = [0.0] * len(scores), 0
    while i < len(ranked):
        j = i
        while j < len(ranked) and scores[ranked[j]] == scores[ranked[i]]:
            j += 1
        for k in ranked[i:j]:
            ranks[k] = (i + j + 1) / 2
        i = j
    positive = sum(labels)
    negative = len(labels) - positive
    if not positive or not negative:
        return float("nan")
    total = sum(r for r, label in zip(ranks, labels, strict=True) if label)
    return (total - positive * (positive + 1) / 2) / (positive * negative)


def auroc_within(groups: Sequence[tuple[Sequence[float], Sequence[bool]]]) -> float:
    """AUROC over pairs of a right and a wrong answer to the same question."""
    pairs_won = pairs = 0.0
    for scores, labels in groups:
        for s, right in zip(scores, labels, strict=True):
            for t, other in zip(scores, labels, strict=True):
                if right and not other:
                    pairs += 1
                    pairs_won += 1.0 if s > t else 0.5 if s == t else 0.0
    return pairs_won / pairs if pairs else float("nan")


def brier(scores: Sequence[float], labels: Sequence[bool]) -> float:
    return mean([(s - y) ** 2 for s, y in zip(scores, labels, strict=True)])


def base_brier(labels: Sequence[bool]) -> float:
    """Brier score of always saying the base rate."""
    rate = mean([float(y) for y in labels])
    return rate * (1 - rate)


def ece(scores: Sequence[float], labels: Sequence[bool], bins: int = 10) -> float:
    """Mean gap of confidence and accuracy over equal-count bins."""
    ranked = sorted(zip(scores, labels, strict=True), key=lambda pair: pair[0])
    size = len(ranked) / bins
    gaps: list[float] = []
    for i in range(bins):
        part = ranked[int(i * size) : int((i + 1) * size)]
        if part:
            gaps.append(abs(mean([s for s, _ in part]) - mean([float(y) for _, y in part])))
    return mean(gaps)
