"""What a reply of Self-Instruct holds: new instructions, and instances of one.

Two ways to read: as the released code does, in every detail (`reference`), and as is best.
"""

import json
import re
import string
from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

from understudy.text.fences import strip_fences
from understudy.text.rouge import split_words
from understudy.types import Reply


class Instance(NamedTuple):
    """One way to pose a task, and its answer."""

    input: str
    """Empty where the instruction says it all."""
    output: str


class Proposal(NamedTuple):
    """An instruction as it was read off a reply; with its instances where the reply has them too."""

    instruction: str
    instances: tuple[Instance, ...] = ()


# Instructions


def reference_list(reply: Reply | None) -> list[str]:
    """The numbered tasks of a completion, as the released code reads them: nothing of one that was
    cut off; an item ends only at a number, a full stop and a blank; all but the first letter is put
    in lower case."""
    if reply is None or reply.stop == "length":
        return []
    items = re.split(r"\n\d+\s?\. ", reply.text)
    return [one for item in items if (one := _on_one_line(item).capitalize())]


def any_list(reply: Reply) -> list[str]:
    """The tasks of a list that is numbered, bulleted or JSON; of one that was cut off, all but the
    last. Words before the first item are left out unless they go on where the prompt ended."""
    if (listed := _json_list(reply.text)) is not None:
        return listed
    items = _ITEM.split(reply.text.strip())
    if not items[0].strip() or (len(items) > 1 and items[0].rstrip().endswith(":")):
        items = items[1:]
    if reply.stop == "length":
        items = items[:-1]
    return [one for item in items if (one := _on_one_line(item.replace("**", "")))]


_ITEM = re.compile(r"(?:^|\n)\s*(?:\*\*)?(?:\d{1,3}\s?[.)．、]|[-*•])(?!\d)\s*")


def blocks(reply: Reply) -> list[Proposal]:
    """Tasks with their instance, as `###` blocks of `Instruction:`, `Input:` and `Output:`; the last
    of a reply that was cut off is left out, and one without all three parts."""
    pieces = reply.text.split("###")
    if reply.stop == "length":
        pieces = pieces[:-1]
    found = list[Proposal]()
    for i, piece in enumerate(pieces):
        parts = _FIELD.split(piece)
        named = dict(zip((name.lower() for name in parts[1::2]), parts[2::2], strict=True))
        if i == 0 and parts[0].strip():  # it goes on where the prompt ended
            named.setdefault("instruction", parts[0])
        if set(named) == {"instruction", "input", "output"}:
            given = named["input"].strip()
            given = "" if given.lower().strip("<>. ") == "noinput" else given
            instance = Instance(given, named["output"].strip())
            found.append(Proposal(_on_one_line(named["instruction"]), (instance,)))
    return found


_FIELD = re.compile(r"(?:^|\n)\s*(?:\d+\s*\.\s*)?(Instruction|Input|Output)\s*:", re.IGNORECASE)


def _json_list(reply: str) -> list[str] | None:
    try:
        value: object = json.loads(strip_fences(reply))
    except ValueError:
        return None
    listed = cast("list[object]", value) if isinstance(value, list) else []
    return [_on_one_line(one) for one in listed if isinstance(one, str) and one.strip()] or None


def _on_one_line(item: str) -> str:
    return re.sub(r"\s+", " ", item).strip()


def fault(
    instruction: str, *, least: int, most: int, forbidden: Iterable[str], reference: bool
) -> str:
    """What the rules object to, in the order of the released code; empty for nothing. `least` and
    `most` bound its words; `reference` counts only what blanks part, and wants a Latin first letter."""
    length = len(instruction.split() if reference else split_words(instruction))
    if not least <= length <= most:
        return "too short" if length < least else "too long"
    if any(re.search(rf"\b{re.escape(word)}\b", instruction, re.IGNORECASE) for word in forbidden):
        return "names what a text model cannot do"
    start = instruction if reference else instruction.capitalize()
    if start.startswith("Write a program"):
        return "asks for a program"
    if instruction[0] in string.punctuation:
        return "starts with a sign"
    if reference and not instruction[0].isascii():
        return "starts with a letter that is not ASCII"
    return ""


