"""The Markdown code blocks in a reply's text. Takes time linear in the text."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_FENCE = "```"
_OPENING = re.compile(r"(`{3,}+)\s*+([\w+-]*+)[^`]*+")


class CodeBlock(NamedTuple):
    """A fenced block."""

    label: str
    """The language that its fence names, in lower case; empty where it names none."""
    code: str


def strip_fences(text: str) -> str:
    """The inside of the largest code block, or all of a text that has none, stripped."""
    return max((block.code for block in code_blocks(text)), key=len, default=text).strip()


def code_blocks(text: str) -> Iterator[CodeBlock]:
    """All fenced blocks, without the indentation of their fences. The last one may lack its end."""
    fence, label, indent = "", "", 0
    lines = list[str]()
    for line in text.split("\n"):
        bare = line.strip()
        if not fence:
            if opening := _OPENING.fullmatch(bare):
                fence, label, lines = opening[1], opening[2].lower(), []
                indent = len(line) - len(line.lstrip())
            elif len(bare) > 6 and bare.startswith(_FENCE) and bare.endswith(_FENCE):
                yield CodeBlock("", bare.strip("`"))
            continue
        if not bare.startswith(fence) or bare.strip("`"):  # code, which a fence may follow
            ends = bare.endswith(fence) and bare.count(fence) == 1
            rest = line.rstrip()[: -len(fence)] if ends else line
            lines.append(rest[indent:] if not rest[:indent].strip() else rest)
        else:
            ends = True
        if ends:
            yield CodeBlock(label, "\n".join(lines).strip("\n"))
            fence = ""
    if fence:
        yield CodeBlock(label, "\n".join(lines).strip("\n"))
