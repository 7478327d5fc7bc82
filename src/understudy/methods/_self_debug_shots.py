"""Demonstrations of Self-Debug: this project's own exemplars, as turns made by the code that makes the
real ones."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import yaml

from understudy.methods._self_debug_programs import fenced
from understudy.methods._self_debug_prompts import (
    CODE_BROKEN,
    CODE_RAISED,
    CODE_RETURNED,
    SQL_RESULT,
    Language,
    Manner,
    Seen,
    What,
    asks,
    queried,
    repair,
    stated,
)
from understudy.types import Message, Settings, assistant, user


class Tried(Settings):
    """A program, and what there is to say about it."""

    code: str
    question: str = ""
    explanation: str = ""
    trace: str = ""
    comparison: str = ""
    """Of the two explanations of a query, before its verdict."""
    returned: str = ""
    """What the exemplar's first test gave; of a query its rows."""
    columns: str = ""
    raised: str = ""


class Exemplar(Settings):
    """A task, a wrong program and a right one."""

    prompt: str
    tables: str = ""
    """Of a question to a database."""
    tests: tuple[str, ...] = ()
    wrong: Tried
    right: Tried


def solved(manner: Manner, shots: int) -> list[Message]:
    """Tasks and their right programs: before the first program is asked for."""
    return [
        message
        for exemplar in shipped(manner.language)[:shots]
        for message in (_task(exemplar, manner), _code(exemplar.right, manner))
    ]


def debugged(manner: Manner, shots: int, *, executes: bool) -> list[Message]:
    """Tasks, a wrong program, its feedback, and the right one: before a program is debugged."""
    turns = list[Message]()
    for exemplar in shipped(manner.language)[:shots]:
        test = exemplar.tests[0] if exemplar.tests else ""
        shown = manner._replace(example=test)
        turns.append(_task(exemplar, manner))
        for tried, is_right in ((exemplar.wrong, False), (exemplar.right, True)):
            seen = _seen(tried, test, manner.language, is_right=is_right) if executes else None
            turns.append(_code(tried, manner))
            if seen is not None and seen.passed:
                continue
            for ask in asks(shown, seen):
                turns += [user(ask.prompt), assistant(_said(tried, ask.what, is_right=is_right))]
            if not is_right:
                turns.append(user(repair(shown, seen)))
    return turns


def _task(exemplar: Exemplar, manner: Manner) -> Message:
    if manner.language == "sql":
        return user(queried(exemplar.prompt, exemplar.tables.strip()))
    return user(stated(exemplar.prompt, exemplar.tests, manner.language))


def _code(tried: Tried, manner: Manner) -> Message:
    return assistant(fenced(tried.code.strip(), "sql" if manner.language == "sql" else "python"))


def _said(tried: Tried, what: What, *, is_right: bool) -> str:
    if what == "verdict":
        verdict = "The code above is right." if is_right else "The code above is wrong."
        return f"{tried.comparison.strip()} {verdict}".strip()
    return {"question": tried.question, "explanation": tried.explanation}.get(
        what, tried.trace
    ).strip()  # fmt: skip


def _seen(tried: Tried, test: str, language: Language, *, is_right: bool) -> Seen:
    if language == "sql":
        if tried.raised:
            return Seen("error", False, CODE_BROKEN.format(error=tried.raised))
        return Seen(
            "passed", None, SQL_RESULT.format(columns=tried.columns, rows=tried.returned)
        )  # fmt: skip
    if is_right:
        return Seen("passed", True)
    if tried.raised:
        text = CODE_RAISED.format(test=test, error=tried.raised)
    else:
        text = CODE_RETURNED.format(test=test, actual=tried.returned)
    return Seen("failed", False, text, test, tried.trace.strip())


@cache
def shipped(language: Language) -> Sequence[Exemplar]:
    """The project's own exemplars."""
    text = (files("understudy.methods") / "exemplars" / "self_debug.yaml").read_text()
    return tuple(Exemplar(**entry) for entry in yaml.safe_load(text)[language])
