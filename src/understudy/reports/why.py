"""Why a task's rows are what they are: every call behind them, sent or reused, and what changed."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from understudy.errors import ConfigError, nearest
from understudy.journal.keys import scope_key
from understudy.journal.read import Entry, Records
from understudy.journal.rows import Row
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
        names = run.records.tasks_like(task[:3]) or run.records.tasks_like("")
        raise ConfigError(f"{run.path} has nothing of a task {task!r}{nearest(task, names)}")
    return "\n".join(parts)


def _step(run: Run, label: str, task: str) -> Iterator[str]:
    # A step's own tasks are named after the first step's: t7 made t7#1, t7#2, ...
    names = [task, *(n for n in run.records.tasks_like(f"{task}#", 50) if n != task)]
    for name in names:
        rows = run.records.rows_of(label, name)
        effects = list(run.records.effects(scope=scope_key(label, name)))
        if not rows and not effects:
            continue
        yield f"{label} / {name}"
        yield from (f"  made {_describe_row(row)}" for row in rows)
        if not rows:
            yield "  not finished: the same command continues here"
        yield from _calls(run, [effect for effect in effects if effect.kind == "call"])
        yield from (_describe_other(effect) for effect in effects if effect.kind != "call")


def _describe_row(row: Row) -> str:
    if row.kind == "example":
        return "an example"
    body = cast("dict[str, Any]", msgspec.json.decode(row.body))
    if row.kind == "failure":
        return f"a failure: {body['error']}: {body['message']}"
    score = f" (score {body['score']:g})" if body.get("score") is not None else ""
    return f"a rejection: {row.reason}{score}"


def _calls(run: Run, calls: list[Entry]) -> Iterator[str]:
    earlier = [flat for path in run.recipe.reuse for flat in _read_other(path, calls)]
    for flat in _flatten_calls(run.records, calls):
        call = flat.call
        reply = call.decode()
        usage = cast("dict[str, int]", reply.get("usage") or {})
        how = _origin(call)
        if not call.source and (difference := _compare(flat, earlier)) is not None:
            how += f", because {difference} differs from an earlier call"
        tokens = f"{usage.get('tokens_in', 0)} + {usage.get('tokens_out', 0)} tokens"
        role = f"{call.role}{_scope(call)}"
        yield f"  call as {role}, draw {call.draw}: {how}; {tokens}; {_start(reply)}"
        earlier.append(flat)


def _origin(effect: Entry) -> str:
    return f"reused from {effect.source}" if effect.source else f"sent in attempt {effect.attempt}"


def _scope(effect: Entry) -> str:
    return f" in {effect.scope}" if effect.scope else ""


def _describe_other(effect: Entry) -> str:
    """An effect that is not a model call."""
    if effect.kind == "sandbox":
        return _describe_program(effect)
    request = {"text": effect.request.decode(errors="replace")}
    return f"  {effect.kind}{_scope(effect)} ({effect.model}): {_origin(effect)}; {_start(request)}"


def _describe_program(effect: Entry) -> str:
    outcome = msgspec.json.decode(effect.reply, type=Outcome)
    source = str(msgspec.json.decode(effect.request).get("source", ""))
    passed = f", {sum(t.passed for t in outcome.tests)} of {len(outcome.tests)} tests passed"
    failure = outcome.first_failure
    why = outcome.error
    if not why and failure is not None:
        why = failure.error or f"{failure.test}: {failure.actual}"
    return (
        f"  program run in attempt {effect.attempt}{_scope(effect)} ({effect.model or 'not at all'}): "
        f"{outcome.status}{passed if outcome.tests else ''}{f'; {_cut(why)}' if why else ''}; "
        f"{_start({'text': source})}"
    )


def _cut(text: str, most: int = 100) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


class FlatCall(NamedTuple):
    """A call, and the part of its key that decides the reply, flat: `messages.0.content` to its text."""

    call: Entry
    content: dict[str, Any]


def _flatten_calls(records: Records, calls: Iterable[Entry]) -> list[FlatCall]:
    return [FlatCall(call, _content(records, call)) for call in calls]


def _content(records: Records, call: Entry) -> dict[str, Any]:
    request = cast("dict[str, Any]", msgspec.json.decode(call.request))
    messages = msgspec.to_builtins(records.messages(call))
    names = {"role": call.role, "scope": call.scope, "model": call.model, "draw": call.draw}
    return {**names, **flatten({**request, "messages": messages})}


def _read_other(run_dir: Path, calls: list[Entry]) -> list[FlatCall]:
    """The calls of the same step and task in another run's journal."""
    journal = run_dir / JOURNAL
    if not calls or not journal.is_file():
        return []
    records = Records(journal)
    try:
        others = records.calls(scope_key(calls[0].step, calls[0].task))
        return _flatten_calls(records, [call._replace(attempt=0) for call in others])
    finally:
        records.close()


def _compare(flat: FlatCall, earlier: Iterable[FlatCall]) -> str | None:
    """What differs from the most similar call of an earlier attempt, or of the run that was to be
    reused; None if there is none."""
    closest: list[str] | None = None
    for call, then in earlier:
        if call.attempt >= flat.call.attempt:
            continue
        now = flat.content
        keys = [key for key in sorted({*now, *then}) if now.get(key) != then.get(key)]
        if closest is None or len(keys) < len(closest):
            closest = keys
    return ", ".join(closest) if closest else None


def _start(reply: dict[str, Any]) -> str:
    text = " ".join(str(reply.get("text", "")).split())
    return repr(_cut(text, 60))
