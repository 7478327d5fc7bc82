"""Votes, and what a set of draws says about fewer of them."""

import math
from collections import Counter
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.text.votes import entropy, is_settled, is_tied, measure_curve, tally

ANSWERS = st.lists(st.sampled_from(["a", "b", "c", None]), max_size=8)


@given(ANSWERS)
def test_a_count_is_a_count_and_ties_go_to_the_answer_drawn_first(
    answers: list[str | None],
) -> None:
    votes = tally(answers, [1.0] * len(answers))
    counts = Counter(a for a in answers if a is not None)
    assert votes == counts
    assert list(votes) == sorted(counts, key=lambda a: (-counts[a], answers.index(a)))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=8))
def test_weights_are_summed_by_answer(draws: list[tuple[str, int]]) -> None:
    votes = tally([a for a, _ in draws], [float(w) for _, w in draws])
    assert votes == {a: sum(w for b, w in draws if b == a) for a, _ in draws}
    assert list(votes.values()) == sorted(votes.values(), reverse=True)


def test_answers_and_weights_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="shorter"):
        tally(["a", "b"], [1.0])


@given(ANSWERS)
def test_a_tie_is_two_answers_in_front(answers: list[str | None]) -> None:
    counts = Counter(a for a in answers if a is not None)
    leaders = [a for a in counts if counts[a] == max(counts.values())]
    assert is_tied(tally(answers, [1.0] * len(answers))) == (len(leaders) > 1)


@pytest.mark.parametrize(
    ("votes", "bits"),
    [({}, 0), ({"a": 7}, 0), ({"a": 2, "b": 2}, 1), ({"a": 1, "b": 1, "c": 1, "d": 1}, 2),
     ({"a": 3, "b": 1}, 0.811278), ({"a": 1, "b": 0}, 0)],
)  # fmt: skip
def test_entropy_is_in_bits(votes: dict[str, float], bits: float) -> None:
    assert entropy(votes) == pytest.approx(bits, abs=1e-6)
    assert math.copysign(1, entropy(votes)) == 1  # no minus zero in a report


# The adaptive stop

GO_ON = [(0, 0), (3, 0), (5, 1), (7, 2)]
STOP = [(4, 0), (6, 1), (8, 2), (9, 3)]


@pytest.mark.parametrize(
    ("counts", "stops"), [*((c, False) for c in GO_ON), *((c, True) for c in STOP)]
)
def test_the_beta_rule_stops_where_the_paper_does(counts: tuple[int, int], stops: bool) -> None:
    votes = {name: float(v) for name, v in zip("ab", counts, strict=True) if v}
    assert is_settled(votes, 0.95) == stops


@pytest.mark.parametrize(
    ("v1", "v2", "p"),
    [(3, 0, 0.9375), (4, 0, 0.9688), (5, 1, 0.9375), (6, 1, 0.9648), (7, 2, 0.9453), (8, 2, 0.9673),
     (9, 3, 0.9539)],
)  # fmt: skip
def test_the_beta_rule_has_the_published_values(v1: int, v2: int, p: float) -> None:
    votes = {"a": float(v1), "b": float(v2)}
    assert is_settled(votes, p - 1e-4)
    assert not is_settled(votes, p + 1e-4)


def test_only_the_two_leaders_count_for_the_beta_rule() -> None:
    assert is_settled({"a": 4}, 0.95)
    assert is_settled({"a": 6, "b": 1, "c": 1, "d": 1}, 0.95)


@given(st.integers(0, 30), st.integers(0, 30))
def test_the_beta_rule_agrees_with_the_integral(v1: int, v2: int) -> None:
    # P(x > 1/2) for Beta(v1 + 1, v2 + 1), by the midpoint rule.
    n = 4_000
    points = [0.5 + (i + 0.5) / (2 * n) for i in range(n)]
    norm = math.gamma(v1 + v2 + 2) / math.gamma(v1 + 1) / math.gamma(v2 + 1)
    p = sum(x**v1 * (1 - x) ** v2 for x in points) * norm / (2 * n)
    votes = {"a": float(max(v1, v2)), "b": float(min(v1, v2))}
    p = max(p, 1 - p)
    assert is_settled(votes, min(p - 1e-3, 0.9999))
    assert not is_settled(votes, p + 1e-3)


# Curves


def brute(answers: list[str | None], right: str, k: int, unreadable: bool) -> tuple[float, float]:
    """maj@k and pass@k over every way to pick k draws."""
    majority = any_right = 0.0
    picks = list(combinations(answers, k))
    for pick in picks:
        counts = Counter(a if a is not None else "?" for a in pick if unreadable or a is not None)
        best = max(counts.values(), default=0)
        leaders = [a for a in counts if counts[a] == best]
        majority += (right in leaders) / max(len(leaders), 1)
        any_right += right in pick
    return majority / len(picks), any_right / len(picks)


@given(answers=ANSWERS.filter(len), unreadable=st.booleans())
def test_curves_agree_with_brute_force(answers: list[str | None], unreadable: bool) -> None:
    found = measure_curve([(answers, "a")], count_unreadable=unreadable)
    assert found.k[-1] == len(answers)
    for k, majority, any_right in zip(found.k, found.majority, found.any_right, strict=True):
        assert (majority, any_right) == pytest.approx(brute(answers, "a", k, unreadable))


def test_a_curve_is_the_mean_over_the_tasks_that_have_enough_draws() -> None:
    found = measure_curve([(["a", "a", "b"], "a"), (["b"], "a")])
    assert found.k == (1, 2, 3)
    assert found.tasks == (2, 1, 1)
    assert found.majority == pytest.approx((1 / 3, 2 / 3, 1.0))
    assert found.any_right == pytest.approx((1 / 3, 1.0, 1.0))


def test_an_answer_named_like_none_is_not_unreadable() -> None:
    for answers in product(["None", None], repeat=3):
        assert measure_curve([(answers, "None")]).any_right[0] == pytest.approx(
            answers.count("None") / 3
        )


def test_no_draws_make_no_curve() -> None:
    assert measure_curve([]) == measure_curve([([], "a")]) == ((), (), (), ())


def test_a_hundred_draws_of_many_answers_are_counted_in_no_time() -> None:
    answers = [str(i % 17) for i in range(100)]
    found = measure_curve([(answers, "3")])
    assert found.majority[0] == pytest.approx(answers.count("3") / 100)
    assert 0 < found.majority[-1] < 1


def test_a_leader_at_exactly_the_confidence_is_settled() -> None:
    assert is_settled({"a": 1}, 0.75)  # Beta(2, 1) exceeds one half in 3 of 4 cases
    assert not is_settled({"a": 1}, 0.76)
