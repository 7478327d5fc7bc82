"""The constitution: principles, exemplars, and what gives them away."""

from pathlib import Path

import pytest

from understudy.errors import ConfigError
from understudy.methods.self_align.constitution import (
    Constitution,
    Dialogue,
    Principle,
    Turn,
    find_citations,
    find_leaks,
    load_constitution,
    read_principles,
)
from understudy.runs.recipe import Step, step_config


def test_a_constitution_that_is_no_file_or_no_constitution_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a YAML file at nowhere"):
        step_config(Step(use="self_align", settings={"constitution": "nowhere.yaml"}))
    (tmp_path / "empty.yaml").write_text("principles: []\n")
    empty = {"constitution": str(tmp_path / "empty.yaml")}
    with pytest.raises(ConfigError, match="principles"):
        step_config(Step(use="self_align", settings=empty))


def test_the_shipped_constitution_has_sixteen_principles_and_five_exemplars() -> None:
    constitution = load_constitution()
    assert constitution.labels == (
        "ethical", "informative", "helpful", "question assessment", "reasoning", "multi-aspect",
        "candor", "knowledge recitation", "static", "clarification", "numerical sensitivity",
        "dated knowledge", "step-by-step", "balanced", "creative", "operational",
    )  # fmt: skip
    assert [len(exemplar.turns) for exemplar in constitution.exemplars] == [1, 1, 2, 1, 1]
    assert all(principle.brief for principle in constitution.principles)


def test_leaks_follow_from_the_exemplars_that_are_shown() -> None:
    turn = Turn(
        question="Please tell me about Ada Lovelace",
        thought="t",
        principles=("kind",),
        answer="She wrote about an engine. Yes.\n1, 2, 3, 4",
    )
    constitution = Constitution(
        principles=(Principle(label="kind", text="Be kind."),),
        exemplars=(Dialogue(turns=(turn,), tells=("engine",)),),
    )
    assert [leak.text for leak in find_leaks(constitution, 1) if leak.kind != "frame"] == [
        "She wrote about an engine.", "Ada Lovelace", "1, 2, 3, 4", "engine",
    ]  # fmt: skip
    assert {leak.kind for leak in find_leaks(constitution, 0)} == {"frame"}


def test_principles_are_cited_by_label_and_listed_by_number() -> None:
    assert find_citations(
        "Rules 2 (informative), 9 (Candor), and in 1990 (or so).", load_constitution()
    ) == (2, 7)
    assert read_principles(
        [2, "5 (reasoning)", "static", 99, 2, None, "Rule 3"], load_constitution()
    ) == (2, 5, 9, 3)


def test_mistaken_constitutions_are_refused() -> None:
    kind = Principle(label="kind", text="Be kind.")
    turn = Turn(question="q", thought="t", principles=("brave",), answer="a")
    with pytest.raises(ValueError, match="two principles have the label 'kind'"):
        Constitution(principles=(kind, kind))
    with pytest.raises(ValueError, match="cites 'brave'"):
        Constitution(principles=(kind,), exemplars=(Dialogue(turns=(turn,)),))
