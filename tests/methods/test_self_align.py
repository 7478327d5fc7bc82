"""Self-Align: the prompts of all styles, thoughts that stay out of the examples, and the report."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from understudy.call.model import Model
from understudy.data.read import read_tasks
from understudy.errors import ConfigError
from understudy.methods import methods
from understudy.methods._self_align_report import STAGES, report
from understudy.methods.self_align import Config, self_align
from understudy.providers.scripted import Scripted
from understudy.runs.recipe import Step, load, step_config
from understudy.types import Example, Image, Rejection, Reply, Task, assistant, system, user

TASK = Task(id="t", prompt="Why are there tides?", meta={"source": "hand"})
SELF = "I am a helpful, ethical, and reliable assistant."
THOUGHT = f"{SELF} SECRET musing. The user asks about tides. I follow rule 2 (informative)."
ANSWER = "The moon pulls at the sea."

OWN = """\
name: Ada
about: "{name} helps in a library."
principles:
  - {label: quiet, text: Speak softly., brief: Be quiet.}
  - {label: kind, text: Be kind to readers.}
exemplars:
  - turns:
      - {question: "Where is the atlas?", thought: The user wants a map., principles: [kind],
         answer: It lies on the large table by the window.}
"""


def chat(answer: str = ANSWER, **fields: Any) -> str:
    return json.dumps({"thought": THOUGHT, "relevant_principles": [2], "answer": answer} | fields)


def brief(answer: str = ANSWER) -> str:
    return f" {THOUGHT}\n\nWatson: {answer}"


async def run(
    teacher: Scripted, task: Task = TASK, endpoint: str = "", **settings: Any
) -> Example | Rejection:
    config = step_config(Step(use="self_align", settings=settings))
    assert isinstance(config, Config)
    return await self_align(task, Model.over("m", teacher, endpoint=endpoint), config)


async def kept(teacher: Scripted, task: Task = TASK, **settings: Any) -> Example:
    made = await run(teacher, task, **settings)
    assert isinstance(made, Example), made
    return made


async def rejected(teacher: Scripted, task: Task = TASK, **settings: Any) -> Rejection:
    made = await run(teacher, task, **settings)
    assert isinstance(made, Rejection), made
    return made


@pytest.fixture
def own(tmp_path: Path) -> str:
    file = tmp_path / "own.yaml"
    file.write_text(OWN)
    return str(file)


# Prompts


async def test_chat_has_the_principles_in_the_system_message_and_exemplars_as_turns(
    own: str,
) -> None:
    teacher = Scripted([chat()])
    await kept(teacher, constitution=own)
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
    await kept(teacher, constitution=own, style="brief")
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
    formats = Path(__file__).parents[2] / "docs" / "pocket_formats.md"
    known = formats.read_text().partition("## Principles\n")[2].partition("## ")[0]
    teacher = Scripted([brief()])
    await run(teacher, endpoint="pocket")
    head, question = (message.text for message in teacher.calls[0].request.messages)
    assert head.split("\n")[0] in known
    assert "2 (informative). Give accurate and useful facts." in head
    assert "2 (informative). Give accurate and useful facts." in known
    assert question.replace(TASK.prompt, "Which city is the capital of Norway?") in known


async def test_earlier_turns_a_system_message_and_pictures_are_kept() -> None:
    turns = (system("Be short."), user("Hi"), assistant("Hello"), user("And tides?"))
    picture = Image(data=b"x", media_type="image/png")
    teacher = Scripted([chat(), brief(), chat()])
    await kept(teacher, Task(messages=turns), shots=0)
    made = await kept(teacher, Task(messages=turns), style="brief")
    await kept(teacher, Task(prompt="?", images=(picture,)))
    first, second, third = (call.request.messages for call in teacher.calls)
    assert first[0].text.endswith("\n\nBe short.")
    assert first[1:] == turns[1:]
    assert second[0].text.endswith("\nBe short.")
    assert second[1:3] == turns[1:3]
    assert made.messages == (*turns, assistant(ANSWER))
    assert third[-1].media == (picture,)
    refused = await rejected(Scripted([]), Task(prompt="?", images=(picture,)), style="reference")
    assert refused.reason == "pictures"


# Examples


async def test_an_example_is_question_and_answer_alone() -> None:
    made = await kept(Scripted([chat()]))
    assert made == Example(
        messages=(user(TASK.prompt), assistant(ANSWER)),
        meta={
            "source": "hand",
            "thought": THOUGHT,
            "relevant_principles": [2],
            "principles": ["informative"],
        },
    )
    with_system = await kept(Scripted([chat()]), system="Be nice.")
    assert with_system.messages == (system("Be nice."), user(TASK.prompt), assistant(ANSWER))


async def test_reference_puts_back_the_turn_that_the_stop_string_took() -> None:
    long = "The moon pulls at the sea on the near side. " * 1 + "x" * 150 + "."
    whole = await kept(Scripted([brief(long)]), style="reference")
    assert whole.answer == f"{long}\n\n### User\n"
    cut = await kept(
        Scripted([Reply(text=brief("Gravity does"), stop="length")]), style="reference"
    )
    assert cut.answer == "Gravity"
    assert (await rejected(Scripted([brief()]), style="reference")).reason == "too short"


async def test_the_thought_may_be_a_reasoning_models_trace() -> None:
    said = json.dumps({"relevant_principles": [2, 5], "answer": ANSWER})
    teacher = Scripted([Reply(text=said, reasoning="SECRET trace.")])
    made = await kept(teacher, thought="trace", shots=1)
    assert made.meta["thought"] == "SECRET trace."
    assert made.meta["principles"] == ["informative", "reasoning"]
    request = teacher.calls[0].request
    assert request.schema is not None
    assert "thought" not in request.schema["properties"]
    assert "thought" not in request.messages[2].text
    assert '"thought"' not in request.messages[0].text


async def test_own_principles_and_exemplars_are_cited_and_leak_by_their_own_words(
    own: str,
) -> None:
    made = await kept(Scripted([chat(relevant_principles=[2, 3])]), constitution=own)
    assert made.meta["principles"] == ["kind"]
    leaked = chat("It lies on the large table by the window.")
    gone = await rejected(Scripted([leaked]), constitution=own)
    assert (gone.reason, gone.meta["leak"]) == (
        "exemplar in the answer",
        "It lies on the large table by the window.",
    )
    assert await kept(Scripted([chat("The weather does it.")]), constitution=own)
    assert await kept(Scripted([leaked]), constitution=own, shots=0)


def test_a_constitution_that_is_no_file_or_no_constitution_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a YAML file at nowhere"):
        step_config(Step(use="self_align", settings={"constitution": "nowhere.yaml"}))
    (tmp_path / "empty.yaml").write_text("principles: []\n")
    empty = {"constitution": str(tmp_path / "empty.yaml")}
    with pytest.raises(ConfigError, match="principles"):
        step_config(Step(use="self_align", settings=empty))


# Rejections


@pytest.mark.parametrize(
    ("reply", "settings", "reason"),
    [
        (chat("I'm sorry, I cannot."), {}, "refusal"),
        (Reply(refusal="No."), {}, "refusal"),
        (Reply(stop="filtered"), {}, "refusal"),
        (
            Reply(text="I am sorry: no.", stop="end"),
            {"style": "brief"},
            "no answer after the thought",
        ),
        (brief("I am sorry: no."), {"style": "brief"}, "refusal"),
        (f"{THOUGHT} The moon.", {}, "malformed reply"),
        (json.dumps({"thought": THOUGHT}), {}, "malformed reply"),
        (json.dumps({"answer": ANSWER}), {}, "malformed reply"),
        (json.dumps([ANSWER]), {}, "malformed reply"),
        (chat(answer=["The moon."]), {}, "malformed reply"),  # type: ignore[arg-type]
        (chat(""), {}, "empty answer"),
        (Reply(text=chat()[:-5], stop="length"), {}, "cut off"),
        (THOUGHT, {"style": "brief"}, "no answer after the thought"),
        (f"Watson: {ANSWER}", {"style": "brief"}, "malformed reply"),
        (Reply(text=brief(), stop="length"), {"style": "brief"}, "cut off"),
        (brief("Yes."), {"style": "brief", "min_characters": 10}, "too short"),
        (brief(f"{ANSWER} {SELF}"), {"style": "brief"}, "thought in the answer"),
        (brief("Ask about the weather."), {"style": "brief", "shots": 5}, "exemplar in the answer"),
        ("The moon does it.", {"style": "reference"}, "no self-identification"),
    ],
)
async def test_every_rejection_has_its_reason(
    reply: str | Reply, settings: dict[str, Any], reason: str
) -> None:
    assert (await rejected(Scripted([reply]), **settings)).reason == reason
    assert reason in [reason for _, reasons in STAGES for reason in reasons]


MANGLED = st.one_of(
    st.sampled_from(
        [chat(), brief(), THOUGHT, f"{brief()}\n\nUser: Thanks", f"{brief()}{brief()}"]
    ),
    st.text(alphabet='{}":,\n \\', max_size=12),
)


@pytest.mark.parametrize("style", ["chat", "brief", "reference"])
@pytest.mark.parametrize("thought", ["field", "trace"])
@given(st.lists(MANGLED, min_size=1, max_size=3), st.integers(0, 40), st.integers(0, 40))
async def test_no_reply_gets_its_thought_into_an_example(
    style: str, thought: str, pieces: list[str], head: int, tail: int
) -> None:
    said = "".join(pieces)
    said = said[head : len(said) - tail]
    reply = Reply(text=said, reasoning="SECRET trace.")
    made = await run(Scripted([reply]), style=style, thought=thought)
    if isinstance(made, Example):
        assert not any("SECRET" in message.text for message in made.messages)
        assert not any("internal thoughts" in message.text for message in made.messages)


# Report and seeds


async def test_the_report_has_the_share_left_by_each_filter_and_the_use_of_principles() -> None:
    none = chat(relevant_principles=[], thought="Hm.")
    answers = [chat(relevant_principles=[2, 5]), none, chat()]
    bad = [chat("I'm sorry."), "no JSON", chat("The weather."), chat(f"{SELF} Yes.")]
    made = [await run(Scripted([reply])) for reply in [*answers, *bad]]
    beyond = await kept(Scripted([chat()]))
    made.append(Rejection(reason="more than were asked for", example=beyond))
    assert report(made) == snapshot("""\
answers                          8
readable                         7   87.5%
no refusal                       6   75.0%
long enough                      6   75.0%
thought kept apart               5   62.5%
free of exemplars                4   50.0%
refusals: 1 (12.5% of all answers)
principles: 1.00 per kept answer, 75.0% cite one
    informative                  3   75.0%
    reasoning                    1   25.0%\
""")
    assert report([]) == "no answers"


def test_without_seeds_its_own_are_taken() -> None:
    recipe = load("self_align", ["n=50", "models.teacher=pocket"])
    assert recipe.seeds == "builtin:self_align"
    tasks = [task for task in read_tasks("builtin:self_align") if isinstance(task, Task)]
    assert len({task.question for task in tasks}) == len(tasks) > 100


def test_it_says_what_it_is() -> None:
    definition = methods.get("self_align")
    assert definition is not None
    assert definition.about.startswith("Self-Align: ")
