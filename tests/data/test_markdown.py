"""Text put into Markdown so that nothing in it can act."""

import re

from hypothesis import given
from hypothesis import strategies as st
from markdown_text import visible

from understudy.data.markdown import to_block, to_code, to_prose


@given(st.text(max_size=60))
def test_code_spans_and_blocks_cannot_be_left(text: str) -> None:
    span, fenced = to_code(text), to_block(text)

    assert "\n" not in span
    assert visible(span) in ("", "(empty)")
    assert visible(fenced) == ""


@given(st.text(max_size=60) | st.from_regex(r"\A[0-9]{0,2}[-+=.)>#*] ?[a-z]"))
def test_prose_is_one_line_without_markup(text: str) -> None:
    line = to_prose(text)

    assert "\n" not in line
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]#|~]", re.sub(r"\\[^\\]|&#\d+;|\\\\", "", line))
    assert "<" not in line
    assert not re.match(r"\d*[-+=.)>]", line)
