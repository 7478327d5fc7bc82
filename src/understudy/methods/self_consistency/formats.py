"""What a path of Self-Consistency becomes as training data.

Huang et al. 2022, https://arxiv.org/abs/2210.11610, section 3.
"""

from collections.abc import Sequence
from typing import Literal

from understudy.methods._shared.exemplars import (
    Exemplar,
    build_few_shot_prompt,
    build_zero_shot_prompt,
)
from understudy.types import Message, Task, assistant

Format = Literal["path", "few_shot_path", "few_shot_answer", "trigger_path", "answer"]
"""The question with the path; exemplars and path; exemplars and bare answer; "step by step" and path;
question and bare answer. The last four are the paper's."""


def build_training_turns(
    task: Task, path: str, answer: str, form: Format, exemplars: Sequence[Exemplar], trigger: str
) -> tuple[Message, ...]:
    """A path to an answer, in one of the training formats."""
    prompt: Sequence[Message] = task.conversation
    if form in ("few_shot_path", "few_shot_answer"):
        prompt = build_few_shot_prompt(task, exemplars, direct=form == "few_shot_answer")
    elif form == "trigger_path":
        prompt = build_zero_shot_prompt(task, trigger)
    bare = form in ("few_shot_answer", "answer")
    return (*prompt, assistant(f"The answer is {answer}." if bare else path))
