"""Keeps answers of a sensible length."""

from pydantic import Field

from understudy.filters import rule
from understudy.types import Example, Settings, Verdict


class Config(Settings):
    min_characters: int = Field(default=1, ge=0)
    """Shorter answers are rejected. Blanks around an answer do not count."""
    max_characters: int = Field(default=20_000, ge=1)
    """Longer answers are rejected."""


@rule
def length(example: Example, config: Config) -> Verdict:
    """The last assistant turn has between `min_characters` and `max_characters`."""
    characters = len(example.answer.strip())
    if characters < config.min_characters:
        return Verdict(False, "answer too short", characters)
    if characters > config.max_characters:
        return Verdict(False, "answer too long", characters)
    return Verdict(True, score=characters)
