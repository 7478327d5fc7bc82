"""How a program is read off a reply, and how one stands in a reply."""

import re
from collections.abc import Collection

from understudy.text.fences import code_blocks

PYTHON = ("python", "python3", "py", "py3")
"""What a fence may call Python."""


def read_program(reply: str) -> str:
    """The last Python block of a reply, else its last block without a label, else its first function
    with what belongs to it; empty where there is nothing of the kind."""
    return last_block(reply, PYTHON) or _first_function(reply)


def last_block(reply: str, labels: Collection[str]) -> str:
    """The code of the last block with one of these labels, else of the last one without a label."""
    blocks = [block for block in code_blocks(reply) if block.code.strip()]
    for accepted in (labels, ("",)):
        for block in reversed(blocks):
            if block.label in accepted:
                return block.code
    return ""


def fence(code: str, label: str = "python") -> str:
    """A program as it stands in a reply."""
    return f"```{label}\n{code}\n```"


_DEFINITION = re.compile(r"(async )?def \w")
_ABOVE = re.compile(r"import |from \w+ import |@|\s*$")
_GOES_ON = re.compile(r"(async def|def|class|import|from|@)\b|@")


def _first_function(text: str) -> str:
    """From the first definition, with the decorators and imports above it, to the end of the last
    definition that directly follows."""
    lines = text.split("\n")
    first = next((i for i, line in enumerate(lines) if _DEFINITION.match(line)), None)
    if first is None:
        return ""
    while first and _ABOVE.match(lines[first - 1]):
        first -= 1
    program, quotes = list[str](), 0
    for line in lines[first:]:
        ends = line[:1] not in ("", " ", "\t", ")", "]", "}", "#") and not _GOES_ON.match(line)
        if ends and quotes % 2 == 0:
            break
        program.append(line)
        quotes += line.count('"""') + line.count("'''")
    return "\n".join(program).strip("\n")
