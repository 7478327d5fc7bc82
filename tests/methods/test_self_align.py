"""The examples of Self-Align hold no thought, and every rejection has its reason."""

import json
from pathlib import Path
from typing import Any

import pytest
from align_bench import ANSWER, OWN, SELF, TASK, THOUGHT, align, brief, chat, reject, run
from hypothesis import given
from hypothesis import strategies as st

from understudy.data.read import read_tasks
from understudy.methods import methods
from understudy.methods.self_align.report import STAGES
from understudy.providers.scripted import Scripted
from understudy.runs.recipe import load
from understudy.runs.resolve import resolve
from understudy.types import Example, Reply, Task, assistant, system, user


@pytest.fixture
def own(tmp_path: Path) -> str:
    file = tmp_path / "own.yaml"
    file.write_text(OWN)
    return str(file)


async def test_an_example_is_question_and_answer_alone() -> None:
    outcome = await align(Scripted([chat()]))
    assert outcome == Example(
        messages=(user(TASK.prompt), assistant(ANSWER)),
        meta={
            "source": "hand",
            "thought": THOUGHT,
            "relevant_principles": [2],
            "principles": ["informative"],
        },
    )
    with_system = await align(Scripted([chat()]), system="Be nice.")
    assert with_system.messages == (system("Be nice."), user(TASK.prompt), assistant(ANSWER))


async def test_reference_puts_back_the_turn_that_the_stop_string_took() -> None:
    long = "The moon pulls at the sea on the near side. " * 1 + "x" * 150 + "."
    whole = await align(Scripted([brief(long)]), style="reference")
    assert whole.answer == f"{long}\n\n### User\n"
    cut = await align(
        Scripted([Reply(text=brief("Gravity does"), stop="length")]), style="reference"
    )
    assert cut.answer == "Gravity"
    assert (await reject(Scripted([brief()]), style="reference")).reason == "too short"


async def test_the_thought_may_be_a_reasoning_models_trace() -> None:
    text = json.dumps({"relevant_principles": [2, 5], "answer": ANSWER})
    teacher = Scripted([Reply(text=text, reasoning="SECRET trace.")])
    outcome = await align(teacher, thought="trace", shots=1)
    assert outcome.meta["thought"] == "SECRET trace."
    assert outcome.meta["principles"] == ["informative", "reasoning"]
    request = teacher.calls[0].request
    assert request.schema is not None
    assert "thought" not in request.schema["properties"]
    assert "thought" not in request.messages[2].text
    assert '"thought"' not in request.messages[0].text


async def test_own_principles_and_exemplars_are_cited_and_leak_by_their_own_words(
    own: str,
) -> None:
    outcome = await align(Scripted([chat(relevant_principles=[2, 3])]), constitution=own)
    assert outcome.meta["principles"] == ["kind"]
    leaked = chat("It lies on the large table by the window.")
    gone = await reject(Scripted([leaked]), constitution=own)
    assert (gone.reason, gone.meta["leak"]) == (
        "exemplar in the answer",
        "It lies on the large table by the window.",
    )
    assert await align(Scripted([chat("The weather does it.")]), constitution=own)
    assert await align(Scripted([leaked]), constitution=own, shots=0)


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
    assert (await reject(Scripted([reply]), **settings)).reason == reason
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
    text = "".join(pieces)
    reply = Reply(text=text[head : len(text) - tail], reasoning="SECRET trace.")
    outcome = await run(Scripted([reply]), style=style, thought=thought)
    if isinstance(outcome, Example):
        assert not any("SECRET" in message.text for message in outcome.messages)
        assert not any("internal thoughts" in message.text for message in outcome.messages)


def test_without_seeds_its_own_are_taken() -> None:
    recipe = resolve(load("self_align", ["n=50", "models.teacher=pocket"])).recipe
    assert recipe.seeds == "builtin:self_align"
    tasks = [task for task in read_tasks("builtin:self_align") if isinstance(task, Task)]
    assert len({task.question for task in tasks}) == len(tasks) > 100


def test_it_says_what_it_is() -> None:
    definition = methods.get("self_align")
    assert definition is not None
    assert definition.about.startswith("Self-Align: ")
