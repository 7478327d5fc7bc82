"""What is kept of a task: the answer, a preference pair, or the rewrites that led to the answer."""

from collections.abc import Sequence
from itertools import pairwise

from understudy.types import Example, Json, Rejection, assistant

from .feedback import Critics
from .prompts import TaskPrompts
from .trace import Version


def build_answer(prompts: TaskPrompts, final: Version, meta: Json) -> Example:
    """The task and the chosen version."""
    messages = (*prompts.for_answer(), assistant(final.text))
    return prompts.task.example(messages, _scores(score=final.score), **meta)


def build_pair(
    prompts: TaskPrompts, trace: Sequence[Version], chosen: int, evidence: str, meta: Json
) -> Example | Rejection:
    """The chosen version as preferred to the first one, where something shows that it is better."""
    final = trace[chosen]
    if not evidence:
        return Rejection(reason="no better than the first", score=final.score, meta=meta)
    messages = (*prompts.for_answer(), assistant(final.text))
    worse = (assistant(trace[0].text),)
    scores = _scores(score=final.score)
    return prompts.task.example(messages, scores, worse, **meta | {"better_by": evidence})


def build_steps(
    prompts: TaskPrompts, trace: Sequence[Version], chosen: int, meta: Json
) -> list[Example] | Rejection:
    """(x, y_t, fb_t) -> y_t+1 for each rewrite up to the chosen version, with the scores before and
    after it."""
    rows = list[Example]()
    accepted = [(t, version) for t, version in enumerate(trace[: chosen + 1]) if version.accepted]
    for (t, old), (_, new) in pairwise(accepted):
        assert old.feedback is not None  # else nothing would have come after it
        prompt = prompts.for_rewrite([(old.text, old.feedback.text)])
        scores = _scores(before=old.score, score=new.score)
        messages = (*prompt, assistant(new.text))
        rows.append(prompts.task.example(messages, scores, **meta | {"step": t}))
    return rows or Rejection(reason="no rewrite", score=trace[chosen].score, meta=meta)


async def find_evidence(
    critics: Critics, trace: Sequence[Version], chosen: int, *, compares: bool
) -> str:
    """What shows that the chosen version is better than the first: the reference or all tests, where
    there are such; else scores; else the judge. Empty where nothing does. `compares` where the judge
    has compared each version with the one before."""
    old, new = trace[0], trace[chosen]
    if old.text == new.text:
        return ""
    if old.right is not None and new.right is not None:
        by = "tests" if critics.source == "tests" else "reference"
        return by if new.right > old.right else ""
    if old.score is not None and new.score is not None:
        return "score" if new.score > old.score else ""
    # Of these two the judge has said so already where no version between them was accepted.
    settled = compares and not any(version.accepted for version in trace[1:chosen])
    return "judge" if settled or await critics.prefer(new.text, old.text) else ""


def _scores(**scores: float | None) -> dict[str, float]:
    return {name: score for name, score in scores.items() if score is not None}
