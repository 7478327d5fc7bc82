"""What Self-Debug keeps of a task: its programs as training data."""

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from understudy.methods._shared.programs import fence
from understudy.types import Example, Json, Message, Rejection, assistant

from .conversation import Attempt
from .problem import Problem

Keep: TypeAlias = Literal["solution", "repair", "preference", "critique"]
Accept: TypeAlias = Literal["visible", "hidden", "all"]
Stop: TypeAlias = Literal[
    "visible_pass", "model_says_correct", "max_turns", "repeat", "window_full"
]


def build_rows(
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
    if passes(last, accept) and last.candidate.code.strip():
        for kind in keep:
            if kind != "critique":
                rows += _build_solutions(problem, attempts, meta, kind, accept)
    else:
        rows.append(Rejection(reason=_find_reason(last, stop, accept), meta=meta))
    if "critique" in keep:
        rows[:0] = _build_critiques(problem, attempts, meta)
    return rows or [Rejection(reason="nothing to learn from", meta=meta)]


def passes(attempt: Attempt, accept: Accept) -> bool:
    """Whether a program is good enough. Without visible tests the model's word counts."""
    if accept == "all":
        return True
    score = attempt.score
    if accept == "hidden":
        return score.hidden is True
    return attempt.verdict == "right" if score.visible is None else score.visible


def _find_reason(last: Attempt, stop: Stop, accept: Accept) -> str:
    if not last.candidate.code.strip():
        return "no program"
    if accept == "hidden":
        return "no hidden tests" if last.score.hidden is None else "fails the hidden tests"
    if last.score.visible is None:
        return f"not judged right ({stop})"
    return f"fails the visible tests ({stop})"


def _build_solutions(
    problem: Problem, attempts: Sequence[Attempt], meta: Json, kind: Keep, accept: Accept
) -> Iterator[Example]:
    *earlier, last = attempts
    final = _show(problem, last)
    if kind == "solution":
        yield _build_example(problem, (final,), last, meta, kind)
        return
    # What is better than what: under `accept=all` the tests know, else the rule that accepts.
    better = last.truth if accept == "all" else True
    wrong = [one for one in earlier if _is_wrong(one, accept) and one.candidate.code.strip()]
    if not better or not wrong:
        return
    if kind == "repair" and wrong[-1] is earlier[-1]:
        yield _build_example(problem, (*wrong[-1].messages, final), last, meta, kind)
    elif kind == "preference":
        worse = (_show(problem, wrong[0]),)
        yield _build_example(problem, (final,), last, meta, kind, worse)


def _is_wrong(attempt: Attempt, accept: Accept) -> bool:
    return attempt.truth is False if accept == "all" else not passes(attempt, accept)


def _build_critiques(
    problem: Problem, attempts: Sequence[Attempt], meta: Json
) -> Iterator[Example]:
    """What the model said about a program, verdict last, where the tests say the same."""
    for attempt in attempts:
        if attempt.verdict and attempt.truth is (attempt.verdict == "right"):
            # The verdict is asked last. A request for a better program may follow it.
            turns = attempt.messages[: 1 + 2 * len(attempt.answers)]
            yield _build_example(problem, turns, attempt, meta, "critique")


def _build_example(
    problem: Problem,
    turns: tuple[Message, ...],
    attempt: Attempt,
    meta: Json,
    kind: Keep,
    rejected: tuple[Message, ...] = (),
) -> Example:
    score = attempt.score._asdict().items()
    return problem.task.example(
        (*problem.conversation, *turns),
        {name: float(value) for name, value in score if value is not None},
        rejected,
        **meta | {"format": kind},
    )


def _show(problem: Problem, attempt: Attempt) -> Message:
    return assistant(fence(attempt.candidate.code, problem.language.label))
