"""Demonstrations: in the form of real turns, and true."""

# ruff: noqa: E501 -- prompts and messages stand here as they are printed

from typing import Any

import pytest
from debug_bench import NO, RIGHT, VISIBLE, WRONG, YES, Fake, code, one, talk
from inline_snapshot import snapshot

from understudy.methods._shared.programs import fence
from understudy.methods.self_debug.demonstrations import (
    demonstrate_debugging,
    demonstrate_solving,
    load_demonstrations,
)
from understudy.methods.self_debug.feedback import FeedbackStyle
from understudy.methods.self_debug.languages.python import PYTHON, describe_outcome
from understudy.methods.self_debug.languages.sql import SQL
from understudy.methods.self_debug.prompts import Prompts
from understudy.prompts import fill
from understudy.providers.scripted import Scripted
from understudy.sandbox.protocol import Execution, Program


async def test_demonstrations_are_solved_first_and_debugged_later() -> None:
    teacher = Scripted(code(WRONG, RIGHT))
    await one(teacher, shots=1)
    assert talk(teacher, 0) == snapshot("""\
[user] Write a Python function longest_word(words) that returns the first of the longest words in a list, and '' for an empty list.
Your code should pass these tests:
assert longest_word(['at', 'tree', 'bush']) == 'tree'
[assistant] ```python
def longest_word(words):
    best = ''
    for word in words:
        if len(word) > len(best):
            best = word
    return best
```
[user] Write a Python function f(x) that returns x doubled.
Your code should pass these tests:
assert f(3) == 6\
""")
    assert talk(teacher, 1) == snapshot("""\
[user] Write a Python function longest_word(words) that returns the first of the longest words in a list, and '' for an empty list.
Your code should pass these tests:
assert longest_word(['at', 'tree', 'bush']) == 'tree'
[assistant] ```python
def longest_word(words):
    best = ''
    for word in words:
        if len(word) >= len(best):
            best = word
    return best
```
[user] The code above is wrong. The test assert longest_word(['at', 'tree', 'bush']) == 'tree' fails: it returned 'bush'.
Fix the code.
[assistant] ```python
def longest_word(words):
    best = ''
    for word in words:
        if len(word) > len(best):
            best = word
    return best
```
[user] Write a Python function f(x) that returns x doubled.
Your code should pass these tests:
assert f(3) == 6
[assistant] ```python
def f(x):
    return x + 1
```
[user] The code above is wrong. The test assert f(3) == 6 fails: it returned 4.
Fix the code.\
""")


@pytest.mark.parametrize(
    "kind", ["explanation", "unit_test_explanation", "unit_test_trace", "execution_trace", "trace"]
)
def test_demonstrations_follow_the_kind_of_feedback(kind: Any) -> None:
    executes = kind not in ("explanation", "trace")
    style = FeedbackStyle(kind, PYTHON, Prompts.load(), executes, VISIBLE)
    demonstrations = load_demonstrations("python")
    turns = demonstrate_debugging(style, demonstrations)
    assert [m.role for m in turns] == ["user", "assistant"] * (len(turns) // 2)
    text = "\n".join(m.text for m in turns)
    assert ("Line 2: " in text) == kind.endswith("trace")
    assert (YES in text) != executes
    assert turns[-1].text == (fence(demonstrations[2].right.code) if executes else YES)
    assert VISIBLE not in text
    assert len(demonstrate_solving(style, demonstrations)) == 6


def test_a_query_is_demonstrated_with_its_result() -> None:
    style = FeedbackStyle("unit_test_explanation", SQL, Prompts.load(), executes=True)
    turns = demonstrate_debugging(style, load_demonstrations("sql")[:1])
    assert "\n".join(f"[{m.role}] {m.text}" for m in turns) == snapshot("""\
[user] CREATE TABLE garden (id INTEGER PRIMARY KEY, name TEXT);
-- (1, 'North')
-- (2, 'Lake')
CREATE TABLE tree (id INTEGER PRIMARY KEY, kind TEXT, garden_id INTEGER);
-- (1, 'oak', 1)
-- (2, 'lime', 1)
-- (3, 'elm', 2)

Write one SQLite query that answers this question: What are the names of the gardens that have more than one tree?
[assistant] ```sql
SELECT garden_id, COUNT(*) FROM tree GROUP BY garden_id HAVING COUNT(*) > 1
```
[user] Explain what the question asks for: which columns and which rows should come out?
[assistant] The question asks for one column, the name of a garden, and for one row for each garden with two trees or more.
[user] It returns the columns (garden_id, COUNT(*)) and 1 row: (1, 2).
Explain the query above clause by clause, and say which columns it returns.
[assistant] FROM tree takes all trees.
GROUP BY garden_id makes one group for each garden, and HAVING keeps the groups of two trees or more.
SELECT gives two columns: the garden's number and how many trees it has.
[user] Compare the two explanations. Does the code above do what is asked?
[assistant] The question asks for names, one column; the query gives numbers and counts, two columns. The code above is wrong.
[user] The code above is wrong. Fix the code.
[assistant] ```sql
SELECT garden.name FROM garden JOIN tree ON tree.garden_id = garden.id
GROUP BY garden.id HAVING COUNT(*) > 1
```
[user] Explain what the question asks for: which columns and which rows should come out?
[assistant] The question asks for one column, the name of a garden, and for one row for each garden with two trees or more.
[user] It returns the columns (name) and 1 row: ('North',).
Explain the query above clause by clause, and say which columns it returns.
[assistant] FROM garden JOIN tree puts every tree beside its garden.
GROUP BY garden.id makes one group for each garden, and HAVING keeps the groups of two trees or more.
SELECT gives one column: the name of the garden.
[user] Compare the two explanations. Does the code above do what is asked?
[assistant] The question asks for one column, the names of the gardens with two trees or more, and the query gives them. The code above is right.\
""")


@pytest.mark.parametrize("language", ["python", "translation"])
async def test_demonstrations_do_what_they_say(language: str) -> None:
    for demo in load_demonstrations(language):
        tests = tuple(line for line in demo.task.splitlines() if line.startswith("assert"))
        assert tests[0] == demo.test
        for program in (demo.wrong, demo.right):
            outcome = await Fake()(Execution("", "", Program(source=program.code, tests=tests)))
            observation = describe_outcome(outcome, tests, Prompts.load())
            assert observation.passed is program.passes is (program is demo.right)
            assert observation.text == program.outcome
            value = outcome.tests[0].error or outcome.tests[0].actual
            assert program.trace.splitlines()[-1].endswith(f" {value}.")


@pytest.mark.parametrize("language", ["python", "translation", "sql"])
def test_demonstrations_are_in_the_words_of_real_turns(language: str) -> None:
    prompts = Prompts.load()
    heads = {"python": "Write a Python function ", "translation": prompts.translate.split("{")[0]}
    for demo in load_demonstrations(language):
        if language == "sql":
            tables, _, question = demo.task.partition("\n\nWrite one")
            question = question.rpartition(": ")[2]
            assert demo.task == fill(prompts.query, tables=tables, question=question)
        else:
            prompt, tests = demo.task.split("\nYour code should pass these tests:\n")
            assert demo.task == fill(prompts.tests, prompt=prompt, tests=tests)
            assert demo.task.startswith(heads[language])
        assert demo.wrong.verdict.endswith(NO)
        assert demo.right.verdict.endswith(YES)
