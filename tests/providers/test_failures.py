"""What an HTTP error means, and how long it asks to wait."""

import time

import pytest

from tests.providers.endpoint import (
    KEY,
    Server,
    ask,
    call,
    error,
)
from understudy.errors import (
    ContextOverflow,
    ProviderError,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from understudy.providers.failures import classify, retry_after

# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "bad value", Rejected),
        (400, "This model's maximum context length is 4096 tokens.", ContextOverflow),
        (400, "the request exceeds the available context size", ContextOverflow),
        (400, "prompt is too long: 250000 tokens > 200000 maximum", ContextOverflow),
        (400, "The input token count (5) exceeds the maximum number of tokens", ContextOverflow),
        (400, "Please reduce the length of the messages or completion.", ContextOverflow),
        (413, "Requested tokens (9) exceed context window of 8", ContextOverflow),
        (413, "Payload too large", Rejected),
        (422, "`inputs` tokens + `max_new_tokens` must be <= 2048.", ContextOverflow),
        (400, "max_tokens must be at least 1", Rejected),
        (400, "The response was filtered due to the content policy", Rejected),
        (400, "API key not valid. Please pass a valid API key.", Unauthorized),
        (401, "no", Unauthorized),
        (402, "Insufficient Balance", Unauthorized),
        (403, "no", Unauthorized),
        (403, "Your input was flagged by moderation", Rejected),
        (404, "no such model", Rejected),
        (405, "no", Rejected),
        (408, "late", Unavailable),
        (409, "busy", Unavailable),
        (422, "bad", Rejected),
        (425, "early", Unavailable),
        (429, "slow down", RateLimited),
        (429, "You exceeded your current quota. Please retry in 3s.", RateLimited),
        (429, "insufficient_quota", Unauthorized),
        (429, "Request too large for m: Limit 9, Requested 10. It must be reduced.", Rejected),
        (500, "oops", Unavailable),
        (501, "not implemented", Rejected),
        (502, "gateway", Unavailable),
        (529, "overloaded", Unavailable),
    ],
)
async def test_every_status_has_its_error(
    server: Server, status: int, message: str, kind: type[ProviderError]
) -> None:
    server.answer = lambda _: error(status, message)
    with pytest.raises(ProviderError) as caught:
        await ask(server, call())
    assert type(caught.value) is kind
    assert message.rstrip(".") in str(caught.value)
    assert f"{server.url}/chat/completions" in str(caught.value)
    assert "'m'" in str(caught.value)
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("status", "answered"), [(500, True), (409, True), (502, False), (503, False), (504, False)]
)
async def test_only_an_endpoint_that_is_alive_has_answered(
    server: Server, status: int, answered: bool
) -> None:
    server.answer = lambda _: error(status, "x")
    with pytest.raises(Unavailable) as caught:
        await ask(server, call())
    assert caught.value.answered is answered


NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("headers", "body", "wait"),
    [
        ({}, "", None),
        ({"Retry-After": "7"}, "", 7),
        ({"Retry-After": "1.5"}, "", 1.5),
        ({"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT"}, "", 30),
        ({"Retry-After": "Tue, 14 Nov 2023 22:13:10 GMT"}, "", 0),
        ({"Retry-After": "soon"}, "", None),
        ({"Retry-After": "nan"}, "", None),
        ({"Retry-After": "9", "retry-after-ms": "250"}, "", 0.25),
        ({"x-ratelimit-reset-requests": "6m0s"}, "", 360),
        ({"x-ratelimit-reset-tokens": "20ms", "x-ratelimit-reset-requests": "1s"}, "", 0.02),
        (
            {"x-ratelimit-reset-tokens": "20ms", "x-ratelimit-reset-requests": "1m2.5s",
             "x-ratelimit-remaining-tokens": "5", "x-ratelimit-remaining-requests": "0"},
            "", 62.5,
        ),
        ({"X-RateLimit-Reset": "1700000012"}, "", 12),
        ({"X-RateLimit-Reset": "1700000012500"}, "", 12.5),
        ({"x-ratelimit-reset": "2023-11-14T22:13:40Z"}, "", 20),
        ({}, '{"error": {"details": [{"retryDelay": "34.5s"}]}}', 34.5),
        ({}, '{"retry_after": 3}', 3),
        ({}, "Rate limit reached. Please try again in 1m2.5s. Visit", 62.5),
        ({}, "Please try again in 20ms.", 0.02),
        ({"Retry-After": "2"}, "Please try again in 20ms.", 2),
    ],
)  # fmt: skip
def test_the_wait_that_the_server_advises(
    headers: dict[str, str], body: str, wait: float | None
) -> None:
    from multidict import CIMultiDict

    found = retry_after(CIMultiDict(headers), body, NOW)
    assert found == (None if wait is None else pytest.approx(wait))


async def test_the_advised_wait_reaches_the_error(server: Server) -> None:
    server.answer = lambda _: error(429, "slow", headers={"Retry-After": "7"})
    with pytest.raises(RateLimited) as limited:
        await ask(server, call())
    assert limited.value.retry_after == 7
    server.answer = lambda _: error(503, "slow", headers={"Retry-After": "8"})
    with pytest.raises(Unavailable) as unavailable:
        await ask(server, call())
    assert unavailable.value.retry_after == 8


# ---------------------------------------------------------------- hostile words


@pytest.mark.parametrize(
    "pattern", ["prompt ", "api key ", "1m", '{"a":', "input tokens ", "messages "]
)
def test_a_hostile_error_takes_linear_time(pattern: str) -> None:
    body = (pattern * 200_000).encode()
    start = time.process_time()
    for status in (400, 403, 429):
        raised = classify(status, {}, body, url="http://x", model="m", secrets=(KEY,))
        assert len(str(raised)) < 700
    assert time.process_time() - start < 2
