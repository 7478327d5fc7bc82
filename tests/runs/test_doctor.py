"""The doctor: every check says yes where a feature works, no where it does not, and why."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from understudy.errors import Rejected, Unauthorized, Unavailable
from understudy.providers.negotiate import Features
from understudy.providers.scripted import Scripted
from understudy.runs import doctor
from understudy.runs.doctor import CHECKS, Finding, Probe, examine, run_check
from understudy.types import Call, Reply, Token, Usage

Answer = Callable[[Call], str | Reply]


def count_up() -> Answer:
    """A different text for every call."""
    calls = iter(range(1_000))
    return lambda call: f"text {next(calls)}"


async def find(check: doctor.Check, answer: Any, *notices: str, n: bool = True) -> Finding:
    provider = Scripted(answer, features=Features(n=n))
    return await run_check(check, Probe(provider, "m", notices=notices))


# ---------------------------------------------------------------- each check


async def test_token_counts_must_be_there() -> None:
    there = Reply(text="hi", usage=Usage(tokens_in=3, tokens_out=2))
    assert await find(doctor.check_usage, lambda call: there) == (True, "3 tokens in, 2 out")
    absent = Reply(text="hi", usage=Usage())
    works, detail = await find(doctor.check_usage, lambda call: absent)
    assert (works, "no token counts" in detail) == (False, True)


async def test_sampling_must_change_something() -> None:
    assert (await find(doctor.check_sampling, count_up())).works is True
    works, detail = await find(doctor.check_sampling, lambda call: "always this")
    assert (works, "switched off" in detail) == (False, True)


async def test_sampling_is_tried_with_three_draws_at_temperature_1() -> None:
    calls = list[Call]()
    await find(doctor.check_sampling, lambda call: calls.append(call) or "x")
    assert [(call.draw, call.request.sampling.temperature) for call in calls] == [
        (0, 1.0), (1, 1.0), (2, 1.0),
    ]  # fmt: skip


async def test_several_replies_must_come_at_once_and_differ() -> None:
    assert await find(doctor.check_n, count_up()) == (
        True, "3 replies at once, 3 of them different",
    )  # fmt: skip
    assert await find(doctor.check_n, lambda call: "always this") == (
        False, "3 replies at once, 1 of them different",
    )  # fmt: skip
    assert await find(doctor.check_n, count_up(), n=False) == (
        False, "asked for 3 replies at once, got 1",
    )  # fmt: skip


async def test_a_seed_must_repeat_a_reply_and_another_seed_must_not() -> None:
    assert await find(doctor.check_seed, lambda call: f"{call.request.sampling.seed}") == (
        True, "the same seed gives the same reply",
    )  # fmt: skip
    assert await find(doctor.check_seed, lambda call: "always this") == (
        False, "the same seed gives the same reply, and so does another seed",
    )  # fmt: skip
    assert await find(doctor.check_seed, count_up()) == (
        False, "the same seed gave two different replies",
    )  # fmt: skip


async def test_a_seed_that_repeats_only_by_chance_is_not_taken_for_one() -> None:
    """The first two replies alike and the third another would prove a seed, had they the same one."""
    seeds = list[int | None]()
    await find(doctor.check_seed, lambda call: seeds.append(call.request.sampling.seed) or "x")
    first, second, third = seeds
    assert first is not None
    assert first == second != third


def stops(call: Call) -> Reply:
    """Reads on to 9, unless told to stop."""
    text = "4, 5, 6, 7, 8, 9"
    for stop in call.request.sampling.stop:
        text = text.partition(stop)[0]
    return Reply(text=text)


async def test_a_reply_must_end_before_the_stop_string() -> None:
    assert await find(doctor.check_stop, stops) == (True, "the reply ends before the stop string")
    ignoring = Reply(text="4, 5, 6, 7, 8, 9")
    assert await find(doctor.check_stop, lambda call: ignoring) == (
        False, "the stop string is left in the text",
    )  # fmt: skip
    works, detail = await find(doctor.check_stop, stops, "leaves stop strings in its texts")
    assert (works, "cut off on this side" in detail) == (False, True)
    assert (await find(doctor.check_stop, lambda call: Reply(text="4"))).works is None


async def test_max_tokens_must_cut_a_reply_off() -> None:
    assert await find(doctor.check_max_tokens, lambda call: "one two three four") == (
        True, "max_tokens=3 ended with stop reason 'length'",
    )  # fmt: skip
    ignoring = Reply(text="one two three four", usage=Usage(tokens_in=1, tokens_out=4))
    assert await find(doctor.check_max_tokens, lambda call: ignoring) == (
        False, "max_tokens=3 ended with stop reason 'end'",
    )  # fmt: skip
    brief = Reply(text="one", usage=Usage(tokens_in=1, tokens_out=1))
    assert (await find(doctor.check_max_tokens, lambda call: brief)).works is None


async def test_log_probabilities_must_come() -> None:
    tokens = (Token("yes", -0.1, (("yes", -0.1), ("no", -2.0))),)
    assert await find(doctor.check_logprobs, lambda call: Reply(logprobs=tokens)) == (
        True, "1 tokens, 2 alternatives each",
    )  # fmt: skip
    assert await find(doctor.check_logprobs, lambda call: Reply(text="yes")) == (
        False, "requested, but none came",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "works", "detail"),
    [
        ('{"colour": "green"}', True, "the reply follows the schema"),
        ('{"colour": "blue"}', False, "the reply does not follow the schema"),
        ('{"colour": "red", "x": 1}', False, "the reply does not follow the schema"),
        ("I like green.", False, "the reply is not JSON"),
    ],
)
async def test_a_json_schema_must_be_kept_to(reply: str, works: bool, detail: str) -> None:
    finding = await find(doctor.check_schema, lambda call: Reply(text=reply))
    assert (finding.works, detail in finding.detail) == (works, True)


async def test_a_given_text_must_be_scored() -> None:
    def score(call: Call) -> Reply:
        assert (call.request.prompt, call.request.echo) == ("The sky is blue.", True)
        return Reply(text=call.request.prompt, logprobs=(Token("The", 0.0),))

    assert await find(doctor.check_echo, score) == (True, "a given text is scored, 1 tokens")
    plain = Reply(text="The sky is blue.")
    assert (await find(doctor.check_echo, lambda call: plain)).works is False


# ---------------------------------------------------------------- all of them


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
async def test_what_is_refused_does_not_work_and_what_fails_cannot_be_told(
    check: doctor.Check,
) -> None:
    assert await find(check, lambda call: Rejected("no such field")) == (
        False, "refused: 'no such field'",
    )  # fmt: skip
    assert await find(check, lambda call: Unavailable("oops")) == (
        None, "inconclusive: 'oops'",
    )  # fmt: skip


async def test_every_check_is_in_the_report(tmp_path: Path) -> None:
    script = "from understudy.types import Reply\ndef answer(call):\n    return 'hello'\n"
    (tmp_path / "script.py").write_text(script)
    examination = await examine("scripted:script.py:answer")
    lines = examination.text.splitlines()
    assert examination.well
    assert lines[0] == "scripted:script.py:answer"
    assert lines[1].startswith("  [yes] reachable: ")
    assert [line.partition("] ")[2].partition(":")[0].strip() for line in lines[2:-1]] == [*CHECKS]


@pytest.mark.parametrize(
    ("error", "words"),
    [(Unauthorized("who are you?"), "the key is refused"), (Unavailable("away"), "no answer")],
)
async def test_an_endpoint_that_does_not_answer_is_not_tried_further(
    error: Exception, words: str, tmp_path: Path
) -> None:
    kind = type(error).__name__
    (tmp_path / "script.py").write_text(
        f"from understudy.errors import {kind}\n"
        f"def answer(call):\n    return {kind}({json.dumps(str(error))})\n"
    )
    examination = await examine("scripted:script.py:answer")
    assert not examination.well
    assert examination.text.splitlines()[1:] == [f"  [no]  reachable: {words}: {error}"]


async def test_this_machine_names_the_keys_that_are_set_and_shows_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "keys in the environment: none" in (await examine("")).text
    monkeypatch.setenv("GROQ_API_KEY", "sk-secret")
    text = (await examine("")).text
    assert "keys in the environment: GROQ_API_KEY" in text
    assert "sk-secret" not in text
