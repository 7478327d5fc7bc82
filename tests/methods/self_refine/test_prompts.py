"""What Self-Refine asks its models."""

import re
import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from refine_bench import TASK, complains, drafts, one, prompt

from understudy.providers.scripted import Scripted
from understudy.types import Image, Task, assistant, system, user


async def test_the_first_prompt_is_the_task_as_it_is() -> None:
    picture = Image(data=b"x", media_type="image/png")
    turns = (system("s"), user("Hi"), assistant("Hello"), user("Who?", picture))
    writer, critic = drafts("9", "11"), complains(1)
    await one(writer, critic, Task(messages=turns))
    assert writer.calls[0].request.messages == turns
    for call in (critic.calls[0], writer.calls[1]):
        *earlier, last = call.request.messages
        assert (tuple(earlier), last.media) == (turns[:-1], (picture,))
        assert last.text.startswith("Task:\nWho?\n\nAnswer:\n9\n\n")


async def test_feedback_is_asked_for_without_presupposing_a_fault() -> None:
    critic = complains(0)
    await one(drafts("9"), critic)
    assert prompt(critic) == snapshot("""\
Task:
Name a prime above 10.

Answer:
9

Check each step of the answer. Say what is wrong in it, with what would fix it.
If nothing is wrong, end with: NO COMPLAINT\
""")


async def test_a_rewrite_is_shown_all_earlier_answers_with_their_feedback() -> None:
    writer = drafts("9", "12", "13")
    await one(writer, complains(2))
    assert prompt(writer) == snapshot("""\
Task:
Name a prime above 10.

Answer:
9

Feedback:
That is no prime.

Answer:
12

Feedback:
That is no prime.

Write the answer again so that every point of all feedback is met. Reply with the answer only.\
""")


async def test_the_prompts_are_those_that_the_built_in_model_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[2]), *sys.path])
    from training.pocket import formats

    writer, critic = drafts("9", "12", "13"), complains(2)
    await one(writer, critic)
    versions = [("9", "That is no prime."), ("12", "That is no prime.")]
    assert prompt(writer, 0) == formats.question_plain(TASK.prompt)
    assert prompt(critic) == formats.feedback(TASK.prompt, "13")
    assert prompt(writer) == formats.refine(TASK.prompt, versions)


async def test_a_window_on_the_history_shows_the_latest_versions() -> None:
    writer = drafts("9", "12", "14", "17")
    await one(writer, complains(3), history=2)
    assert re.findall(r"Answer:\n(\d+)", prompt(writer)) == ["12", "14"]


async def test_choices_are_part_of_the_task_everywhere() -> None:
    task = Task(prompt="Which is a prime?", choices=("four", "five"))
    critic = complains(0)
    example = await one(drafts("(B)"), critic, task)
    assert example.messages[0].text == snapshot("""\
Which is a prime?
Answer Choices: (A) four (B) five\
""")
    assert example.messages[0].text in prompt(critic)
    again = drafts("(B)")
    await one(again, complains(0), example.as_task())
    assert prompt(again) == example.messages[0].text, (
        "not twice, where an earlier step has put them"
    )


async def test_the_wording_around_a_preset_can_be_replaced(tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text('no_complaint: ALL GOOD\nfeedback: "Q: {x} A: {y} -- {request}"\n')
    critic = Scripted(["NO COMPLAINT", "All good."])

    example = await one(drafts("9", "11"), critic, prompts=str(own))

    assert prompt(critic, 0).startswith("Q: Name a prime above 10. A: 9 -- Check each step")
    assert prompt(critic, 0).endswith("If nothing is wrong, end with: ALL GOOD")
    assert (example.meta["stop_reason"], len(critic.calls)) == ("no complaint", 2)
