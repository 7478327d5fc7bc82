"""Topic-guided red-teaming: how topics grow, which lines are questions, and the prompts for both."""

import re
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from harness import Bench, made, step
from inline_snapshot import snapshot

from understudy.call.model import Model
from understudy.errors import ConfigError, ContextOverflow
from understudy.methods.self_align.topic_guided_red_teaming import (
    Config,
    report,
    topic_guided_red_teaming,
)
from understudy.providers.scripted import Scripted
from understudy.runs.recipe import Step, step_config
from understudy.types import Call, Example, Rejection, Task, user

SEEDS = [
    {"type": "Questions about tides", "topic": "Moon", "question": "Why does the sea rise?"},
    {"type": "Questions about trains", "topic": "Night trains", "question": "How do I get there?"},
]
TOPICS = "2. Sea walls\n3. moon\n4. Moon\n5. A very long topic indeed\n6. Ebb.\n7.\n8. Spring tides"


def prompt(call: Call) -> str:
    return call.request.prompt or call.request.messages[-1].text


def hash_of(line: str) -> str:
    """Words that no other line has."""
    return " ".join(f"{word}{len(line)}{line[-4:]}" for word in "abcdef")


def speaks(call: Call) -> str:
    """Topics to who asks for topics, else a question for every line without one."""
    if "Instructions:" not in prompt(call):
        return TOPICS
    hints = re.findall(r"^(\d+\. type: .*, topic: .*)$", prompt(call), re.MULTILINE)
    blank = [line for line in hints if ", instruction:" not in line]
    done = prompt(call).count(", instruction: ")
    lines = [f"{line}, instruction: Say {hash_of(line)}." for line in blank]
    return "\n".join([*lines[done:], "cut off"])


async def run(
    teacher: Scripted, tasks: Sequence[Task] = (), **settings: Any
) -> list[Example | Rejection]:
    settings = {"red_team": SEEDS, "topics": 3, "epochs": 1} | settings
    config = step_config(Step(use="topic_guided_red_teaming", settings=settings))
    assert isinstance(config, Config)
    rows = topic_guided_red_teaming(tasks, Model.over("m", teacher), Random(0), config)
    return [row async for row in rows]


def questions(rows: Sequence[Example | Rejection]) -> list[tuple[str, str, str]]:
    return sorted(
        (str(e.meta["type"]), str(e.meta["topic"]), e.messages[0].text)
        for e in rows
        if isinstance(e, Example)
    )


# Prompts


async def test_topics_are_asked_for_by_type() -> None:
    teacher = Scripted(speaks)
    await run(teacher)
    assert prompt(teacher.calls[0]) == snapshot("""\
A language model knows what it has read and nothing else. One kind of question that may lead it to a wrong answer: questions about tides.
Think of 10 topics that such questions can be about.
1. Each topic is a noun phrase of one to three words and begins with a capital letter.
2. The topics differ from each other and from those that are listed already.

Topics:
1. Moon

Go on with the list: ten more topics, numbered, one per line, and nothing else.\
""")  # noqa: E501
    sampling = teacher.calls[0].request.sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (1.0, 0.98, 128)


async def test_questions_are_asked_for_by_type_and_topic() -> None:
    teacher = Scripted(speaks)
    await run(teacher, examples=1, questions=1, topics=2)
    assert prompt(teacher.calls[2]) == snapshot("""\
A language model knows what it has read and nothing else. Write 2 instructions that try how well it knows its limits.
1. Each line has a type, which says what makes its instructions hard, and a topic. Keep to both.
2. Begin instructions in different ways: with different verbs, as questions and as orders.
3. The instructions ask for different things: an explanation, a list, a decision, advice, a text.
4. Each stands for itself: nobody has to see another text, a picture or a link to answer it.
5. Each is one or two sentences.
6. Write in the language of the examples.

Types and topics:
1. type: Instructions about trains, topic: Night trains
2. type: Instructions about tides, topic: Sea walls

Instructions:
1. type: Instructions about trains, topic: Night trains, instruction: How do I get there?

Write lines 2 to 2 in exactly this form, with number, type, topic and instruction, one line each and nothing else.\
""")  # noqa: E501
    sampling = teacher.calls[2].request.sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (1.0, 0.95, 384)


async def test_reference_asks_for_continuations() -> None:
    teacher = Scripted(speaks)
    rows = await run(teacher, style="reference", topics=2)
    assert prompt(teacher.calls[0]).endswith("Topics:\n1. Moon\n2.")
    assert prompt(teacher.calls[2]).endswith("instruction: How do I get there?\n") or prompt(
        teacher.calls[2]
    ).endswith("instruction: Why does the sea rise?\n")
    assert all(not call.request.messages for call in teacher.calls)
    assert len(questions(rows)) == 2


# Topics


async def test_topics_grow_and_each_type_is_cut_to_the_poorest() -> None:
    def uneven(call: Call) -> str:
        return "no topic" if "about trains" in prompt(call)[:200] else speaks(call)

    even = await run(Scripted(uneven))
    assert questions(even) == []
    every = await run(Scripted(uneven), even=False)
    assert [topic for _, topic, _ in questions(every)] == ["Sea walls", "Spring tides"]
    reasons = [row.reason for row in every if isinstance(row, Rejection)]
    assert reasons == [
        "topic without a capital", "known topic", "topic too long", "topic ends in punctuation",
        "empty topic", "topic without a capital",
    ]  # fmt: skip


