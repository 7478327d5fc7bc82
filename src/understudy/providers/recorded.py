"""Replays a file of recorded replies, and makes such a file from any run's journal.

One JSON object per line: `task` (the task's id), `reply` (its fields, or just its text), and where
the recording has them `draw`, `role`, `step`, `scope` and `request` (the digest of what was asked).

A line with a `request` answers that request only. Lines without one are written by hand or converted
from somebody's logs: they answer by task and draw, whatever is asked. Where `draw` is missing, the
lines of a task are its draws 0, 1, 2 ... in order. A call without a recorded reply fails:
nothing is made up.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from understudy.errors import ConfigError, NotRecorded
from understudy.journal.keys import canonical
from understudy.journal.read import Records
from understudy.providers.table import Target
from understudy.types import Call, Json, Reply, Value, WireCall


class Line(Value, frozen=True, kw_only=True):
    """One recorded reply."""

    task: str
    reply: str | Json
    draw: int | None = None
    role: str = ""
    step: str = ""
    scope: str = ""
    request: str = ""


def connect(target: Target) -> "Recorded":
    """The recording in the file that a model string names.

    Raises:
        ConfigError: it is none.
    """
    return Recorded(Path(target.model))


class Recorded:
    """A provider that holds every reply it will ever give."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._replies: dict[tuple[object, ...], Reply] = {}
        self._tasks: set[str] = set()
        count: dict[str, int] = {}
        for number, line in _lines(file):
            try:
                reply = (
                    Reply(text=line.reply)
                    if isinstance(line.reply, str)
                    else msgspec.convert(line.reply, Reply)
                )
            except msgspec.ValidationError as error:
                raise ConfigError(
                    f"{file}:{number}: expected a recorded reply, found: {error}"
                ) from None
            draw = line.draw
            if draw is None:
                draw = count.get(line.task, 0)
                count[line.task] = draw + 1
            key = (line.task, draw)
            if line.request:
                key = (line.step, line.task, line.scope, line.role, line.request, draw)
            if key in self._replies:
                raise ConfigError(
                    f"{file}:{number}: expected one reply for draw {draw} of task {line.task!r}, "
                    "found a second."
                )
            self._replies[key] = reply
            self._tasks.add(line.task)

    async def __call__(self, wire: WireCall, /) -> Sequence[Reply]:
        """The recorded draws.

        Raises:
            NotRecorded: one of them is not in the file.
        """
        digest = canonical(wire.request).hash.hex()
        return [self._find(call, digest) for call in wire.calls]

    async def close(self) -> None:
        """Nothing to close."""

    def _find(self, call: Call, digest: str) -> Reply:
        draw = call.draw
        exact = (call.step, call.task, call.scope, call.role, digest, draw)
        reply = self._replies.get(exact) or self._replies.get((call.task, draw))
        if reply is not None:
            return reply
        if call.task not in self._tasks:
            raise NotRecorded(f"{self._file} has no reply for task {call.task!r}.")
        raise NotRecorded(
            f"{self._file} has no reply for draw {draw} of this request of task {call.task!r} "
            f"(role {call.role}). Ask for fewer draws, or record the run again."
        )


def record(records: Records, file: Path) -> int:
    """Write every reply of a run's journal to `file`, so that `recorded:FILE` replays the run.
    Returns how many."""
    encode = msgspec.json.Encoder().encode
    lines = 0
    with file.open("wb") as out:
        for call in records.calls():
            line = Line(
                task=call.task,
                reply=call.decode(),
                draw=call.draw,
                role=call.role,
                step=call.step,
                scope=call.scope,
                request=records.request_hash(call).hex(),
            )
            out.write(encode(line) + b"\n")
            lines += 1
    return lines


def _lines(file: Path) -> Iterator[tuple[int, Line]]:
    decode = msgspec.json.Decoder(Line).decode
    try:
        with file.open("rb") as lines:
            for number, text in enumerate(lines, 1):
                if text.strip():
                    try:
                        yield number, decode(text)
                    except msgspec.MsgspecError as error:
                        raise ConfigError(
                            f"{file}:{number}: expected a recorded reply, found: {error}"
                        ) from None
    except OSError as error:
        raise ConfigError(f"{file}: expected recorded replies, {error.strerror}.") from None
