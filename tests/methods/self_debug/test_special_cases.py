"""Repairs that know their test."""

import pytest
from debug_bench import GAMED, RIGHT, VISIBLE, WRONG, code, one, trajectory
from inline_snapshot import snapshot

from understudy.methods.self_debug.report import report
from understudy.methods.self_debug.special_cases import find_special_cases
from understudy.providers.scripted import Scripted


@pytest.mark.parametrize(
    ("program", "special"),
    [
        (GAMED, True),
        (RIGHT, False),
        ("def f(x):\n    return {3: 6}.get(x, x)", True),
        ("def f(x):\n    return 6 if x in (3,) else x", True),
        ("def f(x):\n    match x:\n        case 3:\n            return 6", True),
        ("def f(x):\n    return 6 if 3 == x else 0", True),
        ("def f(x):\n    return 0 if x == 0 else 2 + f(x - 1)", False),
        ("def f(x):\n    return x + 3", False),
        ("def f(x", False),
    ],
)
def test_a_repair_that_names_a_visible_input_is_told_apart(program: str, special: bool) -> None:
    assert find_special_cases(program, WRONG, [VISIBLE]) == ([VISIBLE] if special else [])


def test_inputs_are_told_alone_and_together_and_not_where_they_were_named_before() -> None:
    test = "assert g(1, 0) == 5"
    assert find_special_cases("def g(*a):\n    return 5 if a == (1, 0) else 0", "", [test]) == [
        test
    ]
    assert find_special_cases("def g(a, b):\n    return a == 1", "", [test]) == []
    assert find_special_cases(GAMED, GAMED, [VISIBLE]) == []


async def test_a_gamed_repair_is_flagged_and_shows_in_the_gap() -> None:
    example = await one(Scripted(code(WRONG, GAMED)))
    assert trajectory(example)["special_cased"] == [VISIBLE]
    assert example.scores == {"visible": 1, "hidden": 0}
    assert report([example]).text == snapshot("""\
    turn  visible   hidden    tasks
       0    0.000    0.000        1
       1    1.000    0.000        1
visible 1.000, hidden 0.000: gap +1.000 on 1 tasks
repairs that name a visible input: 1, of which 1 fail hidden tests
stopped: visible_pass 1\
""")
