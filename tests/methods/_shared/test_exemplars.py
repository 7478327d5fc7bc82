"""How a question is put."""

import pytest

from understudy.methods._shared.exemplars import Exemplar, build_prompt, replace_question
from understudy.types import Image, Message, Task, Text, assistant, system, user

PICTURE = Image(data=b"x", media_type="image/png")
TURNS = (system("s"), user("Hi"), assistant("Hello"), user("Who?", PICTURE))


@pytest.mark.parametrize(
    ("task", "turns"),
    [
        (Task(prompt="Who?"), (user("Whom?"),)),
        (Task(prompt="Who?", parts=(PICTURE, Text("Look:"))), (user("Whom?", PICTURE, Text("Look:")),)),
        (Task(messages=TURNS), (*TURNS[:-1], user("Whom?", PICTURE))),
    ],
)  # fmt: skip
def test_what_stands_beside_a_question_stays(task: Task, turns: tuple[Message, ...]) -> None:
    assert replace_question(task, "Whom?") == turns
    assert replace_question(task, "Who?") == task.conversation


@pytest.mark.parametrize("exemplars", [(), (Exemplar(question="q", reasoning="r", answer="a"),)])
def test_a_chain_of_thought_is_asked_for_with_the_tasks_pictures(
    exemplars: tuple[Exemplar, ...],
) -> None:
    *earlier, last = build_prompt(Task(messages=TURNS), exemplars, "Think.")
    assert tuple(earlier) == TURNS[:-1]
    assert last.media == (PICTURE,)
