"""From logits to the next token: penalties, bias, temperature, truncation, randomness.

Order: penalties and bias, then temperature, then top_k, top_p and min_p, each applied to what the
previous one left, as in Hugging Face and vLLM. Tokens that tie with the last one kept are kept too.

Every sequence has its own random number generator, seeded with (seed, prompt, draw), and takes one
number per token. So its text depends on its request alone, not on the batch. The number is looked
up in the cumulative probabilities; the last-bit differences between batches change a token about
once in a million.
"""

import math
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from understudy.errors import Rejected
from understudy.pocket.weights import Floats
from understudy.types import Sampling


class SamplingParams(NamedTuple):
    """How one sequence is sampled: a `Sampling` with every default filled in."""

    temperature: float = 1.0
    """0 takes the likeliest token."""
    top_p: float = 1.0
    top_k: int = 0
    """0: all."""
    min_p: float = 0.0
    repetition: float = 1.0
    presence: float = 0.0
    frequency: float = 0.0
    bias: tuple[tuple[int, float], ...] = ()

    @property
    def truncates(self) -> bool:
        return self.temperature > 0 and (self.top_k > 0 or self.top_p < 1 or self.min_p > 0)

    @property
    def adjusts(self) -> bool:
        return self.repetition != 1 or self.presence != 0 or self.frequency != 0 or bool(self.bias)


def sampling_params(sampling: Sampling, vocabulary: int) -> SamplingParams:
    """The parameters for a request's settings. Raises `Rejected` if one is out of range."""
    params = SamplingParams(
        temperature=_within("temperature", sampling.temperature, 1.0, 0, math.inf),
        top_p=_within("top_p", sampling.top_p, 1.0, 0, 1),
        top_k=int(_within("top_k", sampling.top_k, 0, -1, math.inf)),
        min_p=_within("min_p", sampling.min_p, 0.0, 0, 1),
        repetition=_within("repetition_penalty", sampling.repetition_penalty, 1.0, 0, math.inf),
        presence=_within("presence_penalty", sampling.presence_penalty, 0.0, -100, 100),
        frequency=_within("frequency_penalty", sampling.frequency_penalty, 0.0, -100, 100),
        bias=_bias(sampling.logit_bias, vocabulary),
    )
    if params.top_p == 0 or params.repetition == 0:
        name = "top_p" if params.top_p == 0 else "repetition_penalty"
        raise Rejected(f"{name}: expected a number above 0, found 0.")
    return params._replace(top_k=max(params.top_k, 0))


def _within(name: str, value: float | None, default: float, least: float, most: float) -> float:
    if value is None:
        return default
    if not least <= value <= most or not math.isfinite(value):
        raise Rejected(f"{name}: expected a number from {least:g} to {most:g}, found {value!r}.")
    return value


def _bias(bias: Mapping[str, float], vocabulary: int) -> tuple[tuple[int, float], ...]:
    pairs: list[tuple[int, float]] = []
    for name, value in bias.items():
        if not name.isdecimal() or int(name) >= vocabulary or not -1000 <= value <= 1000:
            raise Rejected(
                f"logit_bias: expected token ids below {vocabulary} with numbers from -1000 to "
                f"1000, found {name!r}: {value!r}."
            )
        pairs.append((int(name), value))
    return tuple(pairs)


class Uniforms:
    """The uniform random numbers in [0, 1) of one sequence."""

    def __init__(self, seed: int, ids: Sequence[int], draw: int) -> None:
        digest = blake2b(np.asarray(ids, "<u4").tobytes(), digest_size=8).digest()
        # A seed sequence takes no negative numbers, so the sign is a separate number.
        key = [abs(seed), int(seed < 0), int.from_bytes(digest, "little"), draw]
        self._random = np.random.default_rng(key)
        self._ready: list[float] = []

    def next(self) -> float:
        if not self._ready:
            self._ready = self._random.random(64)[::-1].tolist()
        return self._ready.pop()


class TokenCounts:
    """Token counts of one sequence, for its penalties."""

    def __init__(self, vocabulary: int, prompt: Sequence[int]) -> None:
        self.occurs = np.zeros(vocabulary, bool)
        """In the prompt or the reply."""
        self.counts = np.zeros(vocabulary, np.float32)
        """Times in the reply."""
        self.occurs[np.asarray(prompt, np.intp)] = True

    def add(self, token: int) -> None:
        self.occurs[token] = True
        self.counts[token] += 1


