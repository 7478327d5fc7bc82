"""The tree of errors: which reaction each asks for, and the end of messages about unknown names."""

import asyncio
import re

import pytest

from understudy import errors
from understudy.errors import (
    ConfigError,
    EndpointDown,
    Interrupted,
    MethodError,
    NotRecorded,
    RateLimited,
    Rejected,
    RunStopped,
    Unauthorized,
    Unavailable,
    UnderstudyError,
    first,
    nearest,
)

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and value.__module__ == errors.__name__
]


def test_every_error_descends_from_one() -> None:
    assert [kind for kind in CLASSES if not issubclass(kind, UnderstudyError)] == []


def test_the_tree_in_the_docstring_is_that_of_the_classes() -> None:
    depth, above = {"*": 0, "x": 1, "+": 2, "-": 3}, dict[int, str]()
    drawn = dict[str, str]()
    for mark, name in re.findall(r"^ *([*x+-]) (\w+)\b", errors.__doc__ or "", re.MULTILINE):
        above[depth[mark]] = name
        drawn[name] = above[depth[mark] - 1] if depth[mark] else "Exception"
    assert drawn == {kind.__name__: kind.__bases__[0].__name__ for kind in CLASSES}


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (ConfigError("x"), ValueError),
        (Unavailable("x"), ConnectionError),
        (Unauthorized("x"), PermissionError),
        (NotRecorded("x"), LookupError),
        (EndpointDown("x"), ConnectionError),
    ],
)
def test_an_error_is_also_the_built_in_one_that_it_refines(
    error: Exception, builtin: type[Exception]
) -> None:
    assert isinstance(error, builtin)
    assert str(error) == "x"


def test_errors_carry_what_a_reaction_needs() -> None:
    assert RateLimited("x").retry_after is None
    assert RateLimited("x", 2.5).retry_after == 2.5
    assert (Unavailable("x").retry_after, Unavailable("x").answered) == (None, False)
    assert Unavailable("x", 1.0, answered=True).answered
    assert (MethodError("x", "KeyError", "trace").kind, Interrupted("x", 2).signal) == (
        "KeyError",
        2,
    )
    assert isinstance(Interrupted("x", 2), RunStopped)


def test_the_first_error_of_nested_groups_is_what_they_are_about() -> None:
    error, later = Rejected("first"), KeyError("later")
    assert first(error) is error
    assert first(ExceptionGroup("a", [ExceptionGroup("b", [error, later]), later])) is error
    assert isinstance(first(asyncio.CancelledError()), asyncio.CancelledError)


@pytest.mark.parametrize(
    ("name", "known", "end"),
    [
        ("temprature", ["temperature", "top_p"], "; did you mean 'temperature'?"),
        ("x", ["b", "a"], "; available: a, b."),
        ("x", [f"n{i:02}" for i in range(20)], "n17, n18, n19."),
        ("x", [f"n{i:02}" for i in range(21)], "n19, ...."),
        ("x", [], ". Check the name."),
    ],
    ids=["similar", "none similar", "twenty", "twenty-one", "none"],
)
def test_an_unknown_name_is_answered_with_the_nearest_or_with_those_there_are(
    name: str, known: list[str], end: str
) -> None:
    assert nearest(name, known).endswith(end)
