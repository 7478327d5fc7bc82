"""Chain-of-thought prompts: exemplars with their reasoning, or the request to think step by step.

Wei et al. 2022, https://arxiv.org/abs/2201.11903 (exemplars); Kojima et al. 2022,
https://arxiv.org/abs/2205.11916 (zero-shot). The exemplars are this project's own.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml

from understudy.types import Message, Settings, Task, user


class Exemplar(Settings):
    """A question that is answered with its reasoning."""

    question: str
    reasoning: str
    answer: str


def with_exemplars(
    task: Task, exemplars: Sequence[Exemplar], *, direct: bool = False
) -> list[Message]:
    """The exemplars and the question, as `Q: ... / A: ...` in one message; `direct` leaves the
    reasoning out."""
    shots = [
        f"Q: {e.question}\nA: {'' if direct else e.reasoning + ' '}The answer is {e.answer}."
        for e in exemplars
    ]
    question = "\n\n".join([*shots, f"Q: {stated(task)}\nA:"])
    return [*task.messages[:-1], user(question, *task.images)]


def with_trigger(task: Task, trigger: str) -> list[Message]:
    """The question and a last line like "Let's think step by step."."""
    return [*task.messages[:-1], user(f"{stated(task)}\n{trigger}", *task.images)]


def stated(task: Task) -> str:
    """The question, with its choices where it has them."""
    if not task.choices:
        return task.question
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    listed = " ".join(f"({a}) {text}" for a, text in zip(letters, task.choices, strict=False))
    return f"{task.question}\nAnswer Choices: {listed}"


@cache
def shipped(name: Literal["arithmetic", "choice"]) -> tuple[Exemplar, ...]:
    """The project's own exemplars."""
    text = (files("understudy.methods") / "exemplars" / f"{name}.yaml").read_text()
    return tuple(Exemplar(**entry) for entry in yaml.safe_load(text))


def load(file: str) -> Any:
    """A user's exemplars, still to be validated."""
    try:
        return yaml.safe_load(Path(file).read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"expected a YAML file at {file} ({error})") from None
