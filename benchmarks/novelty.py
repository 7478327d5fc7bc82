"""Novelty of one instruction against a growing pool: our index beside `rouge_score`'s loop.

    python benchmarks/novelty.py                 # everything, some minutes
    python benchmarks/novelty.py --only one      # one instruction against 52,000
    python benchmarks/novelty.py --only growth   # the same for 1,000 to 200,000
    python benchmarks/novelty.py --only bootstrap

`rouge_score` is compared if it is installed (`pip install rouge_score`): `RougeScorer.score` for every
text of the pool, as Self-Instruct calls it, in one process. Decisions are checked to be identical on
every instruction that both were asked about. Instructions are made up: 16 words on average, words by
Zipf's law around openings that many of them share, a tenth of them close variants of earlier ones.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from understudy.text.rouge import RougeIndex, split_latin_words

THRESHOLD = 0.7
OPENINGS = [
    line.split()
    for line in (
        "write a short story about", "given a list of", "classify the following text into",
        "explain the difference between", "create a", "find the", "describe how to", "suggest a",
        "rewrite the given sentence so that", "generate a list of", "what is the", "summarize the",
        "you are given a paragraph about", "translate the sentence about", "tell me",
    )
]  # fmt: skip


def instructions(seed: int) -> Iterator[str]:
    """Made-up instructions without end."""
    rng = Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocabulary = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(30_000)]
    vocabulary[:8] = ["the", "a", "of", "to", "and", "in", "for", "that"]
    weights = [0.0]
    for rank in range(1, len(vocabulary) + 1):
        weights.append(weights[-1] + 1 / (rank + 2.7))
    weights.pop(0)
    made = list[list[str]]()
    while True:
        if made and rng.random() < 0.1:
            words = list(rng.choice(made))
            for _ in range(rng.randint(1, max(1, len(words) // 2))):
                words[rng.randrange(len(words))] = rng.choices(vocabulary, cum_weights=weights)[0]
        else:
            more = max(2, round(rng.gauss(12.5, 5)))
            words = rng.choice(OPENINGS) + rng.choices(vocabulary, cum_weights=weights, k=more)
        made.append(words)
        yield " ".join(words)


def timed(function: Callable[[str], Any], texts: list[str]) -> tuple[float, list[Any]]:
    """Seconds per text, and what came out."""
    start = time.perf_counter()
    results = [function(text) for text in texts]
    return (time.perf_counter() - start) / len(texts), results


def filled(source: Iterator[str], size: int) -> tuple[RougeIndex, list[str]]:
    pool, texts = RougeIndex(split_latin_words), [next(source) for _ in range(size)]
    for text in texts:
        pool.add(text)
    return pool, texts


def one(size: int, asked: int, against: int) -> None:
    """One new instruction against `size`, beside the reference for the first `against` of them."""
    source = instructions(1)
    pool, texts = filled(source, size)
    new = [next(source) for _ in range(asked)]
    decide, found = timed(lambda text: pool.find_above(text, THRESHOLD), new)
    highest, exact = timed(pool.find_nearest, new)
    every, _ = timed(pool.measure_all, new[:10])
    words = sum(len(text.split()) for text in texts) / size
    print(f"pool of {size:,} ({words:.1f} words), {asked} new instructions, per instruction:")
    print(
        f"  decision           {decide * 1e3:10.3f} ms   rejected {sum(f is not None for f in found)}"
    )
    print(f"  highest similarity {highest * 1e3:10.3f} ms")
    print(f"  all similarities   {every * 1e3:10.3f} ms")
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError:
        print("  rouge_score is not installed: not compared")
        return
    scorer = RougeScorer(["rougeL"], use_stemmer=False)

    def reference(text: str) -> float:
        return max(scorer.score(text, old)["rougeL"].fmeasure for old in texts)

    theirs, maxima = timed(reference, new[:against])
    for ours, high, most in zip(found, exact, maxima, strict=False):
        assert (ours is not None) == (most > THRESHOLD)
        assert (high.f if high else 0.0) == most
    print(f"  rouge_score        {theirs * 1e3:10.1f} ms")
    print(f"  {theirs / decide:,.0f} times as fast, {theirs / highest:,.0f} with the highest; decisions "
          f"and maxima of {against} identical")  # fmt: skip


def growth() -> None:
    """How the cost of one decision grows with the pool."""
    print("pool, ms per decision, ms per highest similarity, ms per addition")
    source, pool = instructions(2), RougeIndex(split_latin_words)
    for size in (1_000, 3_000, 10_000, 30_000, 52_000, 100_000, 200_000):
        texts = [next(source) for _ in range(size - len(pool))]
        adding, _ = timed(pool.add, texts)
        new = [next(source) for _ in range(200)]
        decide, _ = timed(lambda text: pool.find_above(text, THRESHOLD), new)
        highest, _ = timed(pool.find_nearest, new)
        print(f"{size:>8,} {decide * 1e3:8.3f} {highest * 1e3:8.3f} {adding * 1e3:8.4f}")


def bootstrap(target: int, measure: bool) -> None:
    """A whole run's filtering: from nothing to `target` accepted."""
    source, pool, asked = instructions(3), RougeIndex(split_latin_words), 0
    start = time.process_time()
    while len(pool) < target:
        text = next(source)
        asked += 1
        found = pool.find_nearest(text) if measure else pool.find_above(text, THRESHOLD)
        if found is None or found.f <= THRESHOLD:
            pool.add(text)
    seconds = time.process_time() - start
    what = "with the highest similarity of each" if measure else "decisions alone"
    print(f"bootstrap to {target:,} accepted of {asked:,}, {what}: {seconds:.1f} s of one core")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=["one", "growth", "bootstrap"])
    parser.add_argument("--size", type=int, default=52_000)
    parser.add_argument("--against", type=int, default=5, help="instructions for rouge_score")
    only = (arguments := parser.parse_args()).only
    if only in (None, "one"):
        one(arguments.size, 200, arguments.against)
    if only in (None, "growth"):
        growth()
    if only in (None, "bootstrap"):
        bootstrap(arguments.size, measure=False)
        bootstrap(arguments.size, measure=True)


if __name__ == "__main__":
    main()
