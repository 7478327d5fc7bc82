"""OpenAI's dialect from the server's side: what is read, what is refused, what is sent."""

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_pocket import tokenizer

from understudy.pocket.dialect import (
    REPLIES,
    BadRequest,
    Chat,
    Completion,
    chat_choices,
    chat_chunk,
    chat_job,
    chat_logprobs,
    completion_choices,
    completion_chunk,
    completion_jobs,
    finish,
    legacy_logprobs,
    read,
    usage,
)
from understudy.pocket.sequence import Delta, Job, RequestOutput, SequenceOutput
from understudy.pocket.tokenizer import Tokenizer
from understudy.types import Token


@pytest.fixture
def words(tmp_path: Path) -> Tokenizer:
    return tokenizer(tmp_path)


def chat(**fields: Any) -> Chat:
    messages = [{"role": "user", "content": "hello"}]
    return read(Chat, json.dumps({"model": "m", "messages": messages} | fields).encode())


def text(**fields: Any) -> Completion:
    return read(Completion, json.dumps({"model": "m", "prompt": "hello"} | fields).encode())


A, B = Token("a", -0.5, (("a", -0.5), ("b", -1.0))), Token("bc", -1.5, (("bc", -1.5),))


def reply(*tokens: Token, stop: Any = "end", tokens_out: int = 0) -> SequenceOutput:
    return SequenceOutput("".join(t.text for t in tokens), tokens, stop, tokens_out or len(tokens))


def output(*replies: SequenceOutput, prompt: Any = None, cached: int = 0) -> RequestOutput:
    return RequestOutput(replies, prompt, None, cached)


# Bodies in


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None),
        (b'{"messages": [{"role": "user"}]}', "model"),
        (b'{"model": "m"}', "messages"),
        (b'{"model": "m", "messages": [{"role": "tool"}]}', "messages"),
        (b'{"model": "m", "messages": [{"role": "user"}], "n": 0}', "n"),
        (b'{"model": "m", "messages": [{"role": "user"}], "seed": 1.5}', "seed"),
        (b"[" * 100_000, None),
    ],
    ids=["cut", "no model", "no messages", "role", "n", "seed", "deep"],
)
def test_a_body_that_cannot_be_read_names_the_field_at_fault(
    body: bytes, param: str | None
) -> None:
    with pytest.raises(BadRequest) as error:
        read(Chat, body)
    assert error.value.param == param


def test_fields_that_nobody_knows_are_left_alone() -> None:
    assert chat(user="me", store=True, metadata={}).model == "m"


def test_most_replies_are_bounded() -> None:
    assert chat(n=REPLIES).n == REPLIES
    with pytest.raises(BadRequest, match=str(REPLIES)):
        chat(n=REPLIES + 1)


def test_a_chat_becomes_a_request_with_the_ids_of_its_turns(words: Tokenizer) -> None:
    turns = [
        {"role": "developer", "content": "hell"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "he"}, {"type": "text", "text": "llo"}],
        },
        {"role": "assistant"},
    ]

    job = chat_job(chat(messages=turns, n=3, seed=5, stop="x", temperature=0.0), words)

    assert job.ids == words.chat([("system", "hell"), ("user", "hello"), ("assistant", "")])
    assert (job.n, job.seed, list(job.stop), job.params.temperature) == (3, 5, ["x"], 0)
    assert (job.most, job.logprobs, job.score) == (None, None, False)


@pytest.mark.parametrize(
    ("fields", "logprobs"),
    [({}, None), ({"logprobs": False}, None), ({"logprobs": True}, 0),
     ({"logprobs": True, "top_logprobs": 4}, 4)],
)  # fmt: skip
def test_log_probabilities_of_a_chat_are_as_many_as_are_asked_for(
    words: Tokenizer, fields: dict[str, Any], logprobs: int | None
) -> None:
    assert chat_job(chat(**fields), words).logprobs == logprobs


def test_without_a_seed_each_request_has_another(words: Tokenizer) -> None:
    assert len({chat_job(chat(), words).seed for _ in range(5)}) == 5


def test_several_stop_strings_or_none(words: Tokenizer) -> None:
    stops = [chat_job(chat(stop=stop), words).stop for stop in (["a", "b"], [], None)]

    assert [list(stop) for stop in stops] == [["a", "b"], [], []]


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("hello", ["hello"]),
        (["hello", "he"], ["hello", "he"]),
        ([5, 6], [[5, 6]]),
        ([[5], [6, 7]], [[5], [6, 7]]),
        (["he", [5]], ["he", [5]]),
    ],
)
def test_each_prompt_is_a_request_of_its_own(
    words: Tokenizer, prompt: Any, prompts: list[Any]
) -> None:
    jobs = completion_jobs(text(prompt=prompt, echo=True, logprobs=2), words)

    expected = [words.encode(one) if isinstance(one, str) else one for one in prompts]
    assert [job.ids for job in jobs] == expected
    assert {(job.most, job.logprobs, job.score) for job in jobs} == {(16, 2, True)}


