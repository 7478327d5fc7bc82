"""Reasoning traces in the text of replies."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.text.reasoning import split_reasoning


@pytest.mark.parametrize(
    ("text", "answer", "trace"),
    [
        ("Paris", "Paris", ""),
        ("  Paris \n", "  Paris \n", ""),
        ("<think>\nFrance?\n</think>\n\nParis", "Paris", "France?"),
        ("<thinking>France?</thinking>Paris", "Paris", "France?"),
        ("<THINK>France?</Think>Paris", "Paris", "France?"),
        ("France?\n</think>\n\nParis", "Paris", "France?"),
        ("<think>\nFrance, so it mus", "", "France, so it mus"),
        ("<think></think>Paris", "Paris", ""),
        ("<think>a</think>One. <think>b</think>Two.", "One. Two.", "a\nb"),
        ("<think>a <think> b</think>Paris", "Paris", "a <think> b"),
        ("<think>a</think>mid</think>Paris", "Paris", "a\nmid"),
        ("Paris<think>was it?", "Paris", "was it?"),
        ("Write `<think>` before it.", "Write `<think>` before it.", ""),
        ("<think>not `</think>` yet</think>Paris", "Paris", "not `</think>` yet"),
        ("1 < 2 and <thinker> is no tag", "1 < 2 and <thinker> is no tag", ""),
    ],
)
def test_a_trace_is_split_from_the_answer(text: str, answer: str, trace: str) -> None:
    assert split_reasoning(text) == (answer, trace)


TRACE = st.text("abc <>/`think\n", max_size=20)


@given(st.lists(TRACE, max_size=4), TRACE)
def test_the_answer_never_holds_a_trace(traces: list[str], answer: str) -> None:
    secret = [f"SECRET{trace}" for trace in traces]
    text = "".join(f"<think>{trace.replace('`', '')}</think>" for trace in secret) + answer

    assert "SECRET" not in split_reasoning(text)[0]


@pytest.mark.parametrize("pattern", ["<think>", "</think>", "`<think>", "<", "\n"])
def test_hostile_text_takes_linear_time(pattern: str) -> None:
    text = pattern * (300_000 // len(pattern))
    start = time.process_time()
    split_reasoning(text)
    assert time.process_time() - start < 5
