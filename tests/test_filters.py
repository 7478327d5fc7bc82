"""The decorator of rules, and what every shipped rule does."""

import inspect

import pytest

from understudy.filters import filters, rule
from understudy.types import Example, Verdict, assistant, user


def brief(example: Example) -> Verdict:
    return Verdict(len(example.answer) < 9)


def test_a_rule_is_the_function_itself() -> None:
    assert rule(brief) is brief
    definition = filters.get("brief")
    assert definition is not None
    assert (definition.kind, definition.shape, definition.paper) == ("filter", "example", "")


def test_a_rule_without_an_index_has_none() -> None:
    length, novelty = filters.get("length"), filters.get("novelty")
    assert length is not None
    assert novelty is not None
    assert length.index is None
    assert novelty.index is not None


@pytest.mark.parametrize("name", filters.list_shipped())
async def test_every_rule_gives_a_verdict_with_its_defaults(name: str) -> None:
    definition = filters.get(name)
    assert definition is not None
    config = definition.config()
    arguments = {
        "example": Example(messages=(user("What is it?"), assistant("A tide."))),
        "config": config,
    }
    if definition.index is not None:
        arguments["index"] = definition.index(config)

    verdict = definition.run(**arguments)
    if inspect.isawaitable(verdict):
        verdict = await verdict

    assert isinstance(verdict, Verdict)
    assert verdict.keep
