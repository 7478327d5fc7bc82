"""Structured feedback: for each aspect a score, the evidence for it, and what would fix it."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, create_model, model_validator

from understudy.prompts import fill
from understudy.types import Settings

from .preset import Preset
from .prompts import Prompts


class AspectScore(Settings):
    """One aspect of an answer."""

    name: str
    evidence: str
    fix: str
    score: int


class Scorecard(Settings):
    """All aspects of an answer. No total is asked for: it is the sum of the scores."""

    aspects: tuple[AspectScore, ...]
    verdict: Literal["stop", "revise"]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [aspect.name for aspect in self.aspects]
        if len(set(names)) < len(names):
            raise ValueError("each aspect is to be scored once")
        return self

    @property
    def total(self) -> int:
        return sum(aspect.score for aspect in self.aspects)


def scorecard_for(preset: Preset) -> type[Scorecard]:
    """A scorecard that takes exactly the preset's aspects, each within its scale."""
    names: Any = Literal[tuple(aspect.name for aspect in preset.aspects)]
    score: Any = Annotated[int, Field(ge=0, le=preset.scale)]
    aspect: Any = create_model(
        "Aspect", __base__=AspectScore, name=(names, ...), score=(score, ...)
    )
    n = len(preset.aspects)
    aspects: Any = Annotated[tuple[aspect, ...], Field(min_length=n, max_length=n)]
    return create_model("Scorecard", __base__=Scorecard, aspects=(aspects, ...))


def describe(card: Scorecard, scale: int, wording: Prompts) -> str:
    """A scorecard as the writer reads it."""
    lines = [
        fill(wording.aspect_to_fix if a.fix else wording.aspect, scale=scale, **a.model_dump())
        for a in card.aspects
    ]
    total = fill(wording.total, score=card.total, most=scale * len(card.aspects))
    return "\n".join([*lines, total])
