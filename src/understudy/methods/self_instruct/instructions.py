"""New instructions: read off a reply, and judged by the rules of the paper.

Replies are read in one of two ways: as the released code reads them, in every detail (`reference`), or
so that nothing of use is lost.
"""

import json
import re
import string
from collections.abc import Sequence
from typing import NamedTuple, cast

from understudy.text.fences import strip_fences
from understudy.text.rouge import split_words
from understudy.types import Reply

from .instances import Instance


class Proposal(NamedTuple):
    """An instruction as a reply has it, with its instances if the reply has them too."""

    instruction: str
    instances: tuple[Instance, ...] = ()


class Rules(NamedTuple):
    """What an instruction must keep to."""

    min_words: int
    max_words: int
    forbidden: Sequence[str]
    reference: bool
    """Count only what blanks separate, and want an ASCII character at the start."""


def read_reference_list(reply: Reply) -> list[str]:
    """The numbered tasks of a completion, as the released code reads them. A completion that was cut
    off gives none. An item ends only at a number, a full stop and a blank. All letters of an item but
    the first become lower case."""
    if reply.stop == "length":
        return []
    items = re.split(r"\n\d+\s?\. ", reply.text)
    return [line for item in items if (line := _join_lines(item).capitalize())]


def read_list(reply: Reply) -> list[str]:
    """The tasks of a list that is numbered, bulleted or JSON. Of a list that was cut off, all but the
    last. Words before the first item are left out, unless they continue the prompt."""
    if (tasks := _read_json_list(reply.text)) is not None:
        return tasks
    items = _ITEM.split(reply.text.strip())
    if not items[0].strip() or (len(items) > 1 and items[0].rstrip().endswith(":")):
        items = items[1:]
    if reply.stop == "length":
        items = items[:-1]
    return [line for item in items if (line := _join_lines(item.replace("**", "")))]


def read_blocks(reply: Reply) -> list[Proposal]:
    """Tasks with their instance, as `###` blocks of `Instruction:`, `Input:` and `Output:`. A block
    without all three is left out, and the last block of a reply that was cut off."""
    blocks = reply.text.split("###")
    if reply.stop == "length":
        blocks = blocks[:-1]
    proposals = list[Proposal]()
    for i, block in enumerate(blocks):
        parts = _FIELD.split(block)
        fields = dict(zip((name.lower() for name in parts[1::2]), parts[2::2], strict=True))
        if i == 0 and parts[0].strip():  # it continues the prompt
            fields.setdefault("instruction", parts[0])
        if set(fields) == {"instruction", "input", "output"}:
            value = fields["input"].strip()
            value = "" if value.lower().strip("<>. ") == "noinput" else value
            instance = Instance(value, fields["output"].strip())
            proposals.append(Proposal(_join_lines(fields["instruction"]), (instance,)))
    return proposals


def find_fault(instruction: str, rules: Rules) -> str:
    """Which rule an instruction breaks, in the order of the released code; empty for none."""
    length = len(instruction.split() if rules.reference else split_words(instruction))
    if length < rules.min_words:
        return "too short"
    if length > rules.max_words:
        return "too long"
    if any(re.search(rf"\b{re.escape(word)}\b", instruction, re.I) for word in rules.forbidden):
        return "names what a text model cannot do"
    start = instruction if rules.reference else instruction.capitalize()
    if start.startswith("Write a program"):
        return "asks for a program"
    if instruction[0] in string.punctuation:
        return "starts with a sign"
    if rules.reference and not instruction[0].isascii():
        return "starts with a letter that is not ASCII"
    return ""


def _read_json_list(reply: str) -> list[str] | None:
    try:
        value: object = json.loads(strip_fences(reply))
    except ValueError:
        return None
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [_join_lines(item) for item in items if isinstance(item, str) and item.strip()] or None


def _join_lines(item: str) -> str:
    return re.sub(r"\s+", " ", item).strip()


_ITEM = re.compile(r"(?:^|\n)\s*(?:\*\*)?(?:\d{1,3}\s?[.)．、]|[-*•])(?!\d)\s*")
_FIELD = re.compile(r"(?:^|\n)\s*(?:\d+\s*\.\s*)?(Instruction|Input|Output)\s*:", re.IGNORECASE)
