"""Self-Instruct: what is asked, how replies are read, what joins the pool, when it ends."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from harness import Bench, defined, made, step

from understudy.call.model import Ahead, Model
from understudy.errors import ConfigError, Rejected, Unauthorized
from understudy.methods import _self_instruct_parse as parse
from understudy.methods import _self_instruct_prompts as prompts
from understudy.methods import method, methods
from understudy.methods._self_instruct_parse import Instance
from understudy.methods._self_instruct_report import report, verb_and_object
from understudy.methods.self_instruct import Config, self_instruct
from understudy.providers.scripted import Scripted
from understudy.reports.plan import estimate
from understudy.runs.recipe import Recipe, load
from understudy.types import Call, Example, Rejection, Reply, Task

COLOURS = ("red", "green", "blue", "black", "white", "pink", "brown", "grey", "teal", "gold")
SEEDS = [
    Task(
        id=f"s{i}",
        prompt=f"Seed {word} does the thing {i}.",
        meta={
            "instances": [{"input": f"in {i}" if i % 2 else "", "output": f"out {i}"}],
            "is_classification": i % 3 == 0,
        },
    )
    for i, word in enumerate(
        ["red", "green", "blue", "black", "white", "pink", "brown", "grey", "teal", "gold"]
    )
]
FRESH = [
    "Compose a limerick on tides.", "Name seven rivers in Peru.", "Rank those cheeses by age.",
    "Explain glaciers to my uncle.", "Invent two holiday games quickly.", "Convert miles into leagues.",
    "Defend an unpopular opinion politely.", "Count vowels within every word.",
]  # fmt: skip


class Teacher:
    """Answers by what it is asked; new tasks come one reply after another."""

    def __init__(self, *lists: str | Reply, labels: str = "No", instances: str = "") -> None:
        self.lists, self._labels = list(lists), labels
        self._instances = instances or "Example 1\nInput: a\nOutput: b"
        self.provider = Scripted(self._answer)
        self.model = Model.over("m", self.provider)

    def _answer(self, call: Call) -> str | Reply:
        text = prompt_of(call)
        if text.endswith("Is it classification?"):
            return self._labels
        if "Come up with a series" in text or "###" in text:
            return self.lists.pop(0) if self.lists else ""
        return self._instances

    def asked(self, start: str) -> list[str]:
        return [text for call in self.provider.calls if start in (text := prompt_of(call))]


def prompt_of(call: Call) -> str:
    return call.request.prompt or call.request.messages[-1].text


async def run(
    teacher: Teacher, seeds: Sequence[Task] = SEEDS, judge: Model | None = None, **settings: Any
) -> tuple[list[Example], list[Rejection]]:
    given: dict[str, Any] = {"batch": 1, "ahead": 1, "patience": 2, **settings}
    config = Config(**given)
    outcomes = [
        one
        async for one in self_instruct(
            seeds, teacher.model, judge or teacher.model, Random(0), config
        )
    ]
    rejected = [one for one in outcomes if isinstance(one, Rejection)]
    return [one for one in outcomes if isinstance(one, Example)], rejected


def numbered(*tasks: str, first: int = 9) -> str:
    return "\n".join([tasks[0], *(f"{i}. {t}" for i, t in enumerate(tasks[1:], first + 1))])


# What is asked


async def test_a_prompt_shows_six_seeds_and_two_of_its_own() -> None:
    teacher = Teacher(numbered(*FRESH[:3]), numbered(*FRESH[3:6]))

    await run(teacher, n=6, guidance="standard")

    first, second = teacher.asked("Come up with a series")[:2]
    assert first.count("Seed") == 8
    assert second.count("Seed") == 6
    assert sum(task in second for task in FRESH[:3]) == 2
    assert second.endswith("\n9.")
    assert "up to 7 new tasks" in second
    assert prompts.EXAMPLE_FORMAT in teacher.asked("Come up with examples")[0]


async def test_with_one_task_of_its_own_it_shows_seven_seeds() -> None:
    teacher = Teacher(FRESH[0], FRESH[1])

    await run(teacher, n=2)

    assert teacher.asked("Come up with a series")[1].count("Seed") == 7


def test_a_list_prompt_is_one_line_a_task_without_colons_at_the_end() -> None:
    assert prompts.grow(["Do  this\nnow:", "Say so: yes"], "") == (
        "Come up with a series of tasks:\n1. Do this now\n2. Say so: yes\n3."
    )
    assert prompts.grow(["A"], "Be kind.", labels=True).startswith(
        "Be kind.\n\nCome up with a series of classification tasks."
    )


async def test_classification_seeds_alone_may_be_shown() -> None:
    teacher = Teacher(FRESH[0])

    await run(teacher, n=1, classification_only=True)

    (prompt,) = teacher.asked("Come up with a series")
    assert [i for i in range(10) if f"thing {i}." in prompt] == [0, 3, 6, 9]


async def test_reference_asks_as_the_released_code_does() -> None:
    teacher = Teacher(numbered(*FRESH[:2]))

    await run(teacher, style="reference", n=1)

    new, labels, found = (call.request for call in teacher.provider.calls)
    assert not new.messages
    s = new.sampling
    assert (s.temperature, s.top_p, s.presence_penalty, s.max_tokens) == (0.7, 0.5, 2, 1024)
    assert s.stop == ("\n\n", "\n16", "16.", "16 .")
    assert labels.prompt.count("Is it classification? Yes") == 12
    assert labels.prompt.count("Is it classification? No") == 19
    assert (labels.sampling.max_tokens, labels.sampling.stop) == (3, ("\n", "Task"))
    assert found.prompt.count("\nTask: ") == 12
    assert found.prompt.endswith(f"Task: {FRESH[0]}\n")
    s = found.sampling
    assert (s.temperature, s.presence_penalty, s.max_tokens) == (0, 1.5, 350)
    assert s.stop == ("Example 6", "Task:")


async def test_reference_asks_for_labels_first_where_a_task_is_classification() -> None:
    teacher = Teacher(FRESH[0], labels=" Yes", instances="Class label: x\nText: y")

    (example,), _ = await run(teacher, style="reference", n=1, encoding="plain")

    prompt = prompt_of(teacher.provider.calls[-1])
    assert prompt.count("\nTask: ") == 17
    assert prompt.count("Class label: ") == 36
    assert teacher.provider.calls[-1].request.sampling.max_tokens == 300
    assert (example.meta["input"], example.meta["output"]) == ("Text: y", "x")
    assert example.meta["is_classification"] is True


async def test_alpaca_takes_instruction_and_instance_from_one_call() -> None:
    block = " Plan a picnic for ants.\n4. Input:\n<noinput>\n4. Output:\nBring crumbs.\n###\n"
    more = "5. Instruction: Translate this line.\n5. Input:\nciao\n5. Output:\nhello"
    teacher = Teacher(block + more)

    examples, rejected = await run(teacher, style="alpaca", n=2, min_words=3)

    assert [e.messages[0].text for e in examples] == [
        "Plan a picnic for ants.", "Translate this line.\n\nciao",
    ]  # fmt: skip
    assert [e.answer for e in examples] == ["Bring crumbs.", "hello"]
    assert not rejected
    (call,) = teacher.provider.calls
    assert prompt_of(call).count(". Instruction:") == 4
    assert prompt_of(call).endswith("###\n4. Instruction:")
    s = call.request.sampling
    assert (s.temperature, s.top_p, s.max_tokens, s.stop) == (1, 1, 3072, ("\n20", "20."))


def test_settings_follow_the_style_unless_they_are_given() -> None:
    assert Config().n == 100
    assert Config(style="reference").n == 50_000
    assert Config(style="reference", n=7).n == 7
    assert len(Config(style="alpaca").forbidden) == 18
    assert Config.model_validate(Config(style="alpaca").model_dump()) == Config(style="alpaca")


# How lists are read


def test_reference_reads_a_list_with_all_its_quirks() -> None:
    text = " Use Python here.\n10. Say  it\nTwice.\n11.Glued on.\n12) Too.\n13 . "
    assert parse.reference_list(Reply(text=text)) == [
        "Use python here.", "Say it twice. 11.glued on. 12) too.",
    ]  # fmt: skip
    assert parse.reference_list(Reply(text=text, stop="length")) == []


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("Use Python.\n10. Sort it.", ["Use Python.", "Sort it."]),
        ("9. One\n10) Two\n11.Three", ["One", "Two", "Three"]),
        ("Sure, here they are:\n\n1. **One**: a\n2. Two\n   goes on", ["One: a", "Two goes on"]),
        ("- One\n* Two\n• Three", ["One", "Two", "Three"]),
        ('["One", "Two", 3, " "]', ["One", "Two"]),
        ('```json\n["One"]\n```', ["One"]),
        ("9、写一首诗。\n10、算一算。", ["写一首诗。", "算一算。"]),
        ("Round 2.5 to a whole number.", ["Round 2.5 to a whole number."]),
        ("[sic] is Latin.", ["[sic] is Latin."]),
        ("", []),
    ],
)
def test_other_styles_read_any_list(text: str, tasks: list[str]) -> None:
    assert parse.any_list(Reply(text=text)) == tasks


def test_of_a_list_that_was_cut_off_only_the_last_task_is_lost() -> None:
    assert parse.any_list(Reply(text="One\n10. Two\n11. Thr", stop="length")) == ["One", "Two"]


def test_a_block_without_all_three_parts_or_cut_off_is_left_out() -> None:
    good = "Instruction: A\n4. Input: b\n4. Output: c"
    text = f"{good}\n###\n5. Instruction: D\n###\n6. {good}"
    assert len(parse.blocks(Reply(text=text))) == 2
    assert len(parse.blocks(Reply(text=text, stop="length"))) == 1


# What is dropped


@pytest.mark.parametrize(
    ("text", "reference", "other"),
    [
        ("Only three words", "too short", "too short"),
        ("Now these are four", "", ""),
        ("word " * 150, "", ""),
        ("word " * 151, "too long", "too long"),
        ("Describe the IMAGE below now", "names what a text model cannot do", None),
        ("Describe the profile of imagery", "", ""),
        ("I want to go to work", "names what a text model cannot do", None),
        ("Write a program that sorts", "asks for a program", None),
        ("write a program that sorts", "", "asks for a program"),
        ("Write a programme for the party", "asks for a program", None),
        ('"Quoted" words come first here', "starts with a sign", None),
        ("Über alle Berge gehen wir", "starts with a letter that is not ASCII", ""),
        ("写一首关于大海的诗。", "too short", ""),
    ],
)
def test_rules_for_instructions(text: str, reference: str, other: str | None) -> None:
    rules: dict[str, Any] = {"least": 4, "most": 150, "forbidden": Config().forbidden}
    assert parse.fault(text, **rules, reference=True) == reference
    assert parse.fault(text, **rules, reference=False) == (reference if other is None else other)


async def test_a_task_like_a_seed_or_one_before_it_in_the_same_reply_is_dropped() -> None:
    near = "Compose a limerick on high tides."
    teacher = Teacher(numbered("Seed red does the thing now.", FRESH[0], near))

    examples, rejected = await run(teacher, n=5)

    assert [e.meta["instruction"] for e in examples] == [FRESH[0]]
    assert [(r.reason, r.meta["similar_to"]) for r in rejected] == [
        ("too similar", "Seed red does the thing 0."), ("too similar", FRESH[0]),
    ]  # fmt: skip
    assert rejected[1].score == pytest.approx(10 / 11)
    assert examples[0].scores["similarity"] == 0


@pytest.mark.parametrize(("style", "kept"), [("chat", 1), ("reference", 2)])
async def test_only_reference_is_blind_to_other_scripts(style: str, kept: int) -> None:
    teacher = Teacher("a写 一首 关于 大海 的诗\n10. b写 一首 关于 大海 的诗")

    examples, _ = await run(teacher, style=style, n=2, similarity=0.8)

    assert len(examples) == (1 if style == "chat" else kept)


async def test_a_request_that_is_refused_brings_nothing_and_the_others_go_on() -> None:
    teacher = Teacher(FRESH[0])
    answer = teacher.provider

    async def refuses(call: Call) -> Sequence[Reply]:
        if "Come up with a series" in prompt_of(call) and not answer.calls:
            await answer(call)
            raise Rejected("too long")
        return await answer(call)

    teacher.model = Model.over("m", refuses)
    teacher.lists.insert(0, "unseen")

    examples, rejected = await run(teacher, n=1)

    assert len(examples) == 1
    assert [r.reason for r in rejected] == ["request refused"]
    assert rejected[0].meta["error"] == "too long"


async def test_a_task_whose_instances_are_refused_is_told_apart() -> None:
    def refuses(call: Call) -> str:
        if prompt_of(call).startswith("Come up with examples"):
            raise Rejected("no such content")
        return "No" if prompt_of(call).endswith("?") else FRESH[0]

    teacher = Teacher()
    teacher.model = Model.over("m", Scripted(refuses))

    _, rejected = await run(teacher, n=1)

    assert rejected[0].reason == "request refused"
    assert rejected[0].meta["error"] == "no such content"


async def test_a_wrong_key_ends_the_run() -> None:
    def locked(call: Call) -> str:
        raise Unauthorized("no key")

    teacher = Teacher()
    teacher.model = Model.over("m", Scripted(locked))

    with pytest.raises(Unauthorized):
        await run(teacher, n=1)


# Instances


PAIR = "Example 1\nInput: a\nOutput: b\nExample 2\nInput 2: c\nOutput 2: d"


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (PAIR, [("a", "b"), ("c", "d")]),
        ("Output: straight", [("", "straight")]),
        ("Input: x\nOutput: y\nOutput: lost", [("x", "y")]),
        ("Paragraph: p\nOutput: q\nInput: next", [("Paragraph: p", "q")]),
        ("Example 1\nno marker", [("", "no marker")]),
        ("nothing", []),
    ],
)
def test_instances_of_a_generation_task(raw: str, found: list[tuple[str, str]]) -> None:
    for reference in (True, False):
        assert parse.generated(raw, cut_off=False, reference=reference) == found
        assert parse.generated(raw, cut_off=True, reference=reference) == found[:-1]


def test_only_reference_parts_instances_at_the_word_example() -> None:
    raw = "Output: An Example of it."
    assert parse.generated(raw, cut_off=False) == [("", "An"), ("", "of it.")]
    assert parse.generated(raw, cut_off=False, reference=False) == [("", "An Example of it.")]


def test_words_around_the_instances_of_a_chat_model_do_not_count() -> None:
    raw = "Task: Add the numbers.\n\nSure!\n\n**Example 1**\n**Input:** 1 and 2\n**Output:** 3"
    assert parse.instances(Reply(text=raw), False, reference=False) == [("1 and 2", "3")]
    raw = "Task: Say hello.\nOutput: Hello!"
    assert parse.instances(Reply(text=raw), False, reference=False) == [("", "Hello!")]


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("intro\nClass label: A\nText: x\nClass label: B", [("Text: x", "A"), ("", "B")]),
        ("Label: A", []),
    ],
)
def test_instances_of_a_classification_task(raw: str, found: list[tuple[str, str]]) -> None:
    assert parse.classified(raw, cut_off=False) == found
    assert parse.classified(raw, cut_off=True) == found[:-1]


def test_unsound_instances_are_left_out_and_a_contradiction_loses_them_all() -> None:
    good = Instance("a", "b")
    assert parse.sound([good, Instance("x", "x"), Instance("x", ""), Instance("q:", "r")]) == [good]
    assert parse.sound([Instance("q", "r:"), good, good]) == [good]
    assert parse.sound([good, Instance("a", "c")]) == []
    assert len(parse.sound([Instance("", "b"), Instance("", "c")])) == 2


@pytest.mark.parametrize("said", ["Yes", " yes", "YES\n", "**Yes**.", "Yes, it is"])
def test_yes_is_read_leniently_but_in_reference(said: str) -> None:
    assert parse.is_yes(said, reference=False)
    assert parse.is_yes(said, reference=True) == (said.strip() in ("Yes", "yes", "YES"))
    assert not parse.is_yes("No.", reference=False)


async def test_at_most_five_instances_are_kept() -> None:
    many = "\n".join(f"Example {i}\nInput: {i}\nOutput: o{i}" for i in range(1, 8))
    examples, _ = await run(Teacher(FRESH[0], instances=many), n=1)
    assert len({e.meta["input"] for e in examples}) == 5


async def test_a_task_without_an_instance_is_made_up_for_by_another() -> None:
    teacher = Teacher(FRESH[0], FRESH[1], instances="?")

    examples, rejected = await run(teacher, n=1)

    assert not examples
    assert [r.reason for r in rejected] == ["no instance", "no instance"]


# The form of the data


def test_the_thirteen_templates() -> None:
    rng = Random(0)
    with_input = {prompts.encode("I", Instance("x", "y"), rng) for _ in range(300)}
    without = {prompts.encode("I", Instance("", "y"), rng) for _ in range(300)}
    assert (len(with_input), len(without)) == (7, 6)
    for prompt, completion in with_input | without:
        assert completion == (" y<|endoftext|>" if prompt.endswith("Output:") else "y<|endoftext|>")


def test_half_of_the_time_a_lone_field_name_and_blank_lines_go() -> None:
    rng = Random(0)
    lone = {prompts.encode("I", Instance("Text: a\n\nb", "y"), rng)[0] for _ in range(300)}
    assert any("Text: a\n\nb" in prompt for prompt in lone)
    assert any("a\nb" in prompt and "Text" not in prompt for prompt in lone)
    two = {prompts.encode("I", Instance("A: a B: b", "y"), rng)[0] for _ in range(300)}
    assert all("A: a B: b" in prompt for prompt in two)


async def test_seeds_come_first_where_they_are_asked_for() -> None:
    examples, _ = await run(Teacher(FRESH[0]), n=1, include_seeds=True)

    assert [e.meta.get("seed") for e in examples] == [*(s.id for s in SEEDS), None]
    assert examples[1].messages[0].text == f"{SEEDS[1].prompt}\n\nin 1"


async def test_the_papers_fields_are_kept_if_asked() -> None:
    examples, _ = await run(Teacher(FRESH[0]), n=1, detail=True)

    assert len(examples[0].meta["most_similar"]) == 10
    assert 0 <= examples[0].meta["avg_similarity_score"] < 0.7


async def test_the_judge_answers_three_questions_about_each_instance() -> None:
    verdicts = iter(["1. Yes\n2. yes\n3. **No**", "1. Yes 2. Yes 3. Yes", "hm"])
    for audit in ("record", "require", "require"):
        judge = Model.over("j", Scripted(lambda call: next(verdicts)))
        examples, rejected = await run(Teacher(FRESH[0]), judge=judge, n=1, audit=audit)
        if audit == "record":
            assert examples[0].meta["audit"] == {
                "valid_task": True, "appropriate_input": True, "correct_output": False,
            }  # fmt: skip
    assert not examples
    assert [r.reason for r in rejected] == ["the judge's answers are unreadable"]


# When it ends, and what is under way


async def test_it_stops_at_n_and_asks_for_no_instances_beyond() -> None:
    teacher = Teacher(numbered(*FRESH))

    examples, _ = await run(teacher, n=3)

    assert len(examples) == 3
    assert (
        len([c for c in teacher.provider.calls if prompt_of(c).startswith(prompts.CLASSIFY)]) == 3
    )


async def test_it_gives_up_after_batches_without_anything_new() -> None:
    teacher = Teacher(FRESH[0], "", FRESH[0], "")

    examples, rejected = await run(teacher, n=9, patience=3)

    assert len(examples) == 1
    assert [r.reason for r in rejected] == ["too similar"]
    assert len(teacher.asked("Come up with a series")) == 4


async def test_it_gives_up_where_no_task_has_an_instance() -> None:
    teacher = Teacher(*FRESH, instances="?")

    examples, rejected = await run(teacher, n=9, patience=4)

    assert not examples
    assert len(rejected) == 4


async def test_without_seeds_there_is_nothing_to_start_from() -> None:
    teacher = Teacher(FRESH[0])
    assert await run(teacher, seeds=[]) == ([], [])
    assert not teacher.provider.calls


async def test_batches_are_under_way_at_once_and_no_more_than_are_needed() -> None:
    for n, ahead, at_first in ((1000, 4, 4), (1000, 1, 1), (3, 4, 2)):
        teacher = Teacher(labels="No")
        await run(teacher, n=n, ahead=ahead, batch=1, patience=1)
        assert len(teacher.asked("Come up with a series")) == at_first


async def test_identical_prompts_are_different_draws() -> None:
    teacher = Teacher(FRESH[0], FRESH[1], FRESH[2])

    await run(teacher, seeds=SEEDS[:1], n=3, batch=3, shown_machine=0)

    calls = [c for c in teacher.provider.calls if "Come up with a series" in prompt_of(c)]
    assert [call.draw for call in calls[0].calls] == [0, 1, 2]
    assert len({prompt_of(call) for call in calls}) == 1


async def test_work_that_nobody_takes_is_given_up() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    ahead = Ahead[None]()
    ahead.start(forever())
    assert len(ahead) == 1
    await ahead.close()
    assert len(ahead) == 0


# Around it


async def test_it_runs_as_a_step(tmp_path: Path) -> None:
    teacher = Teacher(numbered(*FRESH[:4]))
    async with Bench(tmp_path / "j.db") as bench:
        model = bench.model(teacher.provider)
        await bench.run([step("self_instruct", model, n=3, batch=1, ahead=1)], SEEDS)

    kept = made(tmp_path / "j.db", "self_instruct").examples
    assert [e.meta["instruction"] for e in kept] == FRESH[:3]


def test_its_own_seeds_are_taken_where_a_recipe_names_none(tmp_path: Path) -> None:
    own = "builtin:self_instruct"
    assert load("self_instruct", ["n=5"]).seeds == own
    assert load("self_instruct", ["seeds=mine.jsonl"]).seeds == "mine.jsonl"
    assert Recipe.of({"steps": ["self_instruct"]}).seeds == own
    (file := tmp_path / "r.yaml").write_text("steps: [self_instruct, length]")
    assert load(str(file), []).seeds == own


async def test_a_plan_from_a_few_seeds_is_refused() -> None:
    with pytest.raises(ConfigError, match="small n"):
        await estimate(Recipe.of({"steps": ["self_instruct"]}), 3, notice=print)


def test_the_shipped_seeds_are_varied() -> None:
    seeds = prompts.shipped()
    assert len(seeds) >= 40
    assert len({seed.instruction for seed in seeds}) == len(seeds)
    assert sum(seed.labels for seed in seeds) == 16
    assert sum(not seed.instances[0].input for seed in seeds) >= 8
    assert all(parse.sound(seed.instances) == list(seed.instances) for seed in seeds)


def test_a_method_may_bring_no_seeds() -> None:
    assert methods.get("self_instruct") is not None
    assert defined(self_instruct).seeds == ""
    assert callable(method(paper="arXiv:0000.00000"))


# The report


async def test_the_report_counts_reasons_similarities_lengths_and_verbs() -> None:
    teacher = Teacher(
        numbered("Short.", *FRESH[:3], FRESH[0]), labels="Yes", instances="Class label: x"
    )
    examples, rejected = await run(teacher, n=3, audit="none")

    text = report([*examples, *rejected])

    assert "3 tasks (3 of them classification) with 3 instances, 3 without input" in text
    assert "1 too short" in text
    assert "mean words: instruction 5.0, output 1.0" in text
    assert "highest similarity" in text
    assert "verb and object at the start of 3 instructions" in text
    assert report([]) == "no tasks"
    assert report(rejected[:1]) == "no tasks\n    1 too short"


async def test_the_report_tells_what_the_judge_said() -> None:
    verdicts = iter(["1. Yes\n2. Yes\n3. No", "1. Yes\n2. Yes\n3. Yes"])
    judge = Model.over("j", Scripted(lambda call: next(verdicts)))
    examples, rejected = await run(Teacher(numbered(*FRESH[:2])), judge=judge, n=1, audit="require")

    text = report([*examples, *rejected])

    assert (
        "judge, of 2 instances: valid task 100%, appropriate input 100%, correct output 50%" in text
    )


@pytest.mark.parametrize(
    ("instruction", "found"),
    [
        ("Write a short poem about the sea.", ("write", "poem")),
        ("List five questions that you would ask.", ("list", "question")),
        ("Please translate the following sentence into French.", ("translate", "sentence")),
        ("Convert the recipe's amounts to grams.", ("convert", "amount")),
        ("Explain to a child why it rains.", ("explain", "child")),
        ("What is the capital of Peru?", None),
        ("Given a list, sort it.", None),
        ("Discuss.", None),
        ("Summarise this!", None),
        ("写一首诗。", None),
        ("Sort it.", None),
    ],
)
def test_verb_and_object_by_rule_of_thumb(instruction: str, found: tuple[str, str] | None) -> None:
    assert verb_and_object(instruction) == found
