"""What is kept of a task."""

import pytest
from debug_bench import GAMED, NO, RIGHT, WORSE, WRONG, YES, code, one, rejected, run, trajectory
from inline_snapshot import snapshot

from understudy.methods._shared.programs import fence
from understudy.providers.scripted import Scripted
from understudy.types import Example, Rejection, assistant


async def test_meta_tells_every_turn_and_no_time() -> None:
    example = await one(
        Scripted([*code(WRONG), "It adds one.", *code(RIGHT)]), feedback="unit_test_explanation"
    )
    assert example.meta["source"] == "hand"
    assert trajectory(example) == snapshot(
        {
            "task": "t",
            "language": "python",
            "feedback": "unit_test_explanation",
            "prelude": "",
            "visible_tests": ["assert f(3) == 6"],
            "initial_samples": [
                """\
def f(x):
    return x + 1\
"""
            ],
            "selected": {"taken": 0, "how": "greedy", "passing": 0, "agreeing": 0},
            "turns": [
                {
                    "turn": 0,
                    "code": """\
def f(x):
    return x + 1\
""",
                    "status": "failed",
                    "failed_test": "assert f(3) == 6",
                    "outcome": "The test assert f(3) == 6 fails: it returned 4.",
                    "feedback": "unit_test_explanation",
                    "explanation": "It adds one.",
                    "visible": False,
                    "hidden": False,
                },
                {
                    "turn": 1,
                    "code": """\
def f(x):
    return 2 * x\
""",
                    "status": "passed",
                    "visible": True,
                    "hidden": True,
                },
            ],
            "stop": "visible_pass",
            "n_turns": 1,
            "tokens": 19,
            "special_cased": [],
            "tokens_estimated": False,
        }
    )
    assert example.scores == snapshot({"visible": 1.0, "hidden": 1.0})


async def test_a_repair_is_the_wrong_program_its_feedback_and_what_mended_it() -> None:
    example = await one(Scripted(code(WORSE, WRONG, RIGHT)), keep=["repair"])
    assert [(m.role, m.text) for m in example.messages] == snapshot(
        [
            (
                "user",
                """\
Write a Python function f(x) that returns x doubled.
Your code should pass these tests:
assert f(3) == 6\
""",
            ),
            (
                "assistant",
                """\
```python
def f(x):
    return x + 1
```\
""",
            ),
            (
                "user",
                """\
The code above is wrong. The test assert f(3) == 6 fails: it returned 4.
Fix the code.\
""",
            ),
            (
                "assistant",
                """\
```python
def f(x):
    return 2 * x
```\
""",
            ),
        ]
    )


async def test_a_preference_is_the_last_program_over_the_first_wrong_one() -> None:
    example = await one(Scripted(code(WORSE, WRONG, RIGHT)), keep=["preference"])
    assert example.messages[-1] == assistant(fence(RIGHT))
    assert example.rejected == (assistant(fence(WORSE)),)
    assert len(example.messages) == 2


async def test_a_critique_is_kept_only_where_its_verdict_is_true() -> None:
    script = [*code(WRONG), "It adds one.", NO, *code(WORSE), "Same.", YES]
    rows = await run(Scripted(script), feedback="explanation", keep=["critique", "solution"])
    critique, rejection = rows
    assert isinstance(critique, Example)
    assert isinstance(rejection, Rejection)
    assert [(m.role, m.text) for m in critique.messages[1:]] == snapshot(
        [
            (
                "assistant",
                """\
```python
def f(x):
    return x + 1
```\
""",
            ),
            ("user", "Explain the code above line by line."),
            ("assistant", "It adds one."),
            ("user", "Does the code above do what is asked?"),
            ("assistant", "The code above is wrong."),
        ]
    )
    assert critique.meta["format"] == "critique"


async def test_a_task_that_teaches_nothing_in_the_forms_asked_for_is_a_rejection() -> None:
    rejection = await rejected(Scripted(code(RIGHT)), keep=["repair", "preference"])
    assert rejection.reason == "nothing to learn from"


async def test_several_forms_come_from_one_task() -> None:
    rows = await run(Scripted(code(WRONG, RIGHT)), keep=["solution", "repair", "preference"])
    assert [row.meta["format"] for row in rows] == ["solution", "repair", "preference"]


@pytest.mark.parametrize(
    ("accept", "programs", "accepted"),
    [
        ("visible", (GAMED,), True),
        ("visible", (WRONG, WRONG), False),
        ("hidden", (GAMED,), False),
        ("hidden", (RIGHT,), True),
        ("all", (WRONG, WRONG), True),
    ],
)
async def test_which_last_programs_are_kept(
    accept: str, programs: tuple[str], accepted: bool
) -> None:
    (row,) = await run(Scripted(code(*programs)), accept=accept, max_turns=len(programs) - 1)
    assert isinstance(row, Example) == accepted
    if not accepted and accept == "hidden":
        assert isinstance(row, Rejection)
        assert row.reason == "fails the hidden tests"


async def test_under_accept_all_a_repair_must_still_be_one() -> None:
    wrong = Scripted(code(WRONG, WRONG))
    assert (await rejected(wrong, accept="all", keep=["repair"], max_turns=1)).reason
    assert (await one(Scripted(code(WRONG, RIGHT)), accept="all", keep=["repair"])).rejected == ()
