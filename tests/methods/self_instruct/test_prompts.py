"""What Self-Instruct asks, in each style."""

from instruct_bench import FRESH, PROMPTS, Teacher, numbered, prompt_of, run

from understudy.methods.self_instruct import Config
from understudy.methods.self_instruct.instances import filter_instances
from understudy.methods.self_instruct.prompts import ask_for_list, demonstrations


async def test_a_prompt_shows_six_seeds_and_two_of_its_own() -> None:
    teacher = Teacher(numbered(*FRESH[:3]), numbered(*FRESH[3:6]))

    await run(teacher, n=6, guidance="standard")

    first, second = teacher.prompts("Come up with a series")[:2]
    assert first.count("Seed") == 8
    assert second.count("Seed") == 6
    assert sum(task in second for task in FRESH[:3]) == 2
    assert second.endswith("\n9.")
    assert "up to 7 new tasks" in second
    assert PROMPTS.example_format in teacher.prompts("Come up with examples")[0]


async def test_with_one_task_of_its_own_it_shows_seven_seeds() -> None:
    teacher = Teacher(FRESH[0], FRESH[1])

    await run(teacher, n=2)

    assert teacher.prompts("Come up with a series")[1].count("Seed") == 7


def test_a_list_prompt_is_one_line_a_task_without_colons_at_the_end() -> None:
    assert ask_for_list("Tasks:", ["Do  this\nnow:", "Say so: yes"]) == (
        "Tasks:\n1. Do this now\n2. Say so: yes\n3."
    )
    assert ask_for_list("Tasks:", ["A"], "Be kind.") == "Be kind.\n\nTasks:\n1. A\n2."


async def test_classification_seeds_alone_may_be_shown() -> None:
    teacher = Teacher(FRESH[0])

    await run(teacher, n=1, classification_only=True)

    (prompt,) = teacher.prompts("Come up with a series")
    assert [i for i in range(10) if f"thing {i}." in prompt] == [0, 3, 6, 9]


async def test_reference_asks_as_the_released_code_does() -> None:
    teacher = Teacher(numbered(*FRESH[:2]))

    await run(teacher, style="reference", n=1)

    new, labels, instances = (call.request for call in teacher.provider.calls)
    assert not new.messages
    s = new.sampling
    assert (s.temperature, s.top_p, s.presence_penalty, s.max_tokens) == (0.7, 0.5, 2, 1024)
    assert s.stop == ("\n\n", "\n16", "16.", "16 .")
    assert labels.prompt.count("Is it classification? Yes") == 12
    assert labels.prompt.count("Is it classification? No") == 19
    assert (labels.sampling.max_tokens, labels.sampling.stop) == (3, ("\n", "Task"))
    assert instances.prompt.count("\nTask: ") == 12
    assert instances.prompt.endswith(f"Task: {FRESH[0]}\n")
    s = instances.sampling
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

    examples, rejections = await run(teacher, style="alpaca", n=2, min_words=3)

    assert [e.messages[0].text for e in examples] == [
        "Plan a picnic for ants.", "Translate this line.\n\nciao",
    ]  # fmt: skip
    assert [e.answer for e in examples] == ["Bring crumbs.", "hello"]
    assert not rejections
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


def test_the_shipped_seeds_are_varied() -> None:
    seeds = [*demonstrations(labels=True), *demonstrations(labels=False)]
    assert len(seeds) >= 40
    assert len({seed.instruction for seed in seeds}) == len(seeds)
    assert len(demonstrations(labels=True)) == 16
    assert sum(not seed.instances[0].input for seed in seeds) >= 8
    assert all(filter_instances(seed.instances) == list(seed.instances) for seed in seeds)
