"""The scorecard: what it takes, what it adds up to, how the writer reads it."""

from typing import Any

import pytest

from understudy.methods.self_refine.preset import Preset, load_preset
from understudy.methods.self_refine.prompts import Prompts
from understudy.methods.self_refine.scorecard import AspectScore, Scorecard, describe, scorecard_for


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "correct", "evidence": "", "fix": "", "score": 6},
        {"name": "wit", "evidence": "", "fix": "", "score": 3},
        {"name": "clear", "evidence": "", "fix": "", "score": 3},
        None,
    ],
)
def test_the_form_takes_each_aspect_once_and_within_the_scale(wrong: Any) -> None:
    kind = scorecard_for(Preset.model_validate({}))
    names = ("correct", "complete", "clear")
    good = [{"name": name, "evidence": "", "fix": "", "score": 3} for name in names]
    assert kind.model_validate({"aspects": good, "verdict": "stop"}).total == 9
    bad = [*([wrong] if wrong else []), *good[1:]]
    with pytest.raises(ValueError, match="validation error"):
        kind.model_validate({"aspects": bad, "verdict": "stop"})


def card(*aspects: tuple[str, str, int], verdict: Any = "revise") -> Scorecard:
    scores = tuple(
        AspectScore(name=name, evidence=f"'{name}'", fix=fix, score=score)
        for name, fix, score in aspects
    )
    return Scorecard(aspects=scores, verdict=verdict)


def test_the_total_is_the_sum_of_the_scores() -> None:
    assert card(("clear", "", 3), ("correct", "", 2)).total == 5


def test_an_aspect_is_scored_once() -> None:
    with pytest.raises(ValueError, match="each aspect is to be scored once"):
        card(("clear", "", 3), ("clear", "", 2))


def test_the_verdict_is_to_stop_or_to_revise() -> None:
    assert card(("clear", "", 3), verdict="stop").verdict == "stop"
    with pytest.raises(ValueError, match="verdict"):
        card(("clear", "", 3), verdict="go on")


def test_a_scorecard_is_made_for_the_aspects_and_the_scale_of_a_preset() -> None:
    preset = load_preset("acronym")
    kind = scorecard_for(preset)
    full = [
        {"name": aspect.name, "evidence": "", "fix": "", "score": preset.scale}
        for aspect in preset.aspects
    ]

    assert kind.model_validate({"aspects": full, "verdict": "stop"}).total == 5 * len(full)
    text = str(kind.model_json_schema())
    assert all(aspect.name in text for aspect in preset.aspects)
    for score in (-1, preset.scale + 1):
        aspects = [{**full[0], "score": score}, *full[1:]]
        with pytest.raises(ValueError, match="score"):
            kind.model_validate({"aspects": aspects, "verdict": "stop"})


def test_the_writer_reads_a_fix_only_where_there_is_one() -> None:
    text = describe(card(("clear", "", 3), ("correct", "Add one.", 2)), 4, Prompts.load())

    assert text == "clear (3/4): 'clear'\ncorrect (2/4): 'correct' Fix: Add one.\nTotal: 5/8"
