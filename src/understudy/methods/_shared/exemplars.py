"""How a question is put: with its choices, after exemplars, or with the request to think first.

Wei et al. 2022, https://arxiv.org/abs/2201.11903 (chain-of-thought exemplars); Kojima et al. 2022,
https://arxiv.org/abs/2205.11916 (zero-shot).
"""

from collections.abc import Sequence

from understudy.types import Message, Settings, Task, user


class Exemplar(Settings):
    """A question that is answered with its reasoning."""

    question: str
    reasoning: str
    answer: str


def format_question(task: Task) -> str:
    """The question, with its choices where it has some and does not list them itself."""
    if not task.choices:
        return task.question
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    options = " ".join(f"({a}) {text}" for a, text in zip(letters, task.choices, strict=False))
    choices = f"Answer Choices: {options}"
    return task.question if choices in task.question else f"{task.question}\n{choices}"


def replace_question(task: Task, text: str) -> tuple[Message, ...]:
    """The task's conversation with `text` for its question. Earlier turns, pictures and sound stay."""
    *earlier, last = task.conversation
    if text == last.text:
        return task.conversation
    parts = last.media if task.messages else task.parts
    return (*earlier, user(text, *parts))


def build_prompt(task: Task, exemplars: Sequence[Exemplar], trigger: str) -> list[Message]:
    """The prompt for a chain of thought: after exemplars where there are any, else with the trigger."""
    if exemplars:
        return build_few_shot_prompt(task, exemplars)
    return build_zero_shot_prompt(task, trigger)


def build_few_shot_prompt(
    task: Task, exemplars: Sequence[Exemplar], *, direct: bool = False
) -> list[Message]:
    """Exemplars and question in one message, as `Q: ... / A: ...`; `direct` leaves the reasoning out."""
    shots = [
        f"Q: {e.question}\nA: {'' if direct else e.reasoning + ' '}The answer is {e.answer}."
        for e in exemplars
    ]
    question = "\n\n".join([*shots, f"Q: {format_question(task)}\nA:"])
    return list(replace_question(task, question))


def build_zero_shot_prompt(task: Task, trigger: str) -> list[Message]:
    """The question, and a last line such as "Let's think step by step."."""
    return list(replace_question(task, f"{format_question(task)}\n{trigger}"))