@pytest.mark.parametrize("prompt", ["", [], [[]], [True, 1], [-1], [10**6], [["a"]], [None]])
def test_a_prompt_that_is_none_is_refused(words: Tokenizer, prompt: Any) -> None:
    with pytest.raises(BadRequest) as error:
        completion_jobs(text(prompt=prompt), words)
    assert error.value.param == "prompt"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{}]}, "tools"),
        ({"functions": [{}]}, "functions"),
        ({"suffix": "x"}, "suffix"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"n": 2, "best_of": 3}, "best_of"),
        ({"best_of": 2}, "best_of"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {"999999": 1}}, "logit_bias"),
    ],
)
def test_what_the_model_cannot_do_is_refused_and_not_ignored(
    words: Tokenizer, fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(BadRequest) as error:
        chat_job(chat(**fields), words)
    assert error.value.param == param


def test_what_asks_for_nothing_is_taken(words: Tokenizer) -> None:
    fields: dict[str, Any] = {"tools": [], "suffix": "", "response_format": {"type": "text"}}

    assert chat_job(chat(**fields, n=2, best_of=2), words).n == 2


# Outputs out


def test_a_reply_ends_by_length_or_by_a_stop() -> None:
    assert [finish(stop) for stop in (None, "length", "end", "stop")] == [
        None, "length", "stop", "stop",
    ]  # fmt: skip


def test_usage_counts_each_prompt_once_and_all_replies() -> None:
    jobs = [Job(ids=[1, 2, 3]), Job(ids=[4])]
    outputs = [output(reply(A, tokens_out=5), reply(B, tokens_out=6), cached=2), output(reply(A))]

    assert usage(jobs, outputs) == {
        "prompt_tokens": 4,
        "completion_tokens": 12,
        "total_tokens": 16,
        "prompt_tokens_details": {"cached_tokens": 2},
    }


def test_the_choices_of_a_chat_are_numbered_and_have_no_log_probabilities_unasked() -> None:
    first, second = chat_choices(Job(ids=[1]), output(reply(A), reply(B, stop="length")))

    assert (first["index"], second["index"]) == (0, 1)
    assert first["message"] == {"role": "assistant", "content": "a", "refusal": None}
    assert (first["logprobs"], second["finish_reason"]) == (None, "length")


def test_an_echoed_prompt_stands_before_each_reply(words: Tokenizer) -> None:
    job = Job(ids=words.encode("hello"), score=True, logprobs=1)
    scored = (Token("hello", 0.0, (("hello", 0.0),)),)

    choices = completion_choices(job, output(reply(A), reply(B), prompt=scored), 4, words)

    assert [(c["index"], c["text"]) for c in choices] == [(4, "helloa"), (5, "hellobc")]
    assert choices[1]["logprobs"] == {
        "tokens": ["hello", "bc"],
        "token_logprobs": [None, -1.5],
        "top_logprobs": [None, {"bc": -1.5}],
        "text_offset": [0, 5],
    }


def test_a_chunk_has_only_what_is_new() -> None:
    job = Job(ids=[1], logprobs=0)

    assert chat_chunk(job, 2, Delta("", (), "end")) == {
        "index": 2, "delta": {}, "logprobs": None, "finish_reason": "stop",
    }  # fmt: skip
    chunk = chat_chunk(job, 0, Delta("a", (A,), None))
    assert (chunk["delta"], chunk["finish_reason"]) == ({"content": "a"}, None)
    assert [token["token"] for token in chunk["logprobs"]["content"]] == ["a"]


def test_the_offsets_of_a_legacy_chunk_go_on_from_what_was_sent() -> None:
    chunk = completion_chunk(Job(ids=[1], logprobs=1, score=True), 0, Delta("abc", (A, B), None), 7)

    assert chunk["logprobs"]["text_offset"] == [7, 8]
    assert chunk["logprobs"]["token_logprobs"] == [-0.5, -1.5]


def test_legacy_log_probabilities_without_a_top_are_null() -> None:
    assert legacy_logprobs(Job(ids=[1]), [A], 0) is None
    scores = legacy_logprobs(Job(ids=[1], logprobs=0), [A], 0)
    assert scores is not None
    assert scores["top_logprobs"] is None


def test_a_token_has_its_bytes_even_where_it_is_no_whole_character() -> None:
    tokens = [Token("é", -1.0), Token("bytes:\\xc3\\xa9", -1.0)]

    scores = chat_logprobs(Job(ids=[1], logprobs=0), tokens)

    assert scores is not None
    assert [token["bytes"] for token in scores["content"]] == [[0xC3, 0xA9]] * 2
    assert scores["content"][1]["token"] == "bytes:\\xc3\\xa9"
