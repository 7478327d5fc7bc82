"""A checkpoint inside a long method: `state = await memo("tick 500", fn)`.

What `fn` returns is journaled under the name. A resumed run reads it from there and does
not run `fn`, so a world of a thousand ticks is not replayed from its first.
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

import msgspec

from understudy.call.replay import question, replay
from understudy.call.scope import nest
from understudy.journal.effect import Effect, Journal, Stored
from understudy.journal.keys import plain

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

LARGEST_MEMO = 16 << 20
"""Bytes of JSON."""


@dataclass(frozen=True, slots=True)
class Memo:
    """The handle that a method keeps intermediate results with."""

    journal: Journal | None = field(default=None, repr=False)
    step: str = ""
    task: str = ""
    scope: str = ""
    role: str = "memo"
    _names: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]], repr=False)
    """Scope and name of every memo so far; shared by all scopes of a task."""

    def at(self, step: str, task: str, role: str = "memo") -> "Memo":
        """The memos of another unit of work."""
        return Memo(self.journal, step, task, "", role)

    def within(self, scope: str) -> "Memo":
        """The memos of one of several workers inside the task: their names are their own."""
        return replace(self, scope=nest(self.scope, scope))

    async def __call__(self, name: str, fn: Callable[[], Awaitable[Any]]) -> Any:
        """What `fn` returned when it was first run under this name: plain JSON, tuples as lists.

        Everything that `fn` decides must be in what it returns: in a resumed run nothing inside it
        happens, but for a run that was killed before the memo was written.

        Raises:
            ValueError: the name was used before in this scope, or what came is not plain JSON.
        """
        if (self.scope, name) in self._names:
            raise ValueError(
                f"{self.role}({name!r}): this name was used before in this task. Give each memo a "
                "name of its own, e.g. with the number of the round."
            )
        self._names.add((self.scope, name))
        effect = question(
            "memo", plain(_encode(name)), step=self.step, task=self.task, scope=self.scope,
            role=self.role,
        )  # fmt: skip
        return await replay(self.journal, effect, partial(self._run, name, fn), _read)

    async def _run(
        self, name: str, fn: Callable[[], Awaitable[Any]], effect: Effect
    ) -> tuple[Effect, Any]:
        value = await fn()
        where = f"{self.role}({name!r})"
        _check(value, where)
        reply = _encode(value)
        if len(reply) > LARGEST_MEMO:
            raise ValueError(
                f"{where}: expected at most {LARGEST_MEMO:,} bytes of JSON, found {len(reply):,}. "
                "Keep what is large in examples, or in several memos."
            )
        # Read back at once, so that the first run goes on with what a resumed one will have.
        return effect._replace(reply=reply), _decode(reply)


def _read(stored: Stored) -> Any:
    return _decode(stored.reply)


def _check(value: object, where: str) -> None:
    """Raise `ValueError` where JSON would change or refuse a value."""
    match value:
        case None | bool() | str() | int():
            if type(value) not in (type(None), bool, str, int):
                raise ValueError(f"{where}: expected plain JSON, found a {type(value).__name__}.")
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{where}: expected plain JSON, found the number {value}.")
        case list() | tuple():
            for i, item in enumerate(cast("list[object]", value)):
                _check(item, f"{where}[{i}]")
        case dict():
            for key, item in cast("dict[object, object]", value).items():
                if not isinstance(key, str):
                    raise ValueError(f"{where}: expected keys that are strings, found {key!r}.")
                _check(item, f"{where}[{key!r}]")
        case _:
            raise ValueError(
                f"{where}: expected plain JSON (text, numbers, lists, dicts with text as keys), "
                f"found a {type(value).__name__}."
            )
