"""What Self-Instruct sends: its prompts, put together from `prompts.yaml` and demonstrations.

The demonstrations are this project's own seed tasks, `builtin:self_instruct`.
"""

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from understudy.prompts import PromptSet, fill
from understudy.types import Json

from .instances import Instance, instances_of


class Prompts(PromptSet, file=__file__):
    """What is in `prompts.yaml`."""

    grow: str
    grow_labels: str
    guidance: str
    grow_blocks: str
    classify: str
    is_classification: str
    output_first: str
    label_format: str
    input_first: str
    example_format: str
    judge: str
    with_input: tuple[str, ...]
    without_input: tuple[str, ...]


class Demonstration(NamedTuple):
    """A seed task of this project."""

    number: int
    instruction: str
    instances: tuple[Instance, ...]
    field: str
    """What its input is called."""
    labels: bool
    """Whether it is classification."""


def ask_for_list(head: str, tasks: Sequence[str], guidance: str = "") -> str:
    """Asks to continue a numbered list of tasks; ends with the next number."""
    lines = [f"{i}. {put_on_one_line(task)}\n" for i, task in enumerate(tasks, 1)]
    list_ = f"{head}\n{''.join(lines)}{len(tasks) + 1}."
    return f"{guidance}\n\n{list_}" if guidance else list_


def ask_for_blocks(prompts: Prompts, tasks: Sequence[tuple[str, Instance]], total: int) -> str:
    """Asks for `total` tasks with their instances in one reply, beginning with these."""
    parts = [fill(prompts.grow_blocks, total=total)]
    for i, (task, (value, output)) in enumerate(tasks, 1):
        parts.append(
            f"###\n{i}. Instruction: {put_on_one_line(task).rstrip(':')}\n"
            f"{i}. Input:\n{value or '<noinput>'}\n{i}. Output:\n{output}"
        )
    return "\n".join([*parts, f"###\n{len(tasks) + 1}. Instruction:"])


def ask_whether_classification(prompts: Prompts, task: str, yes: int, no: int) -> str:
    """Asks whether a task is classification, after so many demonstrations of either kind."""
    shots = sorted([*demonstrations(labels=True)[:yes], *demonstrations(labels=False)[:no]])
    question = prompts.is_classification
    parts = [f"Task: {s.instruction}\n{question} {'Yes' if s.labels else 'No'}" for s in shots]
    return "\n\n".join([prompts.classify, *parts, f"Task: {task}\n{question}"])


def ask_for_instances(
    prompts: Prompts, task: str, labels: bool, shots: int, *, spell_out: bool
) -> str:
    """Asks for instances of a task: of a classification task the label before its input, of any other
    the input before its output. `spell_out`: say in which form."""
    if labels:
        head, form, write = prompts.output_first, prompts.label_format, _write_labels_first
    else:
        head, form, write = prompts.input_first, prompts.example_format, _write_inputs_first
    head = f"{head}\n{form}" if spell_out else head
    parts = [f"Task: {s.instruction}\n{write(s)}" for s in demonstrations(labels=labels)[:shots]]
    if not parts:
        return f"{head}\nTask: {task}"
    return "\n\n".join([head, *parts, f"Task: {task}\n"])


def put_on_one_line(task: str) -> str:
    """An instruction as a list shows it: without line breaks, and without colons at its end."""
    return re.sub(r"\s+", " ", task).strip().rstrip(":")


@cache
def demonstrations(labels: bool) -> tuple[Demonstration, ...]:
    """The seed tasks of this project that are classification, or those that are not."""
    lines = (files("understudy.data") / "builtin" / "self_instruct.jsonl").read_text("utf-8")
    tasks = [_parse(i, json.loads(line)) for i, line in enumerate(lines.splitlines())]
    return tuple(task for task in tasks if task.labels == labels)


def _parse(i: int, row: Json) -> Demonstration:
    name = row.get("field", "Input")
    return Demonstration(i, row["instruction"], instances_of(row), name, row["is_classification"])


def _write_labels_first(task: Demonstration) -> str:
    return "\n".join(f"Class label: {o}\n{task.field}: {i}" for i, o in task.instances)


def _write_inputs_first(task: Demonstration) -> str:
    if not task.instances[0].input:
        return f"Output: {task.instances[0].output}"
    return "\n".join(
        f"Example {k}\n{task.field}: {i}\nOutput: {o}" for k, (i, o) in enumerate(task.instances, 1)
    )
