"""Why a task's rows are what they are: every call behind them, sent or reused, and what changed."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from understudy.errors import ConfigError, nearest
from understudy.journal.read import KeptCall, KeptExecution, Records, Row
from understudy.journal.write import scope_key
from understudy.runs.reader import Run
from understudy.runs.recipe import SEEDS
from understudy.runs.resolve import flatten
from understudy.runs.run_dir import JOURNAL
from understudy.sandbox.protocol import Outcome


def why(run: Run, task: str) -> str:
    """The account of one task, step by step.

    Raises:
        ConfigError: the run knows no such task.
    """
    parts = [part for label in (SEEDS, *run.labels) for part in _step(run, label, task)]
    if not parts:
        known = run.records.tasks_like(task[:3]) or run.records.tasks_like("")
        raise ConfigError(f"{run.path} has nothing of a task {task!r}{nearest(task, known)}")
    return "\n".join(parts)


def _step(run: Run, label: str, task: str) -> Iterator[str]:
    # A step's own tasks are named after the first step's: t7 made t7#1, t7#2, ...
    names = [task, *(n for n in run.records.tasks_like(f"{task}#", 50) if n != task)]
    for name in names:
        rows = run.records.rows_of(label, name)
        scope = scope_key(label, name)
        calls, programs = list(run.records.calls(scope)), list(run.records.executions(scope))
        if not rows and not calls and not programs:
            continue
        yield f"{label} / {name}"
        yield from (f"  made {_made(row)}" for row in rows)
        if not rows:
            yield "  not finished: the same command goes on here"
        yield from _calls(run, calls)
        yield from map(_program, programs)


def _made(row: Row) -> str:
    if row.kind == "example":
        return "an example"
    body = cast("dict[str, Any]", msgspec.json.decode(row.body))
    if row.kind == "failure":
        return f"a failure: {body['error']}: {body['message']}"
    score = f" (score {body['score']:g})" if body.get("score") is not None else ""
    return f"a rejection: {row.reason}{score}"


def _calls(run: Run, calls: list[KeptCall]) -> Iterator[str]:
    earlier = _asked([call for path in run.recipe.reuse for call in _of_other(path, calls)])
    for asked in _asked(calls):
        call = asked.call
        reply = cast("dict[str, Any]", msgspec.json.decode(call.reply))
        usage = cast("dict[str, int]", reply.get("usage") or {})
        how = f"sent in session {call.session}"
        if call.source:
            how = f"reused from {call.source}"
        elif (changed := _changed(asked, earlier)) is not None:
            how += f", because {changed} differs from an earlier call"
        tokens = f"{usage.get('tokens_in', 0)} + {usage.get('tokens_out', 0)} tokens"
        yield f"  call as {call.role}, draw {call.draw}: {how}; {tokens}; {_start(reply)}"
        earlier.append(asked)


def _program(kept: KeptExecution) -> str:
    outcome = msgspec.json.decode(kept.outcome, type=Outcome)
    source = str(msgspec.json.decode(kept.program).get("source", ""))
    passed = f", {sum(t.passed for t in outcome.tests)} of {len(outcome.tests)} tests passed"
    failure = outcome.first_failure
    why = outcome.error
    if not why and failure is not None:
        why = failure.error or f"{failure.test}: {failure.actual}"
    return (
        f"  program run in session {kept.session} ({kept.isolation or 'not at all'}): "
        f"{outcome.status}{passed if outcome.tests else ''}{f'; {_cut(why)}' if why else ''}; "
        f"{_start({'text': source})}"
    )


def _cut(text: str, most: int = 100) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


class Asked(NamedTuple):
    """A call, and the part of its key that says what was asked, flat."""

    call: KeptCall
    content: dict[str, Any]


def _asked(calls: list[KeptCall]) -> list[Asked]:
    bodies = {call.request_hash: call.request for call in calls if call.request is not None}
    return [
        Asked(call, {
            "role": call.role, "model": call.model, "draw": call.draw,
            **flatten(msgspec.json.decode(bodies.get(call.request_hash, b"{}"))),
        })
        for call in calls
    ]  # fmt: skip


def _of_other(folder: Path, calls: list[KeptCall]) -> list[KeptCall]:
    """The calls of the same scope in another run's journal."""
    journal = folder / JOURNAL
    if not calls or not journal.is_file():
        return []
    records = Records(journal)
    try:
        return [
            call._replace(session=0)
            for call in records.calls(scope_key(calls[0].step, calls[0].task))
        ]
    finally:
        records.close()


def _changed(asked: Asked, earlier: Iterable[Asked]) -> str | None:
    """What differs from the most similar call of an earlier session, or of the run that was to be
    reused; None if there is none."""
    closest: list[str] | None = None
    for call, then in earlier:
        if call.session >= asked.call.session:
            continue
        now = asked.content
        keys = [key for key in sorted({*now, *then}) if now.get(key) != then.get(key)]
        if closest is None or len(keys) < len(closest):
            closest = keys
    return ", ".join(closest) if closest else None


def _start(reply: dict[str, Any]) -> str:
    text = " ".join(str(reply.get("text", "")).split())
    return repr(_cut(text, 60))
