"""What Self-Debug keeps of a task: its programs as training data, and all that led to them."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from understudy.call.model import gather
from understudy.methods._self_debug_gaming import special_cased
from understudy.methods._self_debug_programs import Source, fenced
from understudy.methods._self_debug_prompts import Seen, What
from understudy.methods._self_debug_runs import Problem, Score, score
from understudy.types import Example, Json, Message, Rejection, assistant

Keep = Literal["solution", "repair", "preference", "critique"]
Accept = Literal["visible", "hidden", "all"]
Stop = Literal["visible_pass", "model_says_correct", "max_turns", "repeat", "window_full"]


class Attempt(NamedTuple):
    """One program, and what was said about it."""

    source: Source
    reply: str
    seen: Seen | None
    """None where it was not executed in the loop."""
    said: dict[What, str]
    """What the model said when it was asked about it."""
    verdict: str
    """`right`, `wrong`, or empty where it gave none."""
    messages: tuple[Message, ...]
    """The reply, all that was asked and said about it, and the request for a better one."""
    score: Score = Score(None, None)

    def as_json(self, turn: int, kind: str) -> Json:
        """As it stands in `meta`."""
        seen = self.seen
        found: Json = {
            "turn": turn,
            "code": self.source.code,
            "status": seen.status if seen else None,
            "failed_test": seen.test if seen else None,
            "outcome": seen.text if seen else None,
            "feedback": kind
            if self.said or self.messages[-1:] != (assistant(self.reply),)
            else None,
            "verdict": self.verdict or None,
            "question": self.said.get("question"),
            "explanation": self.said.get("explanation"),
            "trace": self.said.get("trace") or (seen.trace if seen else None) or None,
        }
        kept = {key: value for key, value in found.items() if value not in (None, "")}
        return kept | {"visible": self.score.visible, "hidden": self.score.hidden}

    def passes(self, accept: Accept) -> bool:
        """Whether it is good enough to be kept: without visible tests the model's word counts."""
        if accept == "all":
            return True
        if accept == "hidden":
            return self.score.hidden is True
        return self.score.visible or (self.score.visible is None and self.verdict == "right")

    @property
    def truth(self) -> bool | None:
        """Whether it is right, as far as tests can tell."""
        return self.score.visible if self.score.hidden is None else self.score.hidden


def made(
    problem: Problem,
    attempts: Sequence[Attempt],
    stop: Stop,
    meta: Json,
    keep: Sequence[Keep],
    accept: Accept,
) -> list[Example | Rejection]:
    """The examples of the kinds in `keep`, and a rejection where the last program is not accepted."""
    rows = list[Example | Rejection]()
    last = attempts[-1]
    if last.passes(accept) and last.source.code.strip():
        for kind in keep:
            if kind != "critique":
                rows += _accepted(problem, attempts, meta, kind, accept)
    else:
        rows.append(Rejection(reason=_reason(last, stop, accept), meta=meta))
    if "critique" in keep:
        rows[:0] = _critiques(problem, attempts, meta)
    return rows or [Rejection(reason="nothing to learn from", meta=meta)]


def _reason(last: Attempt, stop: Stop, accept: Accept) -> str:
    if not last.source.code.strip():
        return "no program"
    if accept == "hidden":
        return "no hidden tests" if last.score.hidden is None else "fails the hidden tests"
    if last.score.visible is None:
        return f"not judged right ({stop})"
    return f"fails the visible tests ({stop})"


def _accepted(
    problem: Problem, attempts: Sequence[Attempt], meta: Json, kind: Keep, accept: Accept
) -> Iterator[Example]:
    last, language = attempts[-1], _label(problem)
    final = assistant(fenced(last.source.code, language))
    if kind == "solution":
        yield _example(problem, (final,), last, meta, kind)
        return
    # What is better than what: under `accept=all` the tests know, else the rule that accepts.
    rule: Accept = accept
    better = last.truth if accept == "all" else True
    wrong = [one for one in attempts[:-1] if _is_wrong(one, rule) and one.source.code.strip()]
    if not better or not wrong:
        return
    if kind == "repair" and wrong[-1] is attempts[-2]:
        yield _example(problem, (*wrong[-1].messages, final), last, meta, kind)
    elif kind == "preference":
        rejected = (assistant(fenced(wrong[0].source.code, language)),)
        yield _example(problem, (final,), last, meta, kind, rejected)


def _is_wrong(attempt: Attempt, accept: Accept) -> bool:
    return attempt.truth is False if accept == "all" else not attempt.passes(accept)


def _critiques(problem: Problem, attempts: Sequence[Attempt], meta: Json) -> Iterator[Example]:
    """What the model said about a program, verdict last, where the tests say the same."""
    for attempt in attempts:
        if attempt.verdict and attempt.truth is (attempt.verdict == "right"):
            # The verdict is the last thing asked; a request for a better program may follow it.
            asked = attempt.messages[: 1 + 2 * len(attempt.said)]
            yield _example(problem, asked, attempt, meta, "critique")


def _example(
    problem: Problem,
    turns: tuple[Message, ...],
    attempt: Attempt,
    meta: Json,
    kind: Keep,
    rejected: tuple[Message, ...] = (),
) -> Example:
    score = attempt.score
    known = {"visible": score.visible, "hidden": score.hidden}
    return Example(
        messages=(*problem.conversation, *turns),
        rejected=rejected,
        reference=problem.task.reference,
        tests=problem.task.tests,
        scores={name: float(value) for name, value in known.items() if value is not None},
        meta=meta | {"format": kind},
    )


def _label(problem: Problem) -> str:
    return "sql" if problem.manner.language == "sql" else "python"


# What the attempts come to


async def scored(problem: Problem, attempts: Sequence[Attempt]) -> list[Attempt]:
    """The attempts with what all tests say of them: of each program once, and only now."""
    different = {attempt.source: attempt.seen for attempt in attempts}
    scores = await gather(score(problem, y, seen) for y, seen in different.items())
    found = dict(zip(different, scores, strict=True))
    return [attempt._replace(score=found[attempt.source]) for attempt in attempts]


def gamed(attempts: Sequence[Attempt], visible: Sequence[str]) -> list[str]:
    """The visible tests that the last program, where it is a repair, has by name."""
    if len(attempts) < 2:
        return []
    return special_cased(attempts[-1].source.code, attempts[0].source.code, visible)
