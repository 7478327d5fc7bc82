"""The self-improvement data set: the paths that agree, in the formats of the paper."""

# ruff: noqa: E501 -- prompts and messages stand here as they are printed

from inline_snapshot import snapshot
from vote_bench import path, several

from understudy.providers.scripted import Scripted


async def test_every_path_that_agrees_is_kept_in_the_four_formats_of_the_paper() -> None:
    teacher = Scripted([[path(7, "One."), path(5), path(7, "Two.")]])
    formats = ("few_shot_path", "few_shot_answer", "trigger_path", "answer")
    outcome = await several(teacher, samples=3, shots=1, keep="all", formats=formats)
    assert [(e.meta["format"], e.answer) for e in outcome] == [
        (kind, "The answer is 7." if "answer" in kind else f"{thought} The answer is 7.")
        for thought in ("One.", "Two.")
        for kind in formats
    ]
    assert {e.scores["share"] for e in outcome} == {2 / 3}
    assert [e.messages[0].text for e in outcome[:4]] == snapshot(
        [
            """\
Q: A baker fills 6 trays with 8 rolls each and then sells 29 rolls. How many rolls are left?
A: 6 trays of 8 rolls are 6 * 8 = 48 rolls. After selling 29, 48 - 29 = 19 rolls are left. The answer is 19.

Q: What is 3 + 4?
A:\
""",
            """\
Q: A baker fills 6 trays with 8 rolls each and then sells 29 rolls. How many rolls are left?
A: The answer is 19.

Q: What is 3 + 4?
A:\
""",
            """\
What is 3 + 4?
Let's think step by step.\
""",
            "What is 3 + 4?",
        ]
    )


async def test_paths_may_be_kept_once_and_no_more_than_so_many() -> None:
    texts = [path(7, "One."), path(7, "One."), path(7, "Two."), path(7, "Three.")]
    every = await several(Scripted([texts]), samples=4, keep="all")
    distinct = await several(Scripted([texts]), samples=4, keep="all", distinct=True)
    first = await several(Scripted([texts]), samples=4, keep="all", distinct=True, max_paths=2)
    assert [len(every), len(distinct), len(first)] == [4, 3, 2]
    assert [e.answer[:4] for e in distinct] == ["One.", "Two.", "Thre"]


async def test_one_path_may_be_kept_in_several_formats() -> None:
    teacher = Scripted([[path(7), path(7)]])
    outcome = await several(teacher, samples=2, formats=("path", "answer"))
    assert [e.meta["format"] for e in outcome] == ["path", "answer"]
