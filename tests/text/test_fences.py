"""Code blocks in the text of replies."""

import time

import pytest

from understudy.text.fences import CodeBlock, code_blocks, strip_fences


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
    ("text", "blocks"),
    [
        ("```Python\nx\n```\n```\ny\n```", [("python", "x"), ("", "y")]),
        ('```python title="a.py"\nx\n```', [("python", "x")]),
        ("1. So:\n   ```sql\n   x\n     y\n   ```", [("sql", "x\n  y")]),
        ("````md\n```\nx\n```\n````", [("md", "```\nx\n```")]),
        ("```\nx\n`````", [("", "x")]),
        ("```json {}```", [("", "json {}")]),
        ("```x``` is no block of its own line", []),
        ("Say ```x```.", []),
        ("```py\nx", [("py", "x")]),
    ],
)
def test_a_block_has_its_label_and_its_code_without_the_fences_indentation(
    text: str, blocks: list[tuple[str, str]]
) -> None:
    assert list(code_blocks(text)) == [CodeBlock(*block) for block in blocks]


@pytest.mark.parametrize(
    ("pattern", "end"), [("```\n", ""), ("```", ""), ("\n", ""), ("`", ""), (" ", "`")]
)
def test_hostile_text_takes_linear_time(pattern: str, end: str) -> None:
    text = "```" + pattern * (300_000 // len(pattern)) + end
    start = time.process_time()
    strip_fences(text)
    assert time.process_time() - start < 5
