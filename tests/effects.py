"""Effects that the tests of the journal write."""

from typing import Any

from understudy.journal.effect import Effect
from understudy.journal.keys import plain
from understudy.types import Usage


def effect(number: int, **fields: Any) -> Effect:
    """The reply to a call of a task of its own."""
    values: dict[str, Any] = {
        "key": b"%024d" % number, "kind": "call", "step": "s", "task": f"t{number}", "scope": "",
        "role": "r", "draw": 0, "model": "m", "request": plain(b"{}"), "reply": b"{}",
        "usage": Usage(tokens_in=2, tokens_out=3), "cost": 0.5, "endpoint": "e", "text": f"{number}",
    }  # fmt: skip
    return Effect(**{**values, **fields})
