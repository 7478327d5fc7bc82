"""JSON in the text of replies."""

import contextlib
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.text.lenient_json import has_json, loads


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
    ("text", "quote"),
    [
        ("", "found nothing"),
        ("The answer is 4.", "'The answer is 4.'"),
        ("NaN", "'NaN'"),
        ("{" * 100_000, "100000 levels deep"),
        ('{"a": ' + "x" * 300_000, "300006 characters"),
        ("x" * 300, "and 100 more"),
    ],
)
def test_what_is_no_json_is_an_error_that_shows_it(text: str, quote: str) -> None:
    with pytest.raises(ValueError, match="expected JSON") as caught:
        loads(text)
    assert quote in str(caught.value)
    assert len(str(caught.value)) < 500


def test_what_needs_guessing_is_not_json_as_it_stands() -> None:
    assert has_json('Here: {"a": 1}')
    assert has_json("4")
    assert not has_json("{'a': 1}")
    assert not has_json("The answer is 4.")


@pytest.mark.parametrize("pattern", ["```\n", "```", "{", '{"a":', "[", '"', "\\", "{}", "\n"])
def test_hostile_text_takes_linear_time(pattern: str) -> None:
    text = pattern * (300_000 // len(pattern))
    start = time.process_time()
    has_json(text)
    with contextlib.suppress(ValueError):
        loads(text)
    assert time.process_time() - start < 5


@given(st.text('{}[]":,`\n ab1\\', max_size=60))
def test_any_text_gives_a_value_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        loads(text)


def test_the_repair_library_is_imported_only_when_needed() -> None:
    code = (
        "import sys; from understudy.text.lenient_json import loads; loads('{}'); "
        "print('json_repair' in sys.modules)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout == "False\n"
