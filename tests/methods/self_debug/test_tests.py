"""Which tests the model sees, and that it never sees the others."""

from typing import Any

import pytest
from debug_bench import (
    HIDDEN,
    HUMANEVAL,
    MBPP,
    NO,
    RIGHT,
    TASK,
    VISIBLE,
    WORSE,
    WRONG,
    Fake,
    code,
    run,
)
from inline_snapshot import snapshot

from understudy.call.model import Model
from understudy.handles.sandbox import Sandbox
from understudy.methods._shared.programs import fence
from understudy.methods.self_debug import Config, self_debug
from understudy.methods.self_debug.tests import hidden_tests, visible_tests
from understudy.providers.scripted import Scripted
from understudy.sandbox.protocol import Execution, Outcome
from understudy.types import Example, Task


def test_visible_are_the_named_tests_the_docstrings_examples_or_the_first_asserts() -> None:
    assert visible_tests(TASK, 1) == (VISIBLE,)
    assert visible_tests(MBPP, 1) == (VISIBLE,)
    named = Task(prompt=HUMANEVAL.prompt, tests=MBPP.tests, meta={"visible_tests": ["assert f(0)"]})
    assert visible_tests(named, 1) == ("assert f(0)",)
    assert visible_tests(MBPP, 2) == (VISIBLE, "assert f(4) == 8")
    assert visible_tests(MBPP, None) == MBPP.tests
    assert visible_tests(HUMANEVAL, 1) == snapshot(
        ("assert double(2) == 4", "assert double(7) == 14")
    )


def test_a_test_file_is_never_shown() -> None:
    task = Task(prompt="No examples.", tests=HUMANEVAL.tests, meta={"entry_point": "double"})
    assert visible_tests(task, 1) == ()
    assert visible_tests(task, None) == ()


def test_hidden_are_all_tests_as_files_that_call_their_check() -> None:
    assert hidden_tests(TASK) == TASK.tests
    assert hidden_tests(HUMANEVAL) == (f"{HUMANEVAL.tests[0]}\ncheck(double)",)
    assert hidden_tests(MBPP)[2] == f"k = 20\n{HIDDEN}"
    calls_it = Task(tests=("def check(c):\n    pass\ncheck(f)",), meta={"entry_point": "f"})
    assert hidden_tests(calls_it) == calls_it.tests


@pytest.mark.parametrize("feedback", Config.model_fields["feedback"].annotation.__args__)  # type: ignore[union-attr]  # a Literal
@pytest.mark.parametrize("task", [TASK, HUMANEVAL, MBPP], ids=["named", "docstring", "mbpp"])
async def test_no_prompt_ever_holds_a_hidden_test(feedback: str, task: Task) -> None:
    names = ("double",) if task is HUMANEVAL else ("f",)
    programs = [f"def {n}(x):\n    return {{}}" for n in names]

    def answer(call: Any) -> str:
        last = call.request.messages[-1].text
        if "Does the code" in last:
            return NO
        return fence(programs[0].format(len(teacher.calls)))

    teacher = Scripted(answer)
    rows = await run(
        teacher, task, feedback=feedback, max_turns=3, resample=True, shots=1, samples=2,
        keep=("solution", "repair", "preference", "critique"), accept="all",
    )  # fmt: skip
    prompts = "\n".join(m.text for call in teacher.calls for m in call.request.messages)
    assert rows
    for secret in ("(21)", "42", "check", "(10)", "20", "2 * x"):
        assert secret not in prompts, secret
    for row in rows:
        if isinstance(row, Example):
            text = "\n".join(m.text for m in (*row.messages, *row.rejected))
            assert "candidate" not in text
            assert "(10)" not in text


async def test_hidden_tests_run_once_per_program_and_after_the_last_word() -> None:
    order = list[str]()
    fake, teacher = Fake(), Scripted(code(WRONG, WORSE, RIGHT))

    async def watched(execution: Execution) -> Outcome:
        order.append("hidden" if HIDDEN in execution.program.tests else "visible")
        return await fake(execution)

    async def answer(call: Any) -> Any:
        order.append("model")
        return await teacher(call)

    await self_debug(TASK, Model.over("m", answer), Sandbox(watched), Config())
    assert order == [*["model", "visible"] * 3, *["hidden"] * 3]
