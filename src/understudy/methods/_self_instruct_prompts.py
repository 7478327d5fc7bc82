"""The prompts of Self-Instruct, its demonstrations, and the forms that its data take for training.

The shape of the released prompts is kept (numbered lists, `Task:`, `Class label:`, `Example 1`), for
base models go by shape; the wording and all demonstrations are this project's own, made from its own
seed tasks.
"""

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from random import Random
from typing import NamedTuple

from understudy.methods._self_instruct_parse import Instance, instances_of
from understudy.types import Json

# Prompts


def grow(shown: Sequence[str], guidance: str, *, labels: bool = False) -> str:
    """Asks to go on with a numbered list of tasks; it ends with the next number."""
    head = f"{guidance}\n\n" if guidance else ""
    lines = [f"{i}. {on_one_line(task)}\n" for i, task in enumerate(shown, 1)]
    return f"{head}{GROW_LABELS if labels else GROW}\n{''.join(lines)}{len(shown) + 1}."


def grow_blocks(shown: Sequence[tuple[str, Instance]], total: int) -> str:
    """Asks for `total` tasks with their instances in one reply, of which these are the first."""
    parts = [GROW_BLOCKS.format(total=total)]
    for i, (task, one) in enumerate(shown, 1):
        parts.append(
            f"###\n{i}. Instruction: {on_one_line(task).rstrip(':')}\n"
            f"{i}. Input:\n{one.input or '<noinput>'}\n{i}. Output:\n{one.output}"
        )
    return "\n".join([*parts, f"###\n{len(shown) + 1}. Instruction:"])


def classify(task: str, yes: int, no: int) -> str:
    """Asks whether a task is classification, after so many demonstrations of either kind."""
    chosen = [
        *[s for s in shipped() if s.labels][:yes],
        *[s for s in shipped() if not s.labels][:no],
    ]
    chosen.sort(key=lambda seed: seed.number)
    shown = [f"Task: {s.instruction}\n{IS_IT} {'Yes' if s.labels else 'No'}" for s in chosen]
    return "\n\n".join([CLASSIFY, *shown, f"Task: {task}\n{IS_IT}"])


def output_first(task: str, shots: int, form: str = "") -> str:
    """Asks for instances of a classification task, the label before its input."""
    shown = [f"Task: {s.instruction}\n{_labelled(s)}" for s in shipped() if s.labels][:shots]
    return _with_shots(OUTPUT_FIRST, form, shown, task)


def input_first(task: str, shots: int, form: str = "") -> str:
    """Asks for instances of any other task, the input before its output."""
    shown = [f"Task: {s.instruction}\n{_answered(s)}" for s in shipped() if not s.labels][:shots]
    return _with_shots(INPUT_FIRST, form, shown, task)


def _with_shots(head: str, form: str, shown: Sequence[str], task: str) -> str:
    head = f"{head}\n{form}" if form else head
    if not shown:
        return f"{head}\nTask: {task}"
    return "\n\n".join([head, *shown, f"Task: {task}\n"])


def on_one_line(task: str) -> str:
    """An instruction as a list shows it: without line breaks, and without colons at its end."""
    return re.sub(r"\s+", " ", task).strip().rstrip(":")


# Demonstrations


class Shipped(NamedTuple):
    """A seed task of this project."""

    number: int
    instruction: str
    instances: tuple[Instance, ...]
    field: str
    """What its input is called."""
    labels: bool


@cache
def shipped() -> tuple[Shipped, ...]:
    """The project's own seed tasks."""
    lines = (files("understudy.data") / "builtin" / "self_instruct.jsonl").read_text("utf-8")
    return tuple(_seed(i, json.loads(line)) for i, line in enumerate(lines.splitlines()))


def _seed(i: int, row: Json) -> Shipped:
    name = row.get("field", "Input")
    return Shipped(i, row["instruction"], instances_of(row), name, row["is_classification"])


def _labelled(seed: Shipped) -> str:
    return "\n".join(f"Class label: {o}\n{seed.field}: {i}" for i, o in seed.instances)


def _answered(seed: Shipped) -> str:
    if not seed.instances[0].input:
        return f"Output: {seed.instances[0].output}"
    return "\n".join(
        f"Example {k}\n{seed.field}: {i}\nOutput: {o}" for k, (i, o) in enumerate(seed.instances, 1)
    )


# Training data


def encode(instruction: str, one: Instance, rng: Random) -> tuple[str, str]:
    """Prompt and completion in one of the released templates, at random. Half of the time the input
    loses its only field name and its blank lines."""
    given = one.input
    if rng.random() < 0.5:
        if len(set(re.findall(r"(\w+):", given))) == 1:
            given = given.partition(":")[2]
        given = given.replace("\n\n", "\n")
    given = given.strip()
    template = rng.choice(WITH_INPUT if given else WITHOUT_INPUT)
    prompt = template.format(instruction=instruction.strip(), input=given)
    blank = " " if prompt.endswith("Output:") else ""
    return prompt, f"{blank}{one.output.strip()}<|endoftext|>"


WITH_INPUT = (
    "{instruction}\nInput: {input}\nOutput:",
    "Task: {instruction}\nInput: {input}\nOutput:",
    "{instruction}\n\nInput: {input}\n\nOutput:",
    "{instruction}\n\n{input}\n\nOutput:",
    "{instruction}\n\n{input}\n\n",
    "Task: {instruction}\n\n{input}\n\n",
    "{instruction}\n{input}\n\n",
)
WITHOUT_INPUT = (
    "{instruction} Output:", "{instruction}\nOutput:", "{instruction}\n\nOutput:",
    "{instruction}\n", "{instruction}\n\n", "Task: {instruction}\n\n",
)  # fmt: skip

GROW = "Come up with a series of tasks:"

GROW_LABELS = (
    "Come up with a series of classification tasks. Name the possible labels where you can:"
)

GUIDANCE = """\
Continue the list below with up to {more} new tasks, one on each line, numbered. Each is unlike the \
others in topic and in what is to be done, can be done by a language model with text alone, and says \
all that is needed. Reply with the list only."""

GROW_BLOCKS = """\
Make a list of {total} varied tasks for a language model, each with an input and the right output.
- No verb begins two instructions; questions and orders both occur.
- The tasks differ in kind: open questions, classification, editing, reasoning, writing and so on.
- All of it is text: nothing to look at, listen to, wake up for or remember.
- An instruction is one or two sentences in English.
- The input is realistic and specific, no placeholder, at most 100 words. A task that needs none has \
<noinput> there.
- The output answers the instruction for that input, in at most 100 words.

The list of {total} tasks:"""

CLASSIFY = "Can the following task be regarded as a classification task with finite output labels?"
IS_IT = "Is it classification?"

OUTPUT_FIRST = """\
Given the classification task definition and the class labels, generate an input that corresponds to \
each of the class labels."""

LABEL_FORMAT = "Begin each with a line `Class label: LABEL` and put its input below that line."

INPUT_FIRST = """\
Come up with examples for the following task. If the task does not require additional input, generate \
the output directly."""

EXAMPLE_FORMAT = """\
Write each as a line `Example 1`, the input after `Input:`, and the answer after `Output:`."""

JUDGE = """\
Task:
{instruction}

Input:
{input}

Output:
{output}

Answer three questions about this piece of training data, each with Yes or No:
1. Does the instruction describe a valid task?
2. Is the input appropriate for the instruction?
3. Is the output a correct and acceptable response to the instruction and the input?
Reply with three lines, such as `1. Yes`."""
