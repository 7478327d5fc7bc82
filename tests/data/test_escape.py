"""Text of models put into HTML."""

from hypothesis import given
from hypothesis import strategies as st
from seen import Seen

from understudy.data.escape import escape


@given(st.text())
def test_text_stays_text_in_an_element_and_in_an_attribute(text: str) -> None:
    seen = Seen(f'<p title="{escape(text)}">{escape(text)}</p>')
    assert [(tag, list(attributes)) for tag, attributes in seen.elements] == [("p", ["title"])]
    assert seen.text == seen.elements[0][1]["title"]


def test_what_cannot_be_seen_is_named() -> None:
    assert escape("a\u202eb\x00\x1b\x85\ud800c") == "a⟨U+202E⟩b⟨U+0000⟩⟨U+001B⟩⟨U+0085⟩⟨U+D800⟩c"
    assert escape("line\r\nline\tend\n") == "line\nline\tend\n"


def test_a_long_text_is_cut_before_it_is_escaped_and_says_so() -> None:
    assert escape("<<<<", 2) == "&lt;&lt; … 2 more characters"
    assert escape("<<", 2) == "&lt;&lt;"
    assert escape("x" * 1_234_567, 1).endswith(" 1,234,566 more characters")
