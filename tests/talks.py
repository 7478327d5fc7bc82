"""Long conversations of two agents."""

import hashlib

from understudy.call.model import Model
from understudy.types import Call, Message, assistant, user

TURNS, LENGTH = 40, 650


def lengthy(call: Call) -> str:
    """A reply of 650 characters that comes once."""
    seed = f"{call.task} {call.role} {len(call.request.messages)}".encode()
    text = "".join(hashlib.sha256(seed + bytes([i])).hexdigest() for i in range(11))
    return text[:LENGTH]


async def talk(a: Model, b: Model, turns: int = TURNS) -> None:
    """Two agents: what one says is the user's turn of the other."""
    heard: list[Message] = [user("Begin.")]
    told: list[Message] = []
    for _ in range(turns):
        line = await a.ask(heard)
        heard.append(assistant(line))
        told.append(user(line))
        answer = await b.ask(told)
        told.append(assistant(answer))
        heard.append(user(answer))
