"""Text of models and users, made safe for HTML: nothing in it can act or hide."""

import html
import re

_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""Characters that show nothing, change the order of those after them, or cannot be encoded."""


def escape(text: str, most: int | None = None) -> str:
    """The text for the inside of an element or of a quoted attribute. Of a text longer than `most`
    characters only those are shown, and the number of the others. What cannot be seen is named, e.g.
    `⟨U+202E⟩`."""
    rest = 0 if most is None else len(text) - most
    visible = (text[:most] if rest > 0 else text).replace("\r\n", "\n")
    more = f" … {rest:,} more characters" if rest > 0 else ""
    return html.escape(_UNSEEN.sub(_name_character, visible)) + more


def _name_character(match: re.Match[str]) -> str:
    return f"⟨U+{ord(match[0]):04X}⟩"
