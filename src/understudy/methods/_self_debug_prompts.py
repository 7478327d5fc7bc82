"""What Self-Debug says, kind by kind of feedback. All wording is our own.

A kind is a list of things the model is asked about its program (`asks`), and the message that then
asks for a better one (`repair`). Real turns and demonstrations are made of the same two functions.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from understudy.methods._self_debug_syntax import called

Kind = Literal[
    "simple", "unit_test", "explanation", "unit_test_explanation", "trace", "unit_test_trace",
    "execution_trace",
]  # fmt: skip
Language = Literal["python", "translation", "sql"]
What = Literal["question", "explanation", "trace", "verdict"]

UNEXECUTED: dict[Kind, Kind] = {
    "unit_test": "simple",
    "unit_test_explanation": "explanation",
    "unit_test_trace": "trace",
    "execution_trace": "simple",
}
"""What is left of a kind where nothing can be executed."""


class Seen(NamedTuple):
    """What the execution of one program showed."""

    status: str
    passed: bool | None
    """Of the visible tests; None where they are none and the program ran."""
    text: str = ""
    """What went wrong, as a sentence; of a query its result."""
    test: str = ""
    """The first visible test that did not pass."""
    trace: str = ""
    result: tuple[str, ...] | None = None
    """What it computed; None where it raised."""


class Ask(NamedTuple):
    """Something the model is asked about its program."""

    what: What
    prompt: str


class Manner(NamedTuple):
    """How a task's programs are talked about."""

    kind: Kind
    language: Language
    example: str = ""
    """A visible test to trace where none is known to fail."""


def asks(manner: Manner, seen: Seen | None) -> list[Ask]:
    """What is asked about a program; a verdict only where no test gives one."""
    kind, language = manner.kind, manner.language
    judged = seen is None or seen.passed is None
    lead = ""
    if seen is not None and kind.startswith("unit_test") and seen.text:
        lead = f"{seen.text}\n" if judged else f"{CODE_WRONG} {seen.text}\n"
    found = list[Ask]()
    if kind in ("explanation", "unit_test_explanation"):
        if language == "sql":
            found.append(Ask("question", SQL_QUESTION))
        found.append(Ask("explanation", lead + CODE_EXPLAINS[language]))
    elif kind in ("trace", "unit_test_trace"):
        test = (seen.test if seen is not None else "") or manner.example
        found.append(Ask("trace", lead + CODE_TRACE.format(call=called(test) or test)))
    if judged and language == "sql" and found:
        found.append(Ask("verdict", SQL_COMPARE))
    elif judged:
        found.append(Ask("verdict", CODE_VERDICT if found else lead + CODE_VERDICT))
    return found


def repair(manner: Manner, seen: Seen | None) -> str:
    """The message that asks for a better program."""
    if seen is None or seen.passed is not False:
        return CODE_REPAIR_SIMPLE
    if manner.kind == "unit_test":
        return CODE_REPAIR.format(outcome=seen.text)
    if manner.kind == "execution_trace":
        if not seen.trace:
            return CODE_REPAIR.format(outcome=seen.text)
        return CODE_REPAIR_TRACED.format(outcome=seen.text, trace=seen.trace)
    return CODE_REPAIR_SIMPLE


def stated(prompt: str, tests: Sequence[str], language: Language) -> str:
    """The task as its first message says it."""
    if language == "sql":
        return prompt
    head = TRANSLATE.format(source=prompt) if language == "translation" else prompt
    return CODE.format(prompt=head, tests="\n".join(tests)) if tests else head


def queried(question: str, schema: str) -> str:
    """A question to a database, as its first message says it."""
    return SQL.format(schema=schema, question=question)


CODE = """\
{prompt}
Your code should pass these tests:
{tests}"""

CODE_RETURNED = "The test {test} fails: it returned {actual}."
CODE_RAISED = "The test {test} fails: it raised {error}."
CODE_FAILED = "The test {test} fails."
CODE_BROKEN = "It raised {error}."
NO_CODE = "There is no code in it."

CODE_WRONG = "The code above is wrong."

CODE_REPAIR = """\
The code above is wrong. {outcome}
Fix the code."""

CODE_REPAIR_SIMPLE = "The code above is wrong. Fix the code."

CODE_REPAIR_TRACED = """\
The code above is wrong. {outcome}
Trace:
{trace}
Fix the code."""

CODE_EXPLAINS: dict[Language, str] = {
    "python": "Explain the code above line by line.",
    "translation": (
        "Explain the given program line by line, then the code above line by line, and compare what "
        "the two do."
    ),
    "sql": "Explain the query above clause by clause, and say which columns it returns.",
}

CODE_TRACE = "Trace the code above line by line for {call}."

CODE_VERDICT = "Does the code above do what is asked?"

TRANSLATE = """\
Translate this program to Python. Keep the names of its functions.
{source}"""

SQL = """\
{schema}

Write one SQLite query that answers this question: {question}"""

SQL_QUESTION = "Explain what the question asks for: which columns and which rows should come out?"

SQL_COMPARE = "Compare the two explanations. Does the code above do what is asked?"

SQL_RESULT = "It returns the columns ({columns}) and {rows}."
