"""The tables of a journal."""

import sqlite3
from collections.abc import Iterator
from hashlib import sha256

import pytest

from understudy.journal.insert import ADD_BLOB, ADD_EFFECT, ADD_ROW, ADD_TOTALS
from understudy.journal.schema import APPLICATION, FORMAT, SCHEMA


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA)
    yield connection
    connection.close()


def test_a_change_of_the_tables_is_another_format() -> None:
    """Whoever changes `SCHEMA` raises `FORMAT`, and then this digest."""
    digest = sha256(" ".join(SCHEMA.split()).encode()).hexdigest()[:16]
    assert (FORMAT, digest) == (2, "ada757d961b0fc75")


def test_the_application_is_named_in_the_file() -> None:
    assert APPLICATION.to_bytes(4, "big") == b"UNDS"


@pytest.mark.parametrize("statement", [ADD_EFFECT, ADD_ROW, ADD_BLOB, ADD_TOTALS])
def test_every_statement_that_writes_fits_the_tables(
    db: sqlite3.Connection, statement: str
) -> None:
    values = statement.partition("values")[2].partition(")")[0].count("?")
    db.execute(statement, [1] * values)
    assert db.total_changes == 1


def test_a_key_is_there_once(db: sqlite3.Connection) -> None:
    values = [b"x"] * 12
    db.execute(ADD_EFFECT, (1, *values))
    db.execute(ADD_EFFECT, (2, *values))
    assert db.execute("select id from effects").fetchall() == [(1,)]


def test_a_row_is_there_once_by_step_task_and_ordinal(db: sqlite3.Connection) -> None:
    for body, ordinal in ((b"first", 0), (b"second", 0), (b"other", 1)):
        db.execute(ADD_ROW, ("s", "t", ordinal, "example", "", b"", 1, b"", body, 0))
    rows = db.execute("select ordinal, body from rows order by ordinal").fetchall()
    assert rows == [(0, b"second"), (1, b"other")]


def test_sums_add_up(db: sqlite3.Connection) -> None:
    for _ in range(2):
        db.execute(ADD_TOTALS, (1, "s", "r", "m", 1, 2, 3, 4, 5, 6, 0.5, 7))
    assert db.execute("select * from totals").fetchall() == [
        (1, "s", "r", "m", 2, 4, 6, 8, 10, 12, 1.0, 14)
    ]


def test_the_rows_of_a_reason_are_looked_up_by_an_index(db: sqlite3.Connection) -> None:
    plan = db.execute(
        "explain query plan select count(*) from rows where step = ? and kind = ? and reason = ?",
        ("s", "rejection", "why"),
    ).fetchall()
    assert "rows_by_reason" in str(plan)