def adjust(logits: Floats, params: SamplingParams, counts: TokenCounts) -> Floats:
    """One row of logits with penalties and bias applied. The repetition penalty (CTRL,
    arXiv:1909.05858) counts the prompt too; the other two (OpenAI's) count the reply only."""
    row = logits.copy()
    if params.repetition != 1:
        harder = np.where(row > 0, row / params.repetition, row * params.repetition)
        row = np.where(counts.occurs, harder, row)
    row -= np.float32(params.frequency) * counts.counts
    row -= np.float32(params.presence) * (counts.counts > 0)
    for token, value in params.bias:
        row[token] += value
    return row.astype(np.float32, copy=False)


def draw(
    logits: Floats, rules: Sequence[SamplingParams], uniforms: Sequence[float]
) -> NDArray[np.intp]:
    """The next token of each row. `logits`: (row, vocabulary), adjusted; with one set of
    parameters and one uniform number per row. A greedy row does not use its number."""
    temperatures = np.array([params.temperature for params in rules], np.float32)
    tokens = logits.argmax(-1)
    warm: list[int] = np.flatnonzero(temperatures).tolist()
    if not warm:
        return tokens
    peaks = np.take_along_axis(logits, tokens[:, None], -1)
    scaled = logits - peaks if len(warm) == len(rules) else logits[warm] - peaks[warm]
    with np.errstate(over="ignore"):  # minus infinity: never drawn
        scaled /= temperatures[warm][:, None]
    cut = [i for i, row in enumerate(warm) if rules[row].truncates]
    if cut:
        scaled[cut] = _truncate(scaled[cut], [rules[warm[i]] for i in cut])
    np.exp(scaled, out=scaled)
    tokens[warm] = _look_up(scaled, np.array([uniforms[row] for row in warm]))
    return tokens


def _truncate(scaled: Floats, rules: Sequence[SamplingParams]) -> Floats:
    """Rows whose largest entry is 0, with excluded tokens at -inf."""
    ranked = -np.sort(-scaled, axis=-1)
    size = scaled.shape[-1]
    index = np.arange(size, dtype=np.intp)
    top_k = np.array([params.top_k or size for params in rules])[:, None]
    top_p = np.array([params.top_p for params in rules])[:, None]
    with np.errstate(divide="ignore"):
        least = np.log(np.array([params.min_p for params in rules]))[:, None]
    mass = np.where(index < top_k, np.exp(ranked, dtype=np.float64), 0)
    before = mass.cumsum(-1) - mass
    # The first token is always kept; the others while the mass before them is below top_p. A sum
    # may fall short of 1 by rounding, and top_p=1 must keep everything.
    inside = (index < top_k) & ((before < top_p * mass.sum(-1, keepdims=True)) | (top_p >= 1))
    inside &= ranked >= least
    inside[:, 0] = True
    border = np.take_along_axis(ranked, inside.sum(-1, keepdims=True) - 1, -1)
    return np.where(scaled >= border, scaled, np.float32(-np.inf))


_BLOCK = 32


def _look_up(weights: Floats, uniforms: NDArray[np.float64]) -> NDArray[np.intp]:
    """Where each uniform number falls among the cumulative weights of its row.

    In two levels, block and token: sums of blocks are fast, running sums over all tokens are not.
    """
    rows, size = weights.shape
    if spare := -size % _BLOCK:
        weights = np.pad(weights, ((0, 0), (0, spare)))
    blocks = weights.reshape(rows, -1, _BLOCK)
    sums = blocks.sum(-1).cumsum(-1, dtype=np.float64)
    target = np.minimum(uniforms * sums[:, -1], np.nextafter(sums[:, -1], 0))
    block = (sums <= target[:, None]).sum(-1)
    row = np.arange(rows, dtype=np.intp)
    target -= np.where(block > 0, sums[row, block - 1], 0)
    inner = blocks[row, block].cumsum(-1, dtype=np.float64)
    token = (inner <= target[:, None]).sum(-1)
    # By rounding the target may lie at or past the end of the block: take its last token with
    # weight.
    last = _BLOCK - 1 - (blocks[row, block][:, ::-1] > 0).argmax(-1)
    return block * _BLOCK + np.minimum(token, last)
