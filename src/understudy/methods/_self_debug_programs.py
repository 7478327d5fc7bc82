"""How a program is read off a reply, and how it is put under the prompt that it completes."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from understudy.methods._self_debug_syntax import parsed

LABELS = {
    "python": ("python", "python3", "py", "py3"),
    "sql": ("sql", "sqlite", "sqlite3"),
}
"""What a fence may say of its language."""


class Source(NamedTuple):
    """A program, and what is to run before it."""

    code: str
    before: str = ""
    """The lines of a prompt that stand above the function: imports, other functions."""


def in_reply(reply: str, language: str) -> str:
    """The last fenced block of the language, else the last one that names none, else the first
    function (or query) to its end; empty where there is nothing of the kind."""
    blocks = list(_blocks(reply))
    for labels in (LABELS[language], ("",)):
        found = [code for label, code in blocks if label in labels and code.strip()]
        if found:
            return found[-1]
    return _query(reply) if language == "sql" else _function(reply)


def completed(prompt: str, entry: object, reply: str) -> Source:
    """The program of a reply to a prompt that is itself the head of a function named `entry`: the
    reply may be the whole function or only its body, with or without its indentation."""
    code = in_reply(reply, "python")
    if re.search(rf"^(async )?def {entry}\b", code, re.MULTILINE):
        return Source(code, above(prompt, entry))
    body = (code or reply).strip("\n")
    head = prompt if prompt.endswith("\n") else f"{prompt}\n"
    indented = "\n".join(f"    {line}" if line.strip() else line for line in body.split("\n"))
    # Chat servers strip replies, and with that the indentation of the first line.
    ways = [head + body, f"{head}    {body.lstrip()}", head + indented]
    return Source(next((way for way in ways if _ends_in(way, entry)), ways[0]))


def _ends_in(text: str, entry: object) -> bool:
    """Whether a text is a program whose last statement is the function `entry`."""
    tree = parsed(text)
    return tree is not None and getattr(tree.body[-1], "name", None) == entry


def is_head(prompt: str, entry: object) -> bool:
    """Whether a prompt is the head of the function `entry`, to be completed."""
    tree = parsed(prompt)
    return tree is not None and any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == entry
        for node in tree.body
    )


def above(prompt: str, entry: object) -> str:
    """The part of such a prompt before the function."""
    start = re.search(rf"^(@|(async )?def {entry}\b)", prompt, re.MULTILINE)
    return prompt[: start.start()].strip("\n") if start else ""


def fenced(code: str, language: str = "python") -> str:
    """A program as it stands in a reply."""
    return f"```{language}\n{code}\n```"


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Label and inside of each fenced block; the last one may lack its closing fence."""
    label, indent = "", 0
    block: list[str] | None = None
    for line in text.split("\n"):
        bare = line.strip()
        if block is None:
            if opened := re.fullmatch(r"```\s*([\w+-]*)", bare):
                label, indent, block = opened[1].lower(), len(line) - len(line.lstrip()), []
        elif bare == "```":
            yield label, "\n".join(block).strip("\n")
            block = None
        else:
            block.append(line[indent:] if not line[:indent].strip() else line)
    if block is not None:
        yield label, "\n".join(block).strip("\n")


_STARTS = re.compile(r"(async def|def|class|import|from|@)\b|@")


def _function(text: str) -> str:
    """From the first definition, its decorators and the imports above it, to the end of the last
    definition that follows it directly."""
    lines = text.split("\n")
    first = next((i for i, line in enumerate(lines) if re.match(r"(async )?def \w", line)), None)
    if first is None:
        return ""
    while first and re.match(r"import |from \w+ import |@|\s*$", lines[first - 1]):
        first -= 1
    taken, quotes = list[str](), 0
    for line in lines[first:]:
        ends = line[:1] not in ("", " ", "\t", ")", "]", "}", "#") and not _STARTS.match(line)
        if ends and quotes % 2 == 0:
            break
        taken.append(line)
        quotes += line.count('"""') + line.count("'''")
    return "\n".join(taken).strip("\n")


def _query(text: str) -> str:
    """From the first SELECT or WITH at the start of a line to the first semicolon or empty line."""
    found = re.search(r"^\s*((?:select|with)\b.*?)(?:;|\n\s*\n|\Z)", text, re.I | re.M | re.S)
    return found[1].strip() if found else ""
