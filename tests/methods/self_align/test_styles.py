"""The prompts of Self-Align in all styles."""

from pathlib import Path

import pytest
from align_bench import ANSWER, OWN, TASK, THOUGHT, align, brief, chat, reject, run
from inline_snapshot import snapshot

from understudy.providers.scripted import Scripted
from understudy.types import Example, Image, Task, assistant, system, user


@pytest.fixture
def own(tmp_path: Path) -> str:
    file = tmp_path / "own.yaml"
    file.write_text(OWN)
    return str(file)


async def test_chat_has_the_principles_in_the_system_message_and_exemplars_as_turns(
    own: str,
) -> None:
    teacher = Scripted([chat()])
    await align(teacher, constitution=own)
    request = teacher.calls[0].request
    assert [(m.role, m.text) for m in request.messages] == snapshot(
        [
            (
                "system",
                """\
You are Ada. Ada helps in a library.

You follow these rules:
1 (quiet). Speak softly.
2 (kind). Be kind to readers.

Before you answer, think for yourself: what does the user need, and which of the rules bear on it?
Reply with one JSON object and nothing else:
{"thought": "what the user needs and what follows from it, for yourself alone", "relevant_principles": [the numbers of the rules that the answer follows], "answer": "what the user reads, with no word about rules or thoughts"}\
""",  # noqa: E501
            ),
            ("user", "Where is the atlas?"),
            (
                "assistant",
                '{"thought":"I am a helpful, ethical, and reliable assistant. The user wants a map. I follow rule 2 (kind).","relevant_principles":[2],"answer":"It lies on the large table by the window."}',  # noqa: E501
            ),
            ("user", "Why are there tides?"),
        ]
    )
    assert request.schema is not None
    assert list(request.schema["properties"]) == ["thought", "relevant_principles", "answer"]
    assert (request.sampling.temperature, request.sampling.top_p) == (0.5, 0.95)
    assert request.sampling.max_tokens == 1024


async def test_brief_has_a_sentence_for_each_principle_and_no_exemplars(own: str) -> None:
    teacher = Scripted([f"{THOUGHT}\n\nAda: {ANSWER}"])
    await align(teacher, constitution=own, style="brief")
    assert [(m.role, m.text) for m in teacher.calls[0].request.messages] == snapshot(
        [
            (
                "system",
                """\
You are Ada, an AI assistant. You follow these rules:
1 (quiet). Be quiet.
2 (kind). Be kind to readers.\
""",
            ),
            (
                "user",
                """\
User: Why are there tides?

Ada (internal thoughts):\
""",
            ),
        ]
    )


async def test_reference_is_one_text_that_the_model_goes_on_with(own: str) -> None:
    teacher = Scripted([f"{THOUGHT}\n\nAda: {ANSWER * 8}"])
    await run(teacher, constitution=own, style="reference")
    request = teacher.calls[0].request
    assert request.messages == ()
    assert request.prompt == snapshot("""\
This is a record of dialogues between Ada and its users.

Ada helps in a library.

Ada follows these rules:

1 (quiet). Speak softly.
2 (kind). Be kind to readers.

Before each answer, Ada thinks about what the user needs and which of the rules bear on it. These
thoughts are its own; users do not see them.

Example 1

User: Where is the atlas?

Ada (internal thoughts): I am a helpful, ethical, and reliable assistant. The user wants a map. I follow rule 2 (kind).

Ada: It lies on the large table by the window.

User: Thanks, that is just what I was looking for.

Ada (auto reply): Glad to hear it. What else can I do for you?

The dialogue

User: Why are there tides?

Ada (internal thoughts):\
""")  # noqa: E501
    assert (request.sampling.max_tokens, request.sampling.stop) == (256, ("\n\nUser:",))


async def test_the_built_in_model_is_asked_in_brief_and_others_in_chat() -> None:
    teacher = Scripted([brief(), chat()])
    assert isinstance(await run(teacher, endpoint="pocket"), Example)
    assert isinstance(await run(teacher, endpoint="openai"), Example)
    small, large = (call.request for call in teacher.calls)
    assert small.messages[-1].text.endswith("Watson (internal thoughts):")
    assert small.schema is None
    assert len(large.messages) == 1 + 2 * 6 + 1


async def test_the_built_in_model_gets_the_prompts_that_it_was_trained_on() -> None:
    formats = Path(__file__).parents[3] / "docs" / "pocket_formats.md"
    section = formats.read_text().partition("## Principles\n")[2].partition("## ")[0]
    teacher = Scripted([brief()])
    await run(teacher, endpoint="pocket")
    head, question = (message.text for message in teacher.calls[0].request.messages)
    assert head.split("\n")[0] in section
    assert "2 (informative). Give accurate and useful facts." in head
    assert "2 (informative). Give accurate and useful facts." in section
    assert question.replace(TASK.prompt, "Which city is the capital of Norway?") in section


async def test_earlier_turns_a_system_message_and_pictures_are_kept() -> None:
    turns = (system("Be short."), user("Hi"), assistant("Hello"), user("And tides?"))
    picture = Image(data=b"x", media_type="image/png")
    teacher = Scripted([chat(), brief(), chat()])
    await align(teacher, Task(messages=turns), shots=0)
    outcome = await align(teacher, Task(messages=turns), style="brief")
    await align(teacher, Task(prompt="?", parts=(picture,)))
    first, second, third = (call.request.messages for call in teacher.calls)
    assert first[0].text.endswith("\n\nBe short.")
    assert first[1:] == turns[1:]
    assert second[0].text.endswith("\nBe short.")
    assert second[1:3] == turns[1:3]
    assert outcome.messages == (*turns, assistant(ANSWER))
    assert third[-1].media == (picture,)
    picture_row = await reject(Scripted([]), Task(prompt="?", parts=(picture,)), style="reference")
    assert picture_row.reason == "pictures"
