"""The growing pool of Self-Instruct: which instructions may join it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from understudy.text.rouge import RougeIndex, split_latin_words, split_words, top_k
from understudy.types import Example, Json, Rejection, user

from .instances import Instance
from .instructions import Proposal, Rules, find_fault


class Accepted(NamedTuple):
    """An instruction that joined the pool."""

    instruction: str
    instances: tuple[Instance, ...]
    similarity: float
    """To the most similar instruction of the pool."""
    meta: Json


class TaskPool:
    """Seeds, and the machine-made instructions that are unlike them and each other."""

    def __init__(self, seeds: Sequence[str], rules: Rules, similarity: float, detail: bool) -> None:
        self.machine = list[str]()
        """The machine-made instructions, in the order in which they joined."""
        self._rules, self._similarity, self._detail = rules, similarity, detail
        self._texts = list(seeds)
        self._index = RougeIndex(split_latin_words if rules.reference else split_words)
        for text in seeds:
            self._index.add(text)

    def judge(self, proposal: Proposal, batch: int) -> Accepted | Rejection:
        """The verdict on a new instruction. If it is accepted it has joined the pool."""
        instruction = proposal.instruction
        meta: Json = {"batch": batch}
        example = Example(messages=(user(instruction),))
        if fault := find_fault(instruction, self._rules):
            return Rejection(reason=fault, example=example, meta=meta)
        nearest = self._index.find_nearest(instruction)
        f = nearest.f if nearest else 0.0
        if nearest and f > self._similarity:
            meta["similar_to"] = self._texts[nearest.number]
            return Rejection(reason="too similar", score=f, example=example, meta=meta)
        if self._detail:
            scores = self._index.measure_all(instruction)
            meta["most_similar"] = {self._texts[i]: float(scores[i]) for i in top_k(scores)}
            meta["avg_similarity_score"] = float(np.mean(scores))
        self._index.add(instruction)
        self._texts.append(instruction)
        self.machine.append(instruction)
        return Accepted(instruction, proposal.instances, f, meta)
