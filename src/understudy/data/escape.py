"""Text of models and users put into HTML so that nothing in it can act or hide."""

import html
import re

_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""What shows nothing, changes the order of what is shown after it, or cannot be encoded."""


def escaped(text: str, most: int | None = None) -> str:
    """Fit for the inside of an element or of a quoted attribute; of a text that is longer than `most`
    characters those, and how many more there are. What cannot be seen is named, e.g. `⟨U+202E⟩`."""
    rest = 0 if most is None else len(text) - most
    shown = (text[:most] if rest > 0 else text).replace("\r\n", "\n")
    more = f" … {rest:,} more characters" if rest > 0 else ""
    return html.escape(_UNSEEN.sub(_named, shown)) + more


def _named(match: re.Match[str]) -> str:
    return f"⟨U+{ord(match[0]):04X}⟩"
