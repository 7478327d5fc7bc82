"""One request of a method over a pool, whose refusal must not cost the others."""

from understudy.call.model import Model
from understudy.errors import NotRecorded, Rejected, Unauthorized
from understudy.types import Reply, Sampling


async def asked(model: Model, prompt: str, sampling: Sampling, *, raw: bool) -> Reply | str:
    """A reply; or the endpoint's words where it refuses this one request for good."""
    try:
        return await (model.complete(prompt, sampling) if raw else model.chat(prompt, sampling))
    except (Unauthorized, NotRecorded):
        raise
    except Rejected as refusal:
        return str(refusal)


REFUSED = "request refused"
"""Why nothing came of it, as the reason of a rejection."""
