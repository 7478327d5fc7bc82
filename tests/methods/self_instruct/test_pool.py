"""Which instructions join the pool."""

import pytest
from instruct_bench import FRESH, SEEDS, Teacher, numbered, run

from understudy.types import Task


@pytest.mark.parametrize("style", ["chat", "reference"])
async def test_a_similarity_of_exactly_the_threshold_passes(style: str) -> None:
    seeds = [Task(id="s", prompt="A b c d e f g h i j", meta=SEEDS[0].meta)]
    border = "A b c d e f g x y z"  # 7 of 10 words: F is 0.7, to the last bit

    examples, _ = await run(Teacher(border), seeds, style=style, n=1)
    assert [e.scores["similarity"] for e in examples] == [0.7]

    _, rejections = await run(Teacher(border), seeds, style=style, n=1, similarity=0.69)
    assert [(r.reason, r.score) for r in rejections] == [("too similar", 0.7)]


async def test_a_task_like_a_seed_or_one_before_it_in_the_same_reply_is_dropped() -> None:
    near = "Compose a limerick on high tides."
    teacher = Teacher(numbered("Seed red does the thing now.", FRESH[0], near))

    examples, rejections = await run(teacher, n=5)

    assert [e.meta["instruction"] for e in examples] == [FRESH[0]]
    assert [(r.reason, r.meta["similar_to"]) for r in rejections] == [
        ("too similar", "Seed red does the thing 0."), ("too similar", FRESH[0]),
    ]  # fmt: skip
    assert rejections[1].score == pytest.approx(10 / 11)
    assert examples[0].scores["similarity"] == 0


@pytest.mark.parametrize(("style", "count"), [("chat", 1), ("reference", 2)])
async def test_only_reference_is_blind_to_other_scripts(style: str, count: int) -> None:
    teacher = Teacher("a写 一首 关于 大海 的诗\n10. b写 一首 关于 大海 的诗")

    examples, _ = await run(teacher, style=style, n=2, similarity=0.8)

    assert len(examples) == count


async def test_the_papers_fields_are_kept_if_asked() -> None:
    examples, _ = await run(Teacher(FRESH[0]), n=1, detail=True)

    assert len(examples[0].meta["most_similar"]) == 10
    assert 0 <= examples[0].meta["avg_similarity_score"] < 0.7
