"""Which of several programs is taken: by execution, as MBR-Exec does."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from understudy.call.model import gather
from understudy.types import Json, Message

from .conversation import Attempt, CountingModel
from .problem import Candidate, Observation, Problem


class Selection(NamedTuple):
    """The chosen program, and why it was chosen."""

    ordinal: int
    how: Literal["greedy", "first", "execution"]
    passing: int = 0
    """How many pass the visible tests."""
    agreeing: int = 0
    """How many of the eligible give the chosen one's result."""

    def as_json(self) -> Json:
        """As it stands in `meta`."""
        names = ("taken", "how", "passing", "agreeing")
        return dict(zip(names, self, strict=True))


async def select(problem: Problem, candidates: Sequence[Candidate]) -> Selection:
    """Of the programs that pass the visible tests (of all, where none does), the first of those whose
    result is the most frequent among results that are no error."""
    observations = await _observe_all(problem, candidates)
    passing = [i for i, one in enumerate(observations) if one.passed is not False]
    eligible = passing or range(len(observations))
    results = [observations[i].result for i in eligible]
    counts = Counter(result for result in results if result is not None)
    if not counts:
        return Selection(eligible[0], "execution", len(passing))
    ((winner, votes),) = counts.most_common(1)
    return Selection(eligible[results.index(winner)], "execution", len(passing), votes)


async def _observe_all(problem: Problem, candidates: Sequence[Candidate]) -> list[Observation]:
    """What each candidate shows. Samples are often equal: each program is run once."""
    distinct = list(dict.fromkeys(candidates))
    observations = await gather(map(problem.observe, distinct))
    by_candidate = dict(zip(distinct, observations, strict=True))
    return [by_candidate[candidate] for candidate in candidates]


async def score_all(problem: Problem, attempts: Sequence[Attempt]) -> list[Attempt]:
    """The attempts with what all tests say of them: each program once."""
    distinct = {attempt.candidate: attempt.observation for attempt in attempts}
    scores = await gather(problem.score(y, observation) for y, observation in distinct.items())
    by_candidate = dict(zip(distinct, scores, strict=True))
    return [attempt._replace(score=by_candidate[attempt.candidate]) for attempt in attempts]


async def resample(
    problem: Problem,
    head: Sequence[Message],
    model: CountingModel,
    budget: int,
    temperature: float,
) -> Json:
    """Programs drawn until they cost as many completion tokens as `budget`, and the one among them that
    the same visible tests select."""
    candidates = list[Candidate]()
    while not candidates or (model.tokens < budget and len(candidates) < MOST_DRAWS):
        (reply,) = await model.sample(head, 1, temperature)
        candidates.append(problem.read(reply))
    selection = await select(problem, candidates)
    best = candidates[selection.ordinal]
    score = await problem.score(best, None)
    return {
        "draws": len(candidates),
        "tokens": model.tokens,
        "code": best.code,
        "visible": score.visible,
        "hidden": score.hidden,
    }


MOST_DRAWS = 200
"""For an endpoint that counts next to nothing."""
