"""Chain-of-thought prompts: exemplars with their reasoning, or the request to think step by step.

Wei et al. 2022, https://arxiv.org/abs/2201.11903 (exemplars); Kojima et al. 2022,
https://arxiv.org/abs/2205.11916 (zero-shot); Huang et al. 2022, https://arxiv.org/abs/2210.11610
(the forms a path is trained on). The exemplars are this project's own.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml

from understudy.types import Message, Settings, Task, assistant, user

Format = Literal["path", "few_shot_path", "few_shot_answer", "trigger_path", "answer"]
"""What a path becomes as training data: the question with the path; exemplars and path; exemplars
and bare answer; "step by step" and path; question and bare answer. The last four are the paper's."""


class Exemplar(Settings):
    """A question that is answered with its reasoning."""

    question: str
    reasoning: str
    answer: str


def thinking(task: Task, exemplars: Sequence[Exemplar], trigger: str) -> list[Message]:
    """The prompt for a path: after exemplars where there are any, else with the trigger."""
    return with_exemplars(task, exemplars) if exemplars else with_trigger(task, trigger)


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


def trained_on(
    task: Task, path: str, answer: str, form: Format, exemplars: Sequence[Exemplar], trigger: str
) -> tuple[Message, ...]:
    """A path to an answer, in one of the training formats."""
    prompt: Sequence[Message] = task.conversation
    if form in ("few_shot_path", "few_shot_answer"):
        prompt = with_exemplars(task, exemplars, direct=form == "few_shot_answer")
    elif form == "trigger_path":
        prompt = with_trigger(task, trigger)
    bare = form in ("few_shot_answer", "answer")
    return (*prompt, assistant(f"The answer is {answer}." if bare else path))


def stated(task: Task) -> str:
    """The question, with its choices where it has them and does not name them itself."""
    if not task.choices:
        return task.question
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    listed = " ".join(f"({a}) {text}" for a, text in zip(letters, task.choices, strict=False))
    choices = f"Answer Choices: {listed}"
    return task.question if choices in task.question else f"{task.question}\n{choices}"


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
