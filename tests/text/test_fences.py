"""Code blocks in the text of replies."""

import time

import pytest

from understudy.text.fences import strip_fences


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


@pytest.mark.parametrize("pattern", ["```\n", "```", "\n", "`"])
def test_hostile_text_takes_linear_time(pattern: str) -> None:
    text = pattern * (300_000 // len(pattern))
    start = time.process_time()
    strip_fences(text)
    assert time.process_time() - start < 5
