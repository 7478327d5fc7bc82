"""Which version is chosen, and how drops are counted."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refine_bench import drafts, one, scores

from understudy.methods.self_refine.trace import Feedback, Version, count_drops, find_best


@pytest.mark.parametrize(
    ("points", "answer"), [((3, 2, 1), "a"), ((2, 3, 3), "b"), ((3, 3, 3), "a"), ((1, 2, 3), "c")]
)
async def test_the_best_score_wins_and_of_equals_the_earlier(
    points: Sequence[int], answer: str
) -> None:
    example = await one(drafts("a", "b", "c"), scores(*points), feedback="structured", rounds=2)
    assert example.answer == answer


def version(score: float | None, accepted: bool) -> Version:
    """What was turned down has no feedback, and so no score."""
    return Version("y", Feedback("", False, score) if accepted else None, accepted)


SCORES = st.sampled_from([None, 0.0, 0.25, 0.5, 1.0])
SCORED = st.lists(st.builds(version, SCORES, st.booleans()), max_size=6)


@given(SCORED)
def test_no_accepted_version_scores_above_the_one_that_is_chosen(rest: list[Version]) -> None:
    versions = [Version("y", Feedback("", False, 0.25)), *rest]
    chosen = find_best(versions)
    accepted = {t: v.score for t, v in enumerate(versions) if v.accepted and v.score is not None}
    assert versions[chosen].accepted
    assert all(score < accepted[chosen] for t, score in accepted.items() if t < chosen)
    assert all(score <= accepted[chosen] for score in accepted.values())
    assert count_drops(versions) <= len(versions) - 1 - chosen
