"""What is kept of a task of Self-Refine: the answer, a preference pair, or the rewrites behind it."""

from itertools import pairwise
from typing import TYPE_CHECKING

from understudy.call.model import Model
from understudy.methods._self_refine_feedback import better
from understudy.methods._self_refine_prompts import Prompts
from understudy.methods._self_refine_trace import Cost, Version, best, record
from understudy.types import Example, Json, Message, Rejection, assistant

if TYPE_CHECKING:  # settings stand in the method's own file, which imports this one
    from understudy.methods.self_refine import Config


async def examples(
    asked: Prompts, trace: list[Version], stopped: str, cost: Cost, judge: Model, config: "Config"
) -> Example | Rejection | list[Example]:
    """What `keep` says."""
    chosen = best(trace)
    final = trace[chosen]
    evidence = ""
    if config.keep == "pairs":
        evidence = await proof(asked, trace, chosen, judge, config)
    meta: Json = {
        **asked.task.meta,
        "trace": record(trace),
        "stop_reason": stopped,
        "chosen": chosen,
        "feedback_source": "verifier (oracle)" if config.source == "verifier" else config.source,
        "cost": cost.as_json(),
    }
    scores = {} if final.score is None else {"score": final.score}
    prompt, answer = asked.answer(), assistant(final.text)
    if config.keep == "steps":
        rows = steps(asked, trace[: chosen + 1], meta)
        return rows or Rejection(reason="no rewrite", score=final.score, meta=meta)
    if config.keep == "answer":
        return example(asked, (*prompt, answer), scores, meta)
    if not evidence:
        return Rejection(reason="no better than the first", score=final.score, meta=meta)
    rejected = (assistant(trace[0].text),)
    return example(asked, (*prompt, answer), scores, meta | {"better_by": evidence}, rejected)


def example(
    asked: Prompts,
    messages: tuple[Message, ...],
    scores: dict[str, float],
    meta: Json,
    rejected: tuple[Message, ...] = (),
) -> Example:
    """An example with what the task knows."""
    task = asked.task
    return Example(
        messages=messages,
        rejected=rejected,
        reference=task.reference,
        choices=task.choices,
        tests=task.tests,
        scores=scores,
        meta=meta,
    )


def steps(asked: Prompts, trace: list[Version], meta: Json) -> list[Example]:
    """(x, y_t, fb_t) -> y_t+1 for each rewrite, with the scores before and after."""
    rows = list[Example]()
    path = [(t, version) for t, version in enumerate(trace) if version.accepted]
    for (t, old), (_, new) in pairwise(path):
        assert old.feedback is not None  # else nothing would have come after it
        known = {"before": old.score, "score": new.score}
        scores = {name: score for name, score in known.items() if score is not None}
        prompt = asked.refine([(old.text, old.feedback.text)])
        rows.append(example(asked, (*prompt, assistant(new.text)), scores, meta | {"step": t}))
    return rows


async def proof(
    asked: Prompts, trace: list[Version], chosen: int, judge: Model, config: "Config"
) -> str:
    """What shows that the chosen version is better than the first: the reference or all tests, where
    there are such; else scores; else the judge. Empty where nothing does."""
    old, new = trace[0], trace[chosen]
    if old.text == new.text:
        return ""
    if old.right is not None and new.right is not None:
        by = "tests" if config.source == "tests" else "reference"
        return by if new.right > old.right else ""
    if old.score is not None and new.score is not None:
        return "score" if new.score > old.score else ""
    compared = config.compare and not any(version.accepted for version in trace[1:chosen])
    if compared or await better(asked, old.text, new.text, judge, config):
        return "judge"
    return ""
