"""Reasoning traces, fences and JSON in the text of replies."""

import contextlib
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.text.replies import has_json, loads, split_reasoning, strip_fences


@pytest.mark.parametrize(
    ("text", "said", "trace"),
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
def test_a_trace_is_split_from_what_was_said(text: str, said: str, trace: str) -> None:
    assert split_reasoning(text) == (said, trace)


TRACE = st.text("abc <>/`think\n", max_size=20)


@given(st.lists(TRACE, max_size=4), TRACE)
def test_what_is_said_never_holds_a_trace(traces: list[str], said: str) -> None:
    secret = [f"SECRET{trace}" for trace in traces]
    text = "".join(f"<think>{trace.replace('`', '')}</think>" for trace in secret) + said

    assert "SECRET" not in split_reasoning(text)[0]


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("plain", "plain"),
        ("```json\n{}\n```", "{}"),
        ("Here:\n```\nshort\n```\nand\n```python\nprint('longer')\n```\nDone.", "print('longer')"),
        ("```python\nprint(1", "print(1"),
        ('```json\n{"a": 1}```', '{"a": 1}'),
        ("  ```\n  x\n  ```", "x"),
    ],
)
def test_fences_are_stripped_from_the_largest_block(text: str, inside: str) -> None:
    assert strip_fences(text) == inside


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", 4),
        ('"x"', "x"),
        (' {"a": [1, 2]} ', {"a": [1, 2]}),
        ('Sure:\n```json\n{"a": 1}\n```\nThat is it.', {"a": 1}),
        ('I would say {"a": {"b": 1}} here.', {"a": {"b": 1}}),
        ("The list [1, 2] it is.", [1, 2]),
        ('{"a": "two\nlines"}', {"a": "two\nlines"}),
        ('{"code": "```python\\nx\\n```"}', {"code": "```python\nx\n```"}),
        ("{'a': 1, 'b': True,}", {"a": 1, "b": True}),
        ('{"a": 1, "b": "cut of', {"a": 1, "b": "cut of"}),
        ('"a": 1, "b": 2}', {"a": 1, "b": 2}),
    ],
)
def test_json_is_found_in_a_reply(text: str, value: Any) -> None:
    assert loads(text) == value


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "found nothing"),
        ("The answer is 4.", "'The answer is 4.'"),
        ("NaN", "'NaN'"),
        ("{" * 100_000, "100000 levels deep"),
        ('{"a": ' + "x" * 300_000, "300006 characters"),
        ("x" * 300, "and 100 more"),
    ],
)
def test_what_is_no_json_is_an_error_that_shows_it(text: str, found: str) -> None:
    with pytest.raises(ValueError, match="expected JSON") as caught:
        loads(text)
    assert found in str(caught.value)
    assert len(str(caught.value)) < 500


def test_what_needs_guessing_is_not_json_as_it_stands() -> None:
    assert has_json('Here: {"a": 1}')
    assert has_json("4")
    assert not has_json("{'a': 1}")
    assert not has_json("The answer is 4.")


@pytest.mark.parametrize(
    "pattern",
    [
        "<think>",
        "</think>",
        "```\n",
        "```",
        "{",
        '{"a":',
        "[",
        '"',
        "`<think>",
        "\\",
        "{}",
        "<",
        "\n",
    ],
)
def test_hostile_text_takes_linear_time(pattern: str) -> None:
    text = pattern * (300_000 // len(pattern))
    start = time.process_time()
    split_reasoning(text)
    strip_fences(text)
    has_json(text)
    with contextlib.suppress(ValueError):
        loads(text)
    assert time.process_time() - start < 5


@given(st.text('{}[]":,`\n ab1\\', max_size=60))
def test_any_text_gives_a_value_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        loads(text)


def test_the_repair_library_is_imported_only_when_needed() -> None:
    code = "import sys, understudy.text.replies as t; t.loads('{}'); print('json_repair' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
