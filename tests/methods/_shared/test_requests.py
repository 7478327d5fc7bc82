"""A refusal of one request is data; one that concerns all requests is raised."""

from collections.abc import Callable

import pytest

from understudy.call.model import Model
from understudy.errors import ContextOverflow, NotRecorded, Rejected, Unauthorized, Unavailable
from understudy.methods._shared.requests import Refusal, try_request
from understudy.providers.scripted import Scripted
from understudy.types import Call, Reply, Sampling, user

COLD = Sampling(temperature=0.0)


async def ask(script: Callable[[Call], str], *, raw: bool = False) -> tuple[Reply | Refusal, Call]:
    provider = Scripted(script)
    reply = await try_request(Model.over("m", provider), "Name a prime.", COLD, raw=raw)
    return reply, provider.calls[0].calls[0]


async def test_a_reply_comes_as_it_is() -> None:
    reply, call = await ask(lambda _: "7")
    assert isinstance(reply, Reply)
    assert reply.text == "7"
    assert call.request.messages == (user("Name a prime."),)
    assert call.request.sampling == COLD


async def test_a_base_model_continues_the_text() -> None:
    _, call = await ask(lambda _: "7", raw=True)
    assert (call.request.messages, call.request.prompt) == ((), "Name a prime.")


@pytest.mark.parametrize("error", [Rejected("400: no"), ContextOverflow("too long")])
@pytest.mark.parametrize("raw", [False, True])
async def test_a_refusal_is_data_in_the_endpoints_words(error: Exception, raw: bool) -> None:
    def refuse(_: Call) -> str:
        raise error

    reply, _ = await ask(refuse, raw=raw)
    assert reply == Refusal(str(error))


@pytest.mark.parametrize("error", [Unauthorized("401"), NotRecorded("?"), Unavailable("503")])
async def test_what_concerns_every_request_is_raised(error: Exception) -> None:
    def refuse(_: Call) -> str:
        raise error

    with pytest.raises(type(error)):
        await ask(refuse)