async def test_few_known_topics_are_shown_alone_and_many_five_at_a_time() -> None:
    def counts(call: Call) -> str:
        n = len(teacher.calls)
        return "\n".join(f"Topic {n} {chr(97 + i)}" for i in range(4))

    teacher = Scripted(counts)
    await run(teacher, red_team=SEEDS[:1], topics=60, epochs=4, alone=5, questions=60)
    shown = [prompt(call).count("\n", prompt(call).find("Topics:\n")) - 2 for call in teacher.calls]
    # 1 topic; then 5 of them, three of 5 prompts having found new ones; then five at a time.
    assert shown[0] == 1
    assert set(shown[1:-1]) == {5}


async def test_a_type_that_has_enough_topics_is_not_asked_again() -> None:
    teacher = Scripted(speaks)
    await run(teacher, epochs=5)
    assert sum("Think of 10 topics" in prompt(call) for call in teacher.calls) == 2


# Questions


async def test_questions_come_once_for_each_topic_and_unlike_earlier_ones() -> None:
    def twice(call: Call) -> str:
        if "Instructions:" not in prompt(call):
            return "2. Ebb"
        lines = [line for line in speaks(call).split("\n") if "instruction" in line]
        same = re.sub("instruction: .*", "instruction: Why does the sea rise so?", lines[1])
        blank = re.sub("instruction: .*", "instruction: ", lines[1])
        return "\n".join([lines[0], lines[0], same, blank])

    rows = await run(Scripted(twice))
    assert len(questions(rows)) == 1
    assert [row.reason for row in rows if isinstance(row, Rejection)] == [
        "second for its topic", "like an earlier question", "no question",
    ]  # fmt: skip
    assert len(questions(await run(Scripted(twice), max_similarity=None))) == 2


async def test_a_question_like_another_new_one_is_dropped() -> None:
    def alike(call: Call) -> str:
        if "Instructions:" not in prompt(call):
            return "2. Ebb\n3. Flood"
        lines = [line for line in speaks(call).split("\n") if "instruction" in line]
        return "\n".join(
            re.sub("instruction: .*", "instruction: How high is it?", line) for line in lines
        )

    rows = await run(Scripted(alike), red_team=SEEDS[:1])
    assert len(questions(rows)) == 1
    assert [r.reason for r in rows if isinstance(r, Rejection)] == ["like an earlier question"]


async def test_no_more_prompts_are_sent_than_the_missing_topics_take() -> None:
    def tenth(call: Call) -> str:
        return "\n".join(f"Topic {len(teacher.calls)} {letter}" for letter in "abcdefghij")

    for alone in (1, 99):
        teacher = Scripted(tenth)
        await run(teacher, red_team=SEEDS[:1], topics=12, epochs=2, alone=alone)
        assert sum("Think of 10 topics" in prompt(call) for call in teacher.calls) == 2


async def test_prompts_that_came_in_are_passed_on_or_not() -> None:
    task = Task(prompt="What is a tide?", reference="r", meta={"source": "hand"})
    rows = await run(Scripted(speaks), [task])
    assert rows[0] == Example(
        messages=(user("What is a tide?"),), reference="r", meta={"source": "hand"}
    )
    alone = await run(Scripted(speaks), [task], pass_on=False)
    assert all(isinstance(row, Rejection) or "topic" in row.meta for row in alone)
    assert "1 other prompts passed on" in report(rows)


async def test_the_report_counts_questions_by_type() -> None:
    assert report(await run(Scripted(speaks))) == snapshot("""\
4 questions of 2 types; 0 other prompts passed on
        2 Questions about trains
        2 Questions about tides
        2 lines dropped: topic without a capital
        2 lines dropped: topic too long
        2 lines dropped: topic ends in punctuation
        2 lines dropped: empty topic
        1 lines dropped: known topic\
""")


# Seeds


async def test_own_types_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "red.yaml"
    file.write_text("- {type: Questions about bees, topic: Honey, question: Why is it sweet}\n")
    teacher = Scripted(["Wax", "2. type: x, topic: Wax, instruction: Is wax edible?"])
    rows = await run(teacher, red_team=str(file), topics=2)
    assert questions(rows) == [("Questions about bees", "Wax", "Is wax edible?")]
    with pytest.raises(ConfigError, match="red_team"):
        await run(Scripted([]), red_team=[])


async def test_questions_go_on_to_be_answered(tmp_path: Path) -> None:
    def both(call: Call) -> str:
        if call.step == "self_align":
            return '{"thought": "Hm.", "relevant_principles": [7], "answer": "I do not know."}'
        return speaks(call)

    async with Bench(tmp_path / "journal.db") as bench:
        model = bench.model(Scripted(both))
        settings: dict[str, Any] = {"red_team": SEEDS, "topics": 3, "epochs": 1}
        red, align = (
            step("topic_guided_red_teaming", model, **settings),
            step("self_align", model),
        )
        await bench.run([red, align], [Task(prompt="What is a tide?")])
        examples = made(bench.journal, "self_align").examples
    assert examples[0].messages[0].text == "What is a tide?"
    assert [e.meta.get("topic") for e in examples].count(None) == 1
    assert len(examples) == 5
    assert all(e.answer == "I do not know." for e in examples)
    assert examples[1].lineage == ("topic_guided_red_teaming/", f"self_align/{examples[1].id}")


@pytest.mark.parametrize("purpose", ["topics", "questions"])
async def test_a_request_that_is_refused_is_told_and_the_others_go_on(purpose: str) -> None:
    refusals = list[str]()

    def answer(call: Call) -> str:
        if ("Instructions:" in prompt(call)) == (purpose == "questions") and not refusals:
            refusals.append("the prompt is too long")
            raise ContextOverflow(refusals[0])
        return speaks(call)

    rows = await run(Scripted(answer), even=False, batch=1, questions=1)

    rejections = [row for row in rows if isinstance(row, Rejection)]
    errors = [row.meta["error"] for row in rejections if row.reason == "request refused"]
    assert errors == refusals
    assert questions(rows)
