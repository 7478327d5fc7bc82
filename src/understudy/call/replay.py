"""How every effect happens: it is read from the journal, or done, written, and only then returned.

A model call, a program in the sandbox, an embedding and a memo differ in how they are done and how
their outcome is read. They go through the same function.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from understudy.journal.effect import Effect, Journal, Stored
from understudy.journal.keys import effect_key
from understudy.types import Canonical, Usage

T = TypeVar("T")


def question(
    kind: str,
    request: Canonical,
    *,
    step: str = "",
    task: str = "",
    scope: str = "",
    role: str = "",
    draw: int = 0,
    model: str = "",
    endpoint: str = "",
    revision: str = "",
    usage: Usage | None = None,
) -> Effect:
    """An effect without its outcome. All that is named here is in its key."""
    who = "\0".join((endpoint, model, revision))
    key = effect_key(kind, step, task, scope, role, who, request.hash, draw)
    return Effect(
        key, kind, step, task, scope, role, draw, model, request, b"", usage, endpoint=endpoint
    )


async def replay(
    journal: Journal | None,
    effect: Effect,
    do: Callable[[Effect], Awaitable[tuple[Effect, T]]],
    read: Callable[[Stored], T],
) -> T:
    """What came of an effect: read from the journal, or else `do` gives the effect with its outcome.

    Without a journal, as in a notebook, it is always done.
    """
    stored = journal.get(effect.key) if journal is not None else None
    if stored is not None and journal is not None:
        if stored.source:
            reply, text, source = stored.reply, stored.text, stored.source
            await journal.put([effect._replace(reply=reply, text=text, source=source)])
        return read(stored)
    effect, outcome = await do(effect)
    if journal is not None:
        await journal.put([effect])
    return outcome
