"""Methods, filters and settings in words, read off their definitions."""

import pytest
from pydantic import Field

from understudy.errors import ConfigError
from understudy.runs.listing import Setting, describe, list_settings, listing
from understudy.types import Settings


class Inner(Settings):
    depth: int = 1
    """How deep."""


class Config(Settings):
    """For these tests."""

    needed: str
    """What must
    be given."""
    rounds: int = Field(default=4, ge=1, lt=9)
    """Most rounds."""
    keep: bool = True
    """Whether to keep it."""
    names: tuple[str, ...] = ("a", "b")
    """Some names."""
    limit: float | None = None
    """A limit."""
    inner: Inner = Inner()
    """Nested settings."""
    shots: tuple[int, ...] = Field(default_factory=lambda: (1, 2))
    """Made anew each time."""


def test_settings_are_listed_with_default_bounds_and_what_they_are() -> None:
    assert list_settings(Config) == [
        Setting("needed", "(needed)", "", "What must be given."),
        Setting("rounds", "4", ">= 1, < 9", "Most rounds."),
        Setting("keep", "true", "", "Whether to keep it."),
        Setting("names", "[a, b]", "", "Some names."),
        Setting("limit", "null", "", "A limit."),
        Setting("inner", "{}", "", "Nested settings."),
        Setting("shots", "[1, 2]", "", "Made anew each time."),
    ]


def test_a_fixed_choice_lists_its_options() -> None:
    vote = next(line for line in describe("self_consistency").splitlines() if "vote=" in line)

    assert vote == "  vote=count   (count | probability | normalized | verifier)"


def test_a_method_is_described_by_paper_roles_and_settings() -> None:
    text = describe("self_refine")

    assert text.startswith("self_refine: Self-Refine: ")
    assert "paper: arXiv:2303.17651" in text
    assert "roles: " in text


def test_the_recipe_is_described_like_a_method() -> None:
    assert "  budget=null" in describe("recipe")


def test_every_method_and_filter_is_on_the_list() -> None:
    text = listing()

    assert "  self_debug " in text
    assert "  novelty " in text
    assert text.endswith("understudy methods recipe a run's.")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="self_refin"):
        describe("self_refin")
