"""Embeddings of OpenAI's dialect."""

import math
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.endpoint import KEY, Server, error
from understudy.errors import ProviderError, RateLimited, Rejected, Unavailable
from understudy.providers.dialect import Embeddings
from understudy.providers.openai.embeddings import MOST_DIMENSIONS, decode
from understudy.types import Usage


def answer(*vectors: Any, usage: Any = None) -> web.Response:
    data = [{"index": i, "embedding": vector} for i, vector in enumerate(vectors)]
    return web.json_response({"data": data, "usage": usage})


async def embed(server: Server, *texts: str) -> Embeddings:
    provider = server.provider()
    try:
        return await provider.embed("m", texts)
    finally:
        await provider.close()


async def test_every_text_gets_its_vector_in_one_request(server: Server) -> None:
    server.answer = lambda body: answer([0.5, 1], [2, 3], usage={"prompt_tokens": 7})

    vectors, usage = await embed(server, "a", "b")

    assert server.requests[0].path == "/v1/embeddings"
    assert server.bodies == [{"model": "m", "input": ["a", "b"], "encoding_format": "float"}]
    assert vectors == [[0.5, 1.0], [2.0, 3.0]]
    assert usage == Usage(tokens_in=7)


def test_vectors_come_in_the_order_of_their_index() -> None:
    data = [{"index": 1, "embedding": [2]}, {"index": 0, "embedding": [1]}]
    assert decode({"data": data}, ["a", "b"]).vectors == [[1.0], [2.0]]
    bare = [{"embedding": [2]}, {"embedding": [1]}]
    assert decode({"data": bare}, ["a", "b"]).vectors == [[2.0], [1.0]]


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        ([[1.0]], "expected 2 vectors, found 1"),
        ([[1.0], [1.0], [1.0]], "expected 2 vectors, found 3"),
        ([[1.0], [1.0, 2.0]], "of one length"),
        ([[1.0], []], "expected a vector, found array of 0 items"),
        ([[1.0], "x"], "expected a vector, found string"),
        ([[1.0], ["x"]], "of numbers"),
        ([[1.0], [True]], "of numbers"),
        ([[1.0], [1e300]], "of finite numbers"),
        ([[1.0], [10**30, 10**40]], "of finite numbers"),
        ([[0.0] * (MOST_DIMENSIONS + 1)] * 2, "expected a vector"),
    ],
)
async def test_what_is_no_vector_is_no_usable_answer(
    server: Server, vectors: list[Any], words: str
) -> None:
    server.answer = lambda body: answer(*vectors)
    with pytest.raises(Unavailable, match=words) as caught:
        await embed(server, "a", "b")
    assert caught.value.answered


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": -1}, {"prompt_tokens": 10**25}, "x"])
def test_a_count_that_cannot_be_is_unknown(usage: Any) -> None:
    body = {"data": [{"embedding": [1]}], "usage": usage}
    assert decode(body, ["a"]).usage is None


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Rejected), (429, RateLimited), (500, Unavailable)]
)
async def test_refusals_are_those_of_every_request(
    server: Server, status: int, kind: type[ProviderError]
) -> None:
    server.answer = lambda body: error(status, f"no {KEY}")
    with pytest.raises(kind) as caught:
        await embed(server, "a")
    assert KEY not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["index", "embedding", "data", "usage"]), inner)
    ),
)


@given(st.dictionaries(st.sampled_from(["data", "usage"]), JSON))
def test_any_answer_gives_finite_vectors_or_a_reason(body: Any) -> None:
    try:
        vectors, _ = decode(body, ["a"])
    except ValueError:
        return
    (vector,) = vectors
    assert all(type(number) is float and math.isfinite(number) for number in vector)
