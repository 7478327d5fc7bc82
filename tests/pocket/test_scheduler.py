"""Many replies at once: none knows of the others, and each stops where it should."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_pocket import CONTEXT, config, decoder, plain_logits, tensors, tokenizer

from understudy.errors import ContextOverflow
from understudy.pocket.decoder import Decoder
from understudy.pocket.sampling import SamplingParams
from understudy.pocket.scheduler import Scheduler, generate
from understudy.pocket.sequence import Delta, Job, RequestOutput
from understudy.pocket.tokenizer import Tokenizer

PROMPT = [2, 117, 109, 106, 4, 3]


@pytest.fixture
def words(tmp_path: Path) -> Tokenizer:
    return tokenizer(tmp_path)


@pytest.fixture
def scheduler(words: Tokenizer) -> Iterator[Scheduler]:
    made = Scheduler(decoder(), words, rows=4)
    yield made
    made.close()


def log_softmax(logits: Any) -> Any:
    return (
        logits
        - np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1, keepdims=True))
        - (logits.max(-1, keepdims=True))
    )


async def text_of(scheduler: Scheduler, **fields: Any) -> list[str]:
    result = await generate(scheduler, Job(**({"ids": PROMPT, "most": 30} | fields)))
    return [reply.text for reply in result.replies]


def letters(words: Tokenizer) -> SamplingParams:
    """Sampled, but only what is written in letters: random weights write bytes that are no text."""
    tokens = (i for i in range(words.size) if words.bytes[i].isalpha())
    return SamplingParams(bias=tuple((token, 500.0) for token in tokens))


def forbidding(token: int) -> SamplingParams:
    """Sampled, but never this token: random weights end a reply at random."""
    return SamplingParams(bias=((token, -1000.0),))


async def test_greedy_tokens_are_those_of_a_plain_llama(
    scheduler: Scheduler, words: Tokenizer
) -> None:
    ids, expected = list(PROMPT), list[int]()
    while len(expected) < 20:
        token = int(plain_logits(tensors(config()), config(), ids)[-1].argmax())
        if token == words.end:
            break
        expected.append(token)
        ids.append(token)
    (text,) = await text_of(scheduler, params=SamplingParams(temperature=0), most=20)
    assert text == words.decode(expected)


async def test_a_reply_does_not_depend_on_what_is_written_beside_it(scheduler: Scheduler) -> None:
    alone = await text_of(scheduler, seed=3)
    jobs = [text_of(scheduler, ids=[2, i, i + 1, 4, 3], seed=i, n=3) for i in range(10, 30)]
    among, *_ = await asyncio.gather(text_of(scheduler, seed=3), *jobs)
    assert among == alone


async def test_draws_are_the_same_one_by_one_and_together(scheduler: Scheduler) -> None:
    together = await text_of(scheduler, n=9)
    apart = [(await text_of(scheduler, draws=(i,)))[0] for i in range(9)]
    assert together == apart
    assert len(set(together)) > 1
    assert await text_of(scheduler, n=3, draws=(6, 7, 8)) == together[6:]


async def test_seeds_give_other_texts(scheduler: Scheduler) -> None:
    texts = [(await text_of(scheduler, seed=seed))[0] for seed in (1, 1, 2, -1)]
    assert texts[0] == texts[1]
    assert len(set(texts)) == 3


async def test_a_request_is_admitted_while_others_are_being_written(
    scheduler: Scheduler, words: Tokenizer
) -> None:
    order = list[str]()
    loop, longest_prefix = asyncio.get_running_loop(), asyncio.Event()

    async def written(name: str, **fields: Any) -> None:
        job = Job(ids=PROMPT, params=forbidding(words.end), **fields)
        job.on_delta = lambda index, delta: loop.call_soon_threadsafe(longest_prefix.set)
        await generate(scheduler, job)
        order.append(name)

    long = asyncio.create_task(written("long", most=CONTEXT - len(PROMPT)))
    await longest_prefix.wait()
    await written("short", most=2)
    await long
    assert order == ["short", "long"]


async def test_more_replies_than_rows_are_all_written(scheduler: Scheduler) -> None:
    results = await asyncio.gather(*(text_of(scheduler, n=7, seed=i) for i in range(5)))
    assert [len(texts) for texts in results] == [7] * 5


async def test_logprobs_are_the_models_own_at_temperature_one(
    scheduler: Scheduler, words: Tokenizer
) -> None:
    result = await generate(
        scheduler,
        Job(
            ids=PROMPT,
            most=12,
            logprobs=3,
            params=SamplingParams(temperature=0.5, top_k=40),
        ),
    )
    (reply,) = result.replies
    assert reply.tokens is not None
    assert "".join(token.text for token in reply.tokens) == reply.text
    first = log_softmax(plain_logits(tensors(config()), config(), PROMPT)[-1])
    ranked = np.argsort(-first)[:3]
    assert [name for name, _ in reply.tokens[0].top] == [words.name(int(i)) for i in ranked]
    assert [value for _, value in reply.tokens[0].top] == pytest.approx(first[ranked], abs=1e-4)
    for token in reply.tokens:
        values = [value for _, value in token.top]
        assert values == sorted(values, reverse=True)
        assert token.logprob <= values[0] + 1e-6


async def test_scoring_a_text_gives_what_generating_it_gave(
    scheduler: Scheduler, words: Tokenizer
) -> None:
    how = letters(words)
    drawn = await generate(scheduler, Job(ids=PROMPT, most=15, logprobs=0, params=how))
    (reply,) = drawn.replies
    assert reply.tokens is not None
    names = {words.name(i): i for i in range(words.size)}
    said = [names[token.text] for token in reply.tokens]
    scored = await generate(scheduler, Job(ids=[*PROMPT, *said], most=0, logprobs=0, score=True))
    assert scored.prompt is not None
    given = [token.logprob for token in scored.prompt[len(PROMPT) :]]
    assert given == pytest.approx([token.logprob for token in reply.tokens], abs=1e-4)


async def test_a_scored_prompt_is_the_plain_llamas(scheduler: Scheduler) -> None:
    ids = [117, 109, 30, 31, 32]
    result = await generate(
        scheduler, Job(ids=ids, most=0, logprobs=2, score=True, measure_nll=True, n=2)
    )
    assert result.prompt is not None
    expected = log_softmax(plain_logits(tensors(config()), config(), ids))
    own = [float(expected[i, token]) for i, token in enumerate(ids[1:])]
    assert [token.logprob for token in result.prompt] == pytest.approx([0.0, *own], abs=1e-4)
    assert [len(token.top) for token in result.prompt] == [0, 2, 2, 2, 2]
    assert [(r.text, r.stop, r.tokens_out) for r in result.replies] == [("", "length", 0)] * 2
    assert result.prompt_nll == pytest.approx(-np.mean(own), abs=1e-4)


async def test_surprise_leaves_special_tokens_out(scheduler: Scheduler) -> None:
    result = await generate(scheduler, Job(ids=PROMPT, most=1, measure_nll=True))
    expected = log_softmax(plain_logits(tensors(config()), config(), PROMPT))
    own = [float(expected[i - 1, PROMPT[i]]) for i in (1, 2, 3)]
    assert result.prompt_nll == pytest.approx(-np.mean(own), abs=1e-4)
    nothing = await generate(scheduler, Job(ids=[2, 4, 3], most=1, measure_nll=True))
    assert nothing.prompt_nll is None


async def test_a_reply_stops_before_a_stop_string_across_tokens(
    scheduler: Scheduler, words: Tokenizer
) -> None:
    how = letters(words)
    (full,) = await text_of(scheduler, params=how, most=40)
    for start in (0, 5, 17, len(full) - 4):
        stop = full[start : start + 4]
        result = await generate(scheduler, Job(ids=PROMPT, params=how, most=40, stop=[stop, "0"]))
        assert result.replies[0].text == full[: full.find(stop)]
        assert result.replies[0].stop == "end"


async def test_replies_end_at_max_tokens_and_at_the_contexts_end(
    scheduler: Scheduler, words: Tokenizer
) -> None:
    how = forbidding(words.end)
    short = (await generate(scheduler, Job(ids=PROMPT, most=3, params=how))).replies[0]
    assert (short.stop, short.tokens_out) == ("length", 3)
    full = (await generate(scheduler, Job(ids=PROMPT, params=how))).replies[0]
    assert (full.stop, full.tokens_out) == ("length", CONTEXT - len(PROMPT))
    capped = (await generate(scheduler, Job(ids=PROMPT, most=10_000, params=how))).replies[0]
    assert capped == full


async def test_a_prompt_that_leaves_no_room_is_refused(scheduler: Scheduler) -> None:
    with pytest.raises(ContextOverflow, match="96 tokens, and the prompt alone has 96"):
        await generate(scheduler, Job(ids=[7] * CONTEXT))
    scored = await generate(scheduler, Job(ids=[7] * CONTEXT, most=0, score=True, logprobs=0))
    assert len(scored.prompt or ()) == CONTEXT
    one = await generate(scheduler, Job(ids=[7] * (CONTEXT - 1)))
    assert one.replies[0].tokens_out == 1


async def test_penalties_and_bias_change_what_is_drawn(
    scheduler: Scheduler, words: Tokenizer
) -> None:
    wanted, greedy = 117, SamplingParams(temperature=0)
    biased = greedy._replace(bias=((wanted, 500.0),))
    always = words.decode([wanted]) * 8
    assert await text_of(scheduler, params=biased, most=8) == [always]
    penalised = biased._replace(presence=100.0, frequency=100.0)
    assert await text_of(scheduler, params=penalised, most=8) != [always]


async def test_a_cancelled_job_leaves_and_the_others_go_on(
    scheduler: Scheduler, words: Tokenizer
) -> None:
    loop, longest_prefix = asyncio.get_running_loop(), asyncio.Event()
    seen = list[int]()

    def on_delta(index: int, delta: Delta) -> None:
        seen.append(index)
        loop.call_soon_threadsafe(longest_prefix.set)

    job = Job(ids=PROMPT, n=6, params=forbidding(words.end), on_delta=on_delta)
    task = asyncio.create_task(generate(scheduler, job))
    await longest_prefix.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await text_of(scheduler, seed=3) == await text_of(scheduler, seed=3)
    so_far = len(seen)
    await text_of(scheduler)
    assert len(seen) == so_far


async def test_a_job_cancelled_before_its_turn_is_never_read(words: Tokenizer) -> None:
    scheduler = Scheduler(decoder(), words, rows=1)
    first = asyncio.create_task(generate(scheduler, Job(ids=PROMPT, params=forbidding(words.end))))
    job = Job(ids=PROMPT, measure_nll=True)
    second = asyncio.create_task(generate(scheduler, job))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    await first
    assert job.cancelled
    scheduler.close()


async def test_who_reads_along_gets_the_same_text_in_pieces(
    scheduler: Scheduler, words: Tokenizer
) -> None:
    deltas: list[tuple[int, Delta]] = []
    job = Job(ids=PROMPT, n=3, most=30, logprobs=1, stop=["zz"])
    job.on_delta = lambda index, delta: deltas.append((index, delta))
    result = await generate(scheduler, job)
    for i, reply in enumerate(result.replies):
        own = [delta for index, delta in deltas if index == i]
        assert "".join(delta.text for delta in own) == reply.text
        assert tuple(token for delta in own for token in delta.tokens) == reply.tokens
        assert [delta.stop for delta in own if delta.stop] == [reply.stop]


async def test_a_bug_is_told_to_all_who_wait(
    words: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Decoder):
        def step(self, batch: Any, tokens: Any) -> Any:
            raise ZeroDivisionError("a bug")

    died = list[BaseException | None]()
    monkeypatch.setattr(threading, "excepthook", lambda args: died.append(args.exc_value))
    good = decoder()
    good.__class__ = Broken
    scheduler = Scheduler(good, words)
    jobs = [generate(scheduler, Job(ids=PROMPT, params=forbidding(words.end))) for _ in range(3)]
    results = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(result) for result in results] == [ZeroDivisionError] * 3
    with pytest.raises(RuntimeError, match="closed"):
        scheduler.submit(Job(ids=PROMPT))
    scheduler.close()
    assert [type(error) for error in died] == [ZeroDivisionError]


async def test_a_closed_scheduler_takes_nothing(words: Tokenizer) -> None:
    scheduler = Scheduler(decoder(), words)
    scheduler.close()
    with pytest.raises(RuntimeError, match="closed"):
        scheduler.submit(Job(ids=PROMPT))


async def test_prompts_that_begin_alike_are_counted_as_cached(scheduler: Scheduler) -> None:
    ids = list(range(10, 60))
    results: list[RequestOutput] = [
        await generate(scheduler, Job(ids=[*ids, i], most=2)) for i in (100, 101)
    ]
    assert [result.cached for result in results] == [0, 50]
