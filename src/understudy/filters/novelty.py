"""Keeps examples that are unlike every example kept before.

ROUGE-L F of Self-Instruct's novelty rule (Wang et al. 2022, section 2.2; https://arxiv.org/abs/2212.10560)
over a pool that grows with what is kept. An example whose similarity is exactly the threshold is kept.
"""

from typing import Literal

from pydantic import Field

from understudy.filters import rule
from understudy.text.rouge import RougeIndex, split_latin_words, split_words
from understudy.types import Example, Settings, Verdict


class Config(Settings):
    threshold: float = Field(default=0.7, ge=0, le=1)
    """Reject above this similarity (paper: 0.7)."""
    of: Literal["prompt", "answer"] = "prompt"
    """What is compared: everything before the last answer, or the answer."""
    words: Literal["any_script", "reference"] = "any_script"
    """How texts are split: into words of any script, or only into runs of a-z and 0-9 (released code).
    With the latter, no two texts in another script are ever similar."""
    measure: bool = False
    """Give examples that are kept their highest similarity as a score. Rejected ones always have it."""


class Index:
    """The texts that were kept."""

    def __init__(self, config: Config) -> None:
        self._of = config.of
        self.texts = RougeIndex(split_latin_words if config.words == "reference" else split_words)

    def text(self, example: Example) -> str:
        """What is compared of an example."""
        if self._of == "answer":
            return example.answer
        return "\n".join(turn.text for turn in example.as_task().conversation)

    def add(self, example: Example) -> None:
        self.texts.add(self.text(example))


@rule
def novelty(example: Example, index: Index, config: Config) -> Verdict:
    """No example kept before has a ROUGE-L F above `threshold`."""
    text = index.text(example)
    similar = index.texts.find_above(text, config.threshold)
    if similar is not None:
        return Verdict(False, "too similar", similar.f)
    if not config.measure:
        return Verdict(True)
    nearest = index.texts.find_nearest(text)
    return Verdict(True, score=nearest.f if nearest else 0.0)
