"""Drawing the next token: each setting does what it says, row by row."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from understudy.errors import Rejected
from understudy.pocket.sampling import (
    SamplingParams,
    TokenCounts,
    Uniforms,
    adjust,
    draw,
    sampling_params,
)
from understudy.types import Sampling


def logits(*probabilities: float) -> NDArray[np.float32]:
    with np.errstate(divide="ignore"):
        return np.log(np.array([probabilities], np.float32))


def drawn(row: NDArray[np.float32], how: SamplingParams, n: int = 4000) -> NDArray[np.float64]:
    """Shares of each token among draws at evenly spread numbers."""
    uniforms = (np.arange(n) + 0.5) / n
    tokens = draw(np.repeat(row, n, 0), [how] * n, uniforms.tolist())
    return np.bincount(tokens, minlength=row.shape[1]) / n


def test_tokens_come_as_often_as_they_are_likely() -> None:
    shares = drawn(logits(0.1, 0.2, 0.3, 0.4), SamplingParams())
    assert shares == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=1e-3)


def test_a_low_temperature_sharpens_and_zero_takes_the_likeliest() -> None:
    shares = drawn(logits(0.1, 0.2, 0.3, 0.4), SamplingParams(temperature=0.5))
    assert shares == pytest.approx(np.array([1, 4, 9, 16]) / 30, abs=1e-3)
    assert drawn(logits(0.1, 0.5, 0.4), SamplingParams(temperature=0))[1] == 1
    for tiny in (1e-30, 1e-39, 1e-50):  # of single precision, then below its normal numbers, then 0
        assert drawn(logits(0.1, 0.5, 0.4), SamplingParams(temperature=tiny))[1] == 1


@pytest.mark.parametrize(
    ("how", "shares"),
    [
        (SamplingParams(top_k=2), [0, 0, 3 / 7, 4 / 7]),
        (SamplingParams(top_k=9), [0.1, 0.2, 0.3, 0.4]),
        (SamplingParams(top_p=0.7), [0, 0, 3 / 7, 4 / 7]),
        (SamplingParams(top_p=0.71), [0, 2 / 9, 3 / 9, 4 / 9]),
        (SamplingParams(top_p=0.01), [0, 0, 0, 1]),
        (SamplingParams(min_p=0.45), [0, 2 / 9, 3 / 9, 4 / 9]),
        (SamplingParams(min_p=1), [0, 0, 0, 1]),
        (SamplingParams(top_k=3, top_p=0.5), [0, 0, 3 / 7, 4 / 7]),
        (SamplingParams(top_k=1, temperature=5), [0, 0, 0, 1]),
    ],
)
def test_truncation_lets_in_the_likeliest(how: SamplingParams, shares: list[float]) -> None:
    assert drawn(logits(0.1, 0.2, 0.3, 0.4), how) == pytest.approx(shares, abs=1e-3)


def test_each_row_has_its_own_rule() -> None:
    rows = np.repeat(logits(0.1, 0.2, 0.3, 0.4), 4, 0)
    rules = [
        SamplingParams(temperature=0),
        SamplingParams(top_k=1),
        SamplingParams(),
        SamplingParams(top_p=0.85),
    ]
    assert draw(rows, rules, [0.0, 0.0, 0.0, 0.0]).tolist() == [3, 3, 0, 1]


def test_large_vocabularies_are_looked_up_like_small_ones() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(0, 3, (200, 1000)).astype(np.float32)
    uniforms = random.random(200)
    p = np.exp(rows.astype(np.float64))
    plain = [
        int(np.searchsorted(c, u * c[-1], "right"))
        for c, u in zip(p.cumsum(1), uniforms, strict=True)
    ]
    assert draw(rows, [SamplingParams()] * 200, uniforms.tolist()).tolist() == plain


@pytest.mark.parametrize("uniform", [0.0, 0.5, np.nextafter(1.0, 0.0)])
def test_a_token_that_cannot_be_is_never_drawn(uniform: float) -> None:
    row = np.full((1, 100), -np.inf, np.float32)
    row[0, 40] = 0
    assert draw(row, [SamplingParams()], [uniform]).tolist() == [40]


def test_the_repetition_penalty_counts_prompt_and_reply() -> None:
    counts = TokenCounts(4, [0])
    counts.add(1)
    row = np.array([2.0, -2.0, 2.0, -2.0], np.float32)
    assert adjust(row, SamplingParams(repetition=2.0), counts).tolist() == [1.0, -4.0, 2.0, -2.0]


def test_presence_and_frequency_count_the_reply_alone() -> None:
    counts = TokenCounts(3, [0])
    for token in (1, 1, 2):
        counts.add(token)
    row = np.zeros(3, np.float32)
    assert adjust(row, SamplingParams(presence=1.0), counts).tolist() == [0, -1, -1]
    assert adjust(row, SamplingParams(frequency=0.5), counts).tolist() == [0, -1, -0.5]


def test_a_bias_is_added() -> None:
    row = np.zeros(3, np.float32)
    assert adjust(row, SamplingParams(bias=((2, 5.0),)), TokenCounts(3, [])).tolist() == [0, 0, 5]


def test_random_numbers_depend_on_seed_prompt_and_draw_alone() -> None:
    def first(seed: int, ids: list[int], index: int) -> list[float]:
        uniforms = Uniforms(seed, ids, index)
        return [uniforms.next() for _ in range(70)]

    same = first(1, [5, 6], 0)
    assert same == first(1, [5, 6], 0)
    others = [first(2, [5, 6], 0), first(-1, [5, 6], 0), first(1, [6, 5], 0), first(1, [5, 6], 1)]
    assert all(same[0] != other[0] for other in others)
    assert len(set(same)) == 70


@pytest.mark.parametrize(
    ("sampling", "word"),
    [
        (Sampling(temperature=-1), "temperature"),
        (Sampling(temperature=float("nan")), "temperature"),
        (Sampling(temperature=float("inf")), "temperature"),
        (Sampling(top_p=0), "top_p"),
        (Sampling(top_p=1.1), "top_p"),
        (Sampling(top_k=-2), "top_k"),
        (Sampling(min_p=2), "min_p"),
        (Sampling(repetition_penalty=0), "repetition_penalty"),
        (Sampling(logit_bias={"the": 1}), "logit_bias"),
        (Sampling(logit_bias={"10": 1}), "logit_bias"),
        (Sampling(logit_bias={"1": float("nan")}), "logit_bias"),
    ],
)
def test_a_setting_out_of_bounds_is_refused_by_name(sampling: Sampling, word: str) -> None:
    with pytest.raises(Rejected, match=f"^{word}: expected"):
        sampling_params(sampling, 10)


@pytest.mark.parametrize(
    ("sampling", "how"),
    [
        (Sampling(), SamplingParams()),
        (Sampling(top_k=-1), SamplingParams()),
        (Sampling(temperature=0, top_p=0.5), SamplingParams(temperature=0, top_p=0.5)),
        (Sampling(logit_bias={"3": -100}), SamplingParams(bias=((3, -100),))),
    ],
)
def test_what_is_unset_is_neutral(sampling: Sampling, how: SamplingParams) -> None:
    assert sampling_params(sampling, 10) == how


def test_only_rows_that_need_it_pay_for_truncation_and_penalties() -> None:
    plain: list[Any] = [SamplingParams(), SamplingParams(temperature=0, top_k=5)]
    assert not any(how.truncates or how.adjusts for how in plain)
