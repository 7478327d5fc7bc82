"""Queries to a database: read, run, compared, explained."""

import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from debug_bench import (
    BAD,
    GOOD,
    PETS,
    REVERSED,
    TABLES,
    YES,
    one,
    rejected,
    run,
    sql,
    talk,
    trajectory,
)
from inline_snapshot import snapshot
from pydantic import ValidationError

from understudy.methods._shared.programs import fence
from understudy.methods.self_debug import Config
from understudy.methods.self_debug.languages.sql import SQL
from understudy.providers.scripted import Scripted
from understudy.sandbox.worker_pool import WorkerPool
from understudy.types import Task


async def test_a_query_that_raises_is_told_so_and_one_that_runs_is_judged() -> None:
    teacher = Scripted([*sql(BAD, GOOD), YES])
    example = await one(teacher, PETS, language="sql")
    assert talk(teacher) == snapshot("""\
[user] CREATE TABLE pet (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- (1, 'Ada', 3)
-- (2, 'Bo', 5)
-- (3, 'Cy', 5)

Write one SQLite query that answers this question: How old are the pets?
[assistant] ```sql
SELECT years FROM pet
```
[user] The code above is wrong. It raised OperationalError: no such column: years.
Fix the code.
[assistant] ```sql
SELECT age FROM pet
```
[user] It returns the columns (age) and 4 rows: (3,), (5,), (5,), (1,).
Does the code above do what is asked?\
""")
    assert example.scores == {"hidden": 1}
    assert example.answer == fence(GOOD, "sql")


async def test_a_query_is_explained_in_three_steps_with_its_result() -> None:
    teacher = Scripted([*sql(GOOD), "One column.", "All ages.", YES])
    example = await one(teacher, PETS, language="sql", feedback="unit_test_explanation")
    assert talk(teacher) == snapshot("""\
[user] CREATE TABLE pet (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- (1, 'Ada', 3)
-- (2, 'Bo', 5)
-- (3, 'Cy', 5)

Write one SQLite query that answers this question: How old are the pets?
[assistant] ```sql
SELECT age FROM pet
```
[user] Explain what the question asks for: which columns and which rows should come out?
[assistant] One column.
[user] It returns the columns (age) and 4 rows: (3,), (5,), (5,), (1,).
Explain the query above clause by clause, and say which columns it returns.
[assistant] All ages.
[user] Compare the two explanations. Does the code above do what is asked?\
""")
    turn = trajectory(example)["turns"][0]
    assert (turn["question"], turn["explanation"]) == ("One column.", "All ages.")


@pytest.mark.parametrize(
    ("query", "reference", "equal"),
    [
        (REVERSED, GOOD, True),
        (REVERSED, "SELECT age FROM pet ORDER  BY id", False),
        ("SELECT DISTINCT age FROM pet", GOOD, False),
        ("SELECT 1.0 * age FROM pet", GOOD, True),
        ("SELECT name, age FROM pet", "SELECT age, name FROM pet", False),
        (BAD, GOOD, False),
        ("SELECT 1; SELECT 2", "SELECT 1", False),
    ],
)
async def test_results_are_compared_as_multisets_unless_they_are_ordered(
    query: str, reference: str, equal: bool
) -> None:
    task = Task(prompt=PETS.prompt, meta=PETS.meta, reference=reference)
    (row,) = await run(
        Scripted([*sql(query), YES]), task, language="sql", accept="all", max_turns=0
    )
    assert row.meta["trajectory"]["turns"][0]["hidden"] is equal


async def test_every_statement_finds_the_database_as_it_was() -> None:
    teacher = Scripted([[*sql("DELETE FROM pet", GOOD, "SELECT age + 0 FROM pet")], YES])
    example = await one(teacher, PETS, language="sql", samples=3)
    assert trajectory(example)["selected"] == {
        "taken": 1,
        "how": "execution",
        "passing": 3,
        "agreeing": 2,
    }


async def test_results_of_samples_agree_in_any_order() -> None:
    teacher = Scripted([[*sql("SELECT DISTINCT age FROM pet", GOOD, REVERSED)], YES])
    selected = trajectory(await one(teacher, PETS, language="sql", samples=3))["selected"]
    assert (selected["taken"], selected["agreeing"]) == (1, 2)


async def test_a_database_may_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "pets.sqlite"
    example = sqlite3.connect(file)
    example.executescript(TABLES)
    example.close()
    before = file.read_bytes()
    task = Task(prompt=PETS.prompt, meta={"database": str(file)}, reference=GOOD)
    teacher = Scripted([*sql("DROP TABLE pet", GOOD), YES])
    first = Scripted([*sql(GOOD), YES])
    assert (await one(first, task, language="sql")).scores == {"hidden": 1}
    assert "CREATE TABLE pet" in talk(first, 0)
    await run(teacher, task, language="sql", max_turns=0)
    assert file.read_bytes() == before
    file.write_bytes(random.Random(0).randbytes(700_000))
    assert (
        await rejected(Scripted([]), task, language="sql")
    ).reason == "the database is too large"
    file.write_bytes(b"no database at all")
    assert (
        await rejected(Scripted([]), task, language="sql")
    ).reason == "the database cannot be opened"


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        ({}, "no database"),
        ({"database": "nowhere.sqlite"}, "the database cannot be read"),
        ({"schema": "CREATE TABEL pet"}, "the database cannot be opened"),
    ],
)
async def test_a_question_without_a_database_is_rejected(meta: dict[str, Any], reason: str) -> None:
    rejection = await rejected(Scripted([]), Task(prompt="?", meta=meta), language="sql")
    assert rejection.reason == reason


def test_a_query_is_not_traced() -> None:
    with pytest.raises(ValidationError, match="language=sql has none"):
        Config(language="sql", feedback="unit_test_trace")


@pytest.mark.parametrize(
    ("reply", "query"),
    [
        ("```sql\nSELECT 1\n```", "SELECT 1"),
        (
            "The query is:\nSELECT a\nFROM b\nWHERE c = 1;\nIt works.",
            "SELECT a\nFROM b\nWHERE c = 1",
        ),
        ("with x as (select 1)\nselect * from x", "with x as (select 1)\nselect * from x"),
        ("I would select nothing.", ""),
    ],
)
def test_the_query_of_a_reply(reply: str, query: str) -> None:
    assert SQL.read(PETS, reply).code == query


async def test_a_query_runs_in_a_real_sandbox(pool: WorkerPool, tmp_path: Path) -> None:
    teacher = Scripted([*sql(BAD, GOOD), YES])
    example = await one(teacher, PETS, language="sql", sandbox=pool.execute)
    assert example.scores == {"hidden": 1}
    assert "OperationalError: no such column: years" in talk(teacher)
    database = sqlite3.connect(tmp_path / "pets.sqlite")
    database.executescript(TABLES)
    database.close()
    task = Task(
        prompt=PETS.prompt, meta={"database": str(tmp_path / "pets.sqlite")}, reference=GOOD
    )
    endless = (
        "with recursive t(x) as (select 1 union all select x + 1 from t) select count(*) from t"
    )
    script = Scripted([*sql(endless, GOOD), YES])
    example = await one(script, task, language="sql", sandbox=pool.execute, seconds=1)
    assert example.scores == {"hidden": 1}
    assert "It raised TIMEOUT." in talk(script)
