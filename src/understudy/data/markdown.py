"""Text of models and users, made safe for Markdown: it cannot become markup, HTML, a link or an image,
or end the block that it is in."""

import re
import unicodedata

_SPECIAL = re.compile(r"[\\`*_{}\[\]#|~$]")
_LEADING = re.compile(r"^(\d*)([-+=.)>])")
"""Makes a list, a heading or a quotation, but only at the start of a line."""
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", ":": "&#58;", "@": "&#64;"}
"""`:` and `@` too, because some renderers make links of bare URLs and addresses."""
_BIDI = {*"\u200e\u200f\u061c", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
"""Marks that change the order of the text after them."""


def to_prose(text: str) -> str:
    """The text as one line of prose."""
    escaped = _SPECIAL.sub(r"\\\g<0>", _line(text))
    escaped = _LEADING.sub(r"\1\\\2", escaped)
    return "".join(_ENTITIES.get(character, character) for character in escaped)


def to_code(text: str) -> str:
    """The text as a code span of one line."""
    line = _line(text)
    if not line:
        return "(empty)"
    ticks = "`" * (_longest_run(line) + 1)
    pad = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def to_block(text: str, language: str = "") -> str:
    """The text as a fenced block of code."""
    lines = "\n".join(_clean(line) for line in text.splitlines())
    fence = "`" * max(3, _longest_run(lines) + 1)
    return f"{fence}{language}\n{lines}\n{fence}"


def _line(text: str) -> str:
    return " ".join(_clean(text.replace("\n", " ").replace("\r", " ")).split())


def _clean(text: str) -> str:
    return "".join(
        character
        for character in text.replace("\t", "    ")
        if unicodedata.category(character) not in ("Cc", "Cs") and character not in _BIDI
    )


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
