"""Text of models and users put into Markdown so that nothing in it can act: no markup, no HTML, no
link, no image, no end of the block that it stands in."""

import re
import unicodedata

_SPECIAL = re.compile(r"[\\`*_{}\[\]#|~$]")
_LEADING = re.compile(r"^(\d*)([-+=.)>])")
"""What makes a list, a heading or a quotation at the start of a line, and nothing elsewhere."""
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", ":": "&#58;", "@": "&#64;"}
"""`:` and `@` too: some renderers make links of bare URLs and addresses."""
_BIDI = {*"\u200e\u200f\u061c", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
"""Marks that change the order of what is shown after them."""


def prose(text: str) -> str:
    """One line of running text."""
    escaped = _SPECIAL.sub(r"\\\g<0>", _line(text))
    escaped = _LEADING.sub(r"\1\\\2", escaped)
    return "".join(_ENTITIES.get(character, character) for character in escaped)


def code(text: str) -> str:
    """One line in a code span, which shows its content as it is."""
    line = _line(text)
    if not line:
        return "(empty)"
    ticks = "`" * (_longest_run(line) + 1)
    pad = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def block(text: str, language: str = "") -> str:
    """A fenced block of code."""
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
