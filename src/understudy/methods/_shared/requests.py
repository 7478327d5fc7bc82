"""A request of a method over a pool whose refusal must not cost the other tasks."""

from typing import NamedTuple

from understudy.call.model import Model
from understudy.errors import NotRecorded, Rejected, Unauthorized
from understudy.types import Reply, Sampling

REFUSED = "request refused"
"""The reason of a rejection for want of a reply."""


class Refusal(NamedTuple):
    """The endpoint will not answer this request, however often it is sent."""

    error: str
    """The endpoint's words."""


async def try_request(
    model: Model, prompt: str, sampling: Sampling, *, raw: bool
) -> Reply | Refusal:
    """A reply, or the refusal of this one request; `raw` has the text continued without a chat
    template. A refusal that concerns every request, such as a wrong key, is raised."""
    try:
        return await (model.complete(prompt, sampling) if raw else model.chat(prompt, sampling))
    except (Unauthorized, NotRecorded):
        raise
    except Rejected as refusal:
        return Refusal(str(refusal))
