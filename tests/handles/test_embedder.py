"""Texts as vectors."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from harness import Bench, defined, made, step
from hypothesis import given
from hypothesis import strategies as st

from understudy.call.budget import Budget, Price
from understudy.call.limits import Endpoint
from understudy.call.model import gather
from understudy.errors import BudgetExhausted, Rejected, Unavailable
from understudy.handles.embedder import (
    MOST_CHARACTERS,
    MOST_TEXTS,
    Backend,
    Embedder,
    Embedding,
    assemble_embedder,
    make_embedding,
    pack_vector,
    put_together,
    unpack_vector,
)
from understudy.types import Example, Task, Usage


class Wire:
    """An endpoint that embeds a text as its length, and counts its words."""

    def __init__(self, *errors: Exception) -> None:
        self.requests = list[list[str]]()
        self.errors = list(errors)

    async def __call__(self, texts: Sequence[str]) -> list[Embedding]:
        self.requests.append(list(texts))
        if self.errors:
            raise self.errors.pop(0)
        if any("bad" in text for text in texts):
            raise Rejected("400: a bad text")
        tokens = Usage(tokens_in=sum(len(text.split()) for text in texts))
        return [
            make_embedding([len(text), 1.0], Usage() if i else tokens)
            for i, text in enumerate(texts)
        ]


def embedder(wire: Wire) -> Embedder:
    return Embedder(Backend("m", put_together(wire)))


async def test_texts_become_rows_in_their_order_and_equal_ones_are_asked_once() -> None:
    wire = Wire()
    vectors = await embedder(wire).embed(["aa", "b", "aa", "cccc"])
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[2, 1], [1, 1], [2, 1], [4, 1]]
    assert wire.requests == [["aa", "b", "cccc"]]
    assert (await embedder(wire).embed([])).shape == (0, 0)


async def test_texts_of_several_tasks_share_a_request() -> None:
    wire = Wire()
    handle = embedder(wire)
    await gather(handle.at("s", task).embed([task]) for task in ("t1", "t2", "t3"))
    assert wire.requests == [["t1", "t2", "t3"]]


async def test_a_request_is_bounded_in_texts_and_characters() -> None:
    wire = Wire()
    await embedder(wire).embed([str(i) for i in range(MOST_TEXTS + 5)])
    assert [len(texts) for texts in wire.requests] == [MOST_TEXTS, 5]
    wire.requests.clear()
    half = MOST_CHARACTERS // 2
    await embedder(wire).embed(["a" * half, "b" * half, "c" * half])
    assert [len(texts) for texts in wire.requests] == [2, 1]
    with pytest.raises(Rejected, match="at most 200,000 characters, found 200,001"):
        await embedder(wire).embed(["a" * (MOST_CHARACTERS + 1)])


async def test_a_text_that_is_refused_fails_alone() -> None:
    wire = Wire()
    handle = embedder(wire)
    texts = ["one", "bad", "two"]
    results = await gather(_outcome(handle.at("s", text), text) for text in texts)
    assert results == [[[3.0, 1.0]], "400: a bad text", [[3.0, 1.0]]]


async def _outcome(handle: Embedder, text: str) -> object:
    try:
        return (await handle.embed([text])).tolist()
    except Rejected as error:
        return str(error)


async def test_embeddings_are_tried_again_limited_and_paid_for() -> None:
    wire, endpoint = Wire(Unavailable("503", 0.0)), Endpoint("test")
    budget = Budget(1.0)
    pay = assemble_embedder(wire, endpoint, budget, Price(input=1_000, output=0), attempts=3)
    handle = Embedder(Backend("m", pay, price=Price(input=1_000, output=0)))
    await handle.embed(["one two", "three"])
    assert len(wire.requests) == 2
    assert (endpoint.breaker.served, budget.cost) == (1, pytest.approx(0.003))
    with pytest.raises(BudgetExhausted):
        await handle.embed(["x" * 100_000])


async def test_each_distinct_text_is_one_effect_that_is_not_asked_for_again(tmp_path: Path) -> None:
    for requests in ([["a", "b"]], []):
        wire = Wire()
        async with Bench(tmp_path / "j.db") as bench:
            handle = Embedder(Backend("m", put_together(wire)), bench.journal, bench.tally)
            vectors = await handle.at("s", "t").embed(["a", "b", "a"])
            assert vectors.tolist() == [[1, 1], [1, 1], [1, 1]]
            assert wire.requests == requests
            effects = list(bench.journal.records.effects("embedding"))
            assert [(e.step, e.task, json.loads(e.request)) for e in effects] == [
                ("s", "t", "a"), ("s", "t", "b"),
            ]  # fmt: skip
            (total,) = bench.journal.records.totals()
            assert (total.role, total.model, total.sent, total.tokens_in) == ("embedder", "m", 1, 2)


async def test_another_embedder_is_asked_anew(tmp_path: Path) -> None:
    wire = Wire()
    async with Bench(tmp_path / "j.db") as bench:
        for name, revision in (("m", ""), ("m2", ""), ("m", "2")):
            backend = Backend(name, put_together(wire), revision=revision)
            await Embedder(backend, bench.journal).at("s", "t").embed(["a"])
    assert wire.requests == [["a"]] * 3


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_a_vector_comes_back_bit_for_bit(numbers: list[float]) -> None:
    vector = np.array(numbers, dtype=np.float32)
    assert unpack_vector(pack_vector(vector)).tobytes() == vector.tobytes()


# In a method


async def test_a_method_is_given_the_embedder_of_the_run(tmp_path: Path) -> None:
    async def compares(task: Task, embedder: Embedder) -> Example:
        a, b = await embedder.embed([task.prompt, "question 1"])
        return Example(messages=(), meta={"alike": round(float(a @ b), 3)})

    async with Bench(tmp_path / "j.db") as bench:
        steps = [step(defined(compares))]
        await bench.run(steps, [Task(id="t", prompt="question 1")])
        assert made(bench.journal, "compares").examples[0].meta == {"alike": 1.0}
