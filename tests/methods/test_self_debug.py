"""When Self-Debug ends, and what it does with replies that are no use."""

from typing import Any

import pytest
from debug_bench import NO, RIGHT, WORSE, WRONG, YES, code, one, rejected, run, talk, trajectory

from understudy.errors import ContextOverflow
from understudy.methods._shared.programs import fence
from understudy.providers.scripted import Scripted
from understudy.types import assistant


async def test_a_program_that_passes_is_asked_nothing_more() -> None:
    teacher = Scripted(code(RIGHT))
    example = await one(teacher)
    assert (trajectory(example)["stop"], trajectory(example)["n_turns"]) == ("visible_pass", 0)
    assert example.messages == (teacher.calls[0].request.messages[0], assistant(fence(RIGHT)))


async def test_the_loop_ends_after_as_many_repairs_as_are_allowed() -> None:
    teacher = Scripted(lambda call: fence(f"def f(x):\n    return {len(teacher.calls)}"))
    rejection = await rejected(teacher, max_turns=4)
    assert (len(teacher.calls), trajectory(rejection)["n_turns"]) == (5, 4)
    assert (rejection.reason, trajectory(rejection)["stop"]) == (
        "fails the visible tests (max_turns)", "max_turns",
    )  # fmt: skip
    first = await rejected(Scripted(code(WRONG)), max_turns=0)
    assert trajectory(first)["n_turns"] == 0


async def test_a_program_that_comes_again_ends_the_loop_if_so_set() -> None:
    teacher = Scripted([*code(WRONG, WORSE), f"Again:\n{fence(WRONG)}\nThere."])
    rejection = await rejected(teacher, stop_on_repeat=True)
    assert (rejection.reason, trajectory(rejection)["n_turns"]) == (
        "fails the visible tests (repeat)",
        2,
    )
    goes_on = Scripted(code(WRONG, WRONG, RIGHT))
    assert trajectory(await one(goes_on))["n_turns"] == 2


@pytest.mark.parametrize(
    ("feedback", "calls"), [("unit_test", 3), ("unit_test_explanation", 4), ("explanation", 5)]
)
async def test_a_conversation_that_no_longer_fits_ends_the_loop(feedback: str, calls: int) -> None:
    def answer(call: Any) -> Any:
        if len(teacher.calls) == calls:
            return ContextOverflow("too long")
        question = call.request.messages[-1].text
        if question.startswith("Does the code"):
            return NO
        programs = {1: WRONG, 2: WORSE, 3: WORSE, 4: WORSE}
        return "Hm." if "Explain" in question else fence(programs[len(teacher.calls)])

    teacher = Scripted(answer)
    rejection = await rejected(teacher, feedback=feedback)
    ended = trajectory(rejection)
    assert (rejection.reason, ended["n_turns"]) == ("fails the visible tests (window_full)", 1)
    assert [turn["hidden"] for turn in ended["turns"]] == [False, False]


async def test_a_task_that_does_not_fit_at_all_is_a_failure() -> None:
    with pytest.raises(ContextOverflow):
        await run(Scripted([ContextOverflow("too long")]))


async def test_all_but_the_first_samples_is_greedy() -> None:
    teacher = Scripted([code(WRONG, WORSE), "It adds.", *code(RIGHT)])
    await one(teacher, samples=2, feedback="unit_test_explanation")
    draws = [(call.n, call.request.sampling.temperature) for call in teacher.calls]
    assert draws == [(2, 0.7), (1, 0), (1, 0)]
    greedy = Scripted(code(RIGHT))
    await one(greedy)
    assert greedy.calls[0].request.sampling.temperature == 0


async def test_a_reply_without_a_program_is_told_so() -> None:
    teacher = Scripted(["I cannot.", *code(RIGHT)])
    example = await one(teacher)
    assert "[user] The code above is wrong. There is no code in it.\nFix the code." in talk(teacher)
    assert trajectory(example)["turns"][0]["status"] == "no program"
    nothing = await rejected(Scripted(["I cannot.", "No."]), max_turns=1)
    assert nothing.reason == "no program"


async def test_a_verdict_that_cannot_be_read_asks_for_a_repair() -> None:
    example = await one(Scripted([*code(WRONG), "Hm.", *code(RIGHT), YES]), execute=False)
    assert "verdict" not in trajectory(example)["turns"][0]