# Instances


def is_yes(said: str, *, reference: bool) -> bool:
    """Whether a task was called classification; in `reference` only by one of three spellings."""
    if reference:
        return said.strip() in {"Yes", "yes", "YES"}
    return said.strip(" \n*.\"'").lower().startswith("yes")


def instances(reply: Reply, labels: bool, *, reference: bool) -> list[Instance]:
    """What a reply to the question for instances holds."""
    raw, cut_off = reply.text, reply.stop == "length"
    if not reference:  # chat models adorn what they write, and begin with what they were asked
        raw = re.sub(r"^\s*Task:[^\n]*\n", "", raw.replace("**", ""))
    if labels:
        return classified(raw, cut_off=cut_off)
    return generated(raw, cut_off=cut_off, reference=reference)


def generated(raw: str, *, cut_off: bool, reference: bool = True) -> list[Instance]:
    """Instances of a task that is not classification: `Example 1`, an input, `Output: ...`. Of a
    reply that was cut off, all but the last. For `reference` the word "Example" parts a text wherever
    it stands, else only a line that begins with it and a number, and words before it do not count."""
    raw, mark = raw.strip(), _EXAMPLE if reference else _EXAMPLE_LINE
    if re.search(mark, raw):
        pieces = re.split(mark, raw)[0 if reference else 1 :]
        pieces = [one.strip() for one in pieces if one.strip()]
    else:
        pieces = [raw] if re.search(_OUTPUT, raw) else []
    found = [_pair(piece) for piece in pieces]
    return found[:-1] if cut_off else found


def classified(raw: str, *, cut_off: bool) -> list[Instance]:
    """Instances of a classification task: `Class label: ...`, and below it the input, if any."""
    if "Class label:" not in raw:
        return []
    found = list[Instance]()
    for piece in raw.split("Class label:")[1:]:
        label, _, given = piece.strip().partition("\n")
        found.append(Instance(given.strip(), label.strip()))
    return found[:-1] if cut_off else found


_EXAMPLE = r"Example\s?\d*\.?"
_EXAMPLE_LINE = r"(?m)^[ \t#]*Example\s?\d+[.:]?[ \t]*$"
_OUTPUT = r"Output\s*\d*\s*:"
_INPUT = r"Input\s*\d*\s*:"


def _pair(piece: str) -> Instance:
    parts = re.split(_OUTPUT, piece)
    given, output = ("", piece) if len(parts) == 1 else (parts[0], parts[1])
    output = re.split(_INPUT, output.strip())[0].strip()
    return Instance(re.sub(rf"^{_INPUT}", "", given.strip()).strip(), output)


def sound(instances: Iterable[Instance]) -> list[Instance]:
    """Those that can be used: none that lacks an output, repeats its input or ends in a colon; each
    once; and none at all where one input has two outputs."""
    usable = list(dict.fromkeys(one for one in instances if _usable(one)))
    given = [one.input for one in usable if one.input]
    return usable if len(given) == len(set(given)) else []


def _usable(one: Instance) -> bool:
    ends = one.input.strip().endswith(":") or one.output.strip().endswith(":")
    return bool(one.output) and one.input != one.output and not ends


def instances_of(meta: dict[str, object]) -> tuple[Instance, ...]:
    """The instances of a seed task, as the released seed file has them."""
    return tuple(_seeded(meta.get("instances")))


def _seeded(value: object) -> Iterator[Instance]:
    if isinstance(value, str):
        value = json.loads(value) if value.strip().startswith("[") else None
    for entry in cast("list[object]", value) if isinstance(value, list) else []:
        if isinstance(entry, dict):
            record = cast("dict[str, object]", entry)
            yield Instance(str(record.get("input") or ""), str(record.get("output") or ""))
