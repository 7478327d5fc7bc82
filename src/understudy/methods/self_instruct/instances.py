"""Instances of a task: read off a reply, and sorted out by the rules of the paper.

`reference` is the released code's way in every detail. Otherwise a reply is read as chat models write.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, cast

from understudy.types import Reply


class Instance(NamedTuple):
    """An input of a task, with its output."""

    input: str
    """Empty if the instruction says it all."""
    output: str


def is_yes(answer: str, *, reference: bool) -> bool:
    """Whether a task was called classification. `reference` accepts three spellings only."""
    if reference:
        return answer.strip() in {"Yes", "yes", "YES"}
    return answer.strip(" \n*.\"'").lower().startswith("yes")


def read_instances(reply: Reply, labels: bool, *, reference: bool) -> list[Instance]:
    """The instances of a reply; `labels` for those of a classification task."""
    text, cut_off = reply.text, reply.stop == "length"
    if not reference:  # chat models add emphasis, and repeat the task first
        text = re.sub(r"^\s*Task:[^\n]*\n", "", text.replace("**", ""))
    if labels:
        return read_labels_first(text, cut_off=cut_off)
    return read_inputs_first(text, cut_off=cut_off, reference=reference)


def read_inputs_first(text: str, *, cut_off: bool, reference: bool = True) -> list[Instance]:
    """`Example 1`, an input, `Output: ...`, and so on. Of a reply that was cut off, all but the last.
    For `reference` the word "Example" separates instances wherever it stands. Otherwise only a line
    "Example" with a number does, and words before the first such line do not count."""
    text, mark = text.strip(), _EXAMPLE if reference else _EXAMPLE_LINE
    if re.search(mark, text):
        pieces = re.split(mark, text)[0 if reference else 1 :]
        pieces = [piece.strip() for piece in pieces if piece.strip()]
    else:
        pieces = [text] if re.search(_OUTPUT, text) else []
    instances = [_read_pair(piece) for piece in pieces]
    return instances[:-1] if cut_off else instances


def read_labels_first(text: str, *, cut_off: bool) -> list[Instance]:
    """`Class label: ...`, and below it the input, if any."""
    instances = list[Instance]()
    for piece in text.split("Class label:")[1:]:
        label, _, value = piece.strip().partition("\n")
        instances.append(Instance(value.strip(), label.strip()))
    return instances[:-1] if cut_off else instances


def filter_instances(instances: Iterable[Instance]) -> list[Instance]:
    """The usable ones, each once: with an output, which is not the input, and no colon at the end of
    either. None at all if one input has two outputs."""
    usable = list(dict.fromkeys(instance for instance in instances if _is_usable(instance)))
    inputs = [instance.input for instance in usable if instance.input]
    return usable if len(inputs) == len(set(inputs)) else []


def instances_of(meta: Mapping[str, object]) -> tuple[Instance, ...]:
    """The instances of a seed task, in the form of the released seed file."""
    value = meta.get("instances")
    if isinstance(value, str):
        value = json.loads(value) if value.strip().startswith("[") else None
    return tuple(_parse(cast("list[object]", value) if isinstance(value, list) else []))


def _read_pair(piece: str) -> Instance:
    parts = re.split(_OUTPUT, piece)
    value, output = ("", piece) if len(parts) == 1 else (parts[0], parts[1])
    output = re.split(_INPUT, output.strip())[0].strip()
    return Instance(re.sub(rf"^{_INPUT}", "", value.strip()).strip(), output)


def _is_usable(instance: Instance) -> bool:
    ends = instance.input.strip().endswith(":") or instance.output.strip().endswith(":")
    return bool(instance.output) and instance.input != instance.output and not ends


def _parse(entries: list[object]) -> Iterator[Instance]:
    for entry in entries:
        if isinstance(entry, dict):
            record = cast("dict[str, object]", entry)
            yield Instance(str(record.get("input") or ""), str(record.get("output") or ""))


_EXAMPLE = r"Example\s?\d*\.?"
_EXAMPLE_LINE = r"(?m)^[ \t#]*Example\s?\d+[.:]?[ \t]*$"
_OUTPUT = r"Output\s*\d*\s*:"
_INPUT = r"Input\s*\d*\s*:"
