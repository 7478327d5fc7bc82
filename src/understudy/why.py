"""Why a task's rows are what they are: every call behind them, sent or reused, and what changed."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from understudy.errors import ConfigError
from understudy.journal import scope_key
from understudy.recipe import SEEDS, flatten
from understudy.records import KeptCall, Records, Row
from understudy.registry import nearest
from understudy.report import Run


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
        calls = list(run.records.calls(scope_key(label, name)))
        if not rows and not calls:
            continue
        yield f"{label} / {name}"
        yield from (f"  made {_made(row)}" for row in rows)
        if not rows:
            yield "  not finished: the same command goes on here"
        yield from _calls(run, calls)


def _made(row: Row) -> str:
    if row.kind == "example":
        return "an example"
    body = cast("dict[str, Any]", msgspec.json.decode(row.body))
    if row.kind == "failure":
        return f"a failure: {body['error']}: {body['message']}"
    score = f" (score {body['score']:g})" if body.get("score") is not None else ""
    return f"a rejection: {row.reason}{score}"


def _calls(run: Run, calls: list[KeptCall]) -> Iterator[str]:
    others = [Path(str(path)) / "journal.db" for path in run.recipe.reuse]
    earlier = [call for other in others for call in _of_other(other, calls)]
    for call in calls:
        reply = cast("dict[str, Any]", msgspec.json.decode(call.reply))
        usage = cast("dict[str, int]", reply.get("usage") or {})
        how = f"sent in session {call.session}"
        if call.source:
            how = f"reused from {call.source}"
        elif (changed := _changed(call, earlier)) is not None:
            how += f", because {changed} differs from an earlier call"
        tokens = f"{usage.get('tokens_in', 0)} + {usage.get('tokens_out', 0)} tokens"
        yield f"  call as {call.role}, draw {call.draw}: {how}; {tokens}; {_start(reply)}"
        earlier.append(call)


def _of_other(path: Path, calls: list[KeptCall]) -> Iterable[KeptCall]:
    """The calls of the same scope in another run's journal."""
    if not calls or not path.is_file():
        return []
    records = Records(path)
    try:
        return list(records.calls(scope_key(calls[0].step, calls[0].task)))
    finally:
        records.close()


def _changed(call: KeptCall, earlier: Iterable[KeptCall]) -> str | None:
    """What differs from the most similar call that an earlier session, or the run that was to be
    reused, made in the same role; None if there is none."""
    now = flatten(msgspec.json.decode(call.request))
    closest: list[str] | None = None
    for other in earlier:
        if other.role != call.role or (other.session == call.session and not _foreign(call, other)):
            continue
        then = flatten(msgspec.json.decode(other.request))
        keys = [k for k in sorted({*now, *then}) if now.get(k) != then.get(k)]
        if other.draw != call.draw:
            keys.append("draw")
        if keys and (closest is None or len(keys) < len(closest)):
            closest = keys
    return None if closest is None else ", ".join(closest)


def _foreign(call: KeptCall, other: KeptCall) -> bool:
    return other is not call and other.source != call.source


def _start(reply: dict[str, Any]) -> str:
    text = " ".join(str(reply.get("text", "")).split())
    return repr(text if len(text) <= 60 else text[:59] + "…")
