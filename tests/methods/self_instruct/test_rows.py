"""The form of the examples, and the judge's audit."""

from random import Random

from instruct_bench import FRESH, PROMPTS, SEEDS, Teacher, run

from understudy.call.model import Model
from understudy.errors import Rejected
from understudy.methods.self_instruct.instances import Instance
from understudy.methods.self_instruct.rows import Encoder
from understudy.providers.scripted import Scripted
from understudy.types import Call


def test_the_thirteen_templates() -> None:
    encoder = Encoder("reference", PROMPTS, Random(0))
    with_input = {encoder.encode_by_template("I", Instance("x", "y")) for _ in range(300)}
    without = {encoder.encode_by_template("I", Instance("", "y")) for _ in range(300)}
    assert (len(with_input), len(without)) == (7, 6)
    for prompt, completion in with_input | without:
        assert completion == (" y<|endoftext|>" if prompt.endswith("Output:") else "y<|endoftext|>")


def test_half_of_the_time_a_lone_field_name_and_blank_lines_go() -> None:
    encoder = Encoder("reference", PROMPTS, Random(0))
    text = Instance("Text: a\n\nb", "y")
    lone = {encoder.encode_by_template("I", text)[0] for _ in range(300)}
    assert any("Text: a\n\nb" in prompt for prompt in lone)
    assert any("a\nb" in prompt and "Text" not in prompt for prompt in lone)
    fields = Instance("A: a B: b", "y")
    two = {encoder.encode_by_template("I", fields)[0] for _ in range(300)}
    assert all("A: a B: b" in prompt for prompt in two)


async def test_seeds_come_first_where_they_are_asked_for() -> None:
    examples, _ = await run(Teacher(FRESH[0]), n=1, include_seeds=True)

    assert [e.meta.get("seed") for e in examples] == [*(s.id for s in SEEDS), None]
    assert examples[1].messages[0].text == f"{SEEDS[1].prompt}\n\nin 1"


async def test_the_judge_answers_three_questions_about_each_instance() -> None:
    verdicts = iter(["1. Yes\n2. yes\n3. **No**", "1. Yes 2. Yes 3. Yes", "hm"])
    for audit in ("record", "require", "require"):
        judge = Model.over("j", Scripted(lambda call: next(verdicts)))
        examples, rejections = await run(Teacher(FRESH[0]), judge=judge, n=1, audit=audit)
        if audit == "record":
            assert examples[0].meta["audit"] == {
                "valid_task": True, "appropriate_input": True, "correct_output": False,
            }  # fmt: skip
    assert not examples
    assert [r.reason for r in rejections] == ["the judge's answers are unreadable"]


async def test_an_instance_that_the_judge_may_not_see_says_so() -> None:
    def refuses(call: Call) -> str:
        raise Rejected("no such content")

    judge = Model.over("j", Scripted(refuses))

    (example,), _ = await run(Teacher(FRESH[0]), judge=judge, n=1, audit="record")
    assert set(example.meta["audit"].values()) == {None}
    assert example.meta["audit_error"] == "no such content"

    _, rejections = await run(Teacher(FRESH[0]), judge=judge, n=1, audit="require")
    assert [r.reason for r in rejections] == ["request refused"]
