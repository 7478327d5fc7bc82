"""SQL: a query to a SQLite database that answers a question.

A fixed program runs the queries in the sandbox: no SQL runs in this process. It makes the database anew
in memory for every statement, from the task's script or file.
"""

import ast
import re
import zlib
from base64 import b64encode
from pathlib import Path

from understudy.methods._shared.programs import last_block
from understudy.prompts import fill
from understudy.sandbox.protocol import Outcome, Program
from understudy.types import Task

from ..problem import Bench, Candidate, Language, Observation, Problem, Question
from ..prompts import Prompts

LABELS = ("sql", "sqlite", "sqlite3")
"""What a fence may call it."""

LARGEST = 900_000
"""Characters of a database file, compressed and as text: the sandbox takes programs of 1,000,000."""


async def pose(task: Task, bench: Bench) -> Problem:
    """The question below the tables, as they were created and with their first rows.

    Raises:
        ValueError: there is no database, or none that can be used.
    """
    harness = build_harness(task)
    outcome = await bench.sandbox.run(_call("describe()", harness, bench))
    if not outcome.values or outcome.raised[0]:
        raise ValueError("the database cannot be opened")
    tables = str(ast.literal_eval(outcome.values[0]))
    statement = fill(bench.prompts.query, tables=tables, question=task.question.strip())
    return Problem(task, SQL, bench, statement, harness=harness)


def read(task: Task, reply: str) -> Candidate:
    """The last block of a reply, else from the first SELECT or WITH at the start of a line to the first
    semicolon or empty line."""
    prose = re.search(r"^\s*((?:select|with)\b.*?)(?:;|\n\s*\n|\Z)", reply, re.I | re.M | re.S)
    return Candidate(last_block(reply, LABELS) or (prose[1].strip() if prose else ""))


async def observe(problem: Problem, candidate: Candidate) -> Observation:
    """What the query returns or raises."""
    call = _call(f"query({candidate.code!r})", problem.harness, problem.bench)
    return describe_result(await problem.bench.sandbox.run(call), problem.bench.prompts)


async def check(problem: Problem, candidate: Candidate) -> bool | None:
    """Whether the query gives what the reference gives."""
    if not (reference := problem.task.reference):
        return None
    call = f"matches({candidate.code!r}, {reference!r})"
    outcome = await problem.bench.sandbox.run(_call(call, problem.harness, problem.bench))
    return outcome.values == ("True",)


def describe_result(outcome: Outcome, prompts: Prompts) -> Observation:
    """What a query gave. It passes no test: there are none to see."""
    if not outcome.values or outcome.raised[0]:
        error = outcome.values[0] if outcome.values else outcome.error or outcome.status.upper()
        error = "TIMEOUT" if outcome.status == "timeout" else error
        status = outcome.status if outcome.status != "passed" else "error"
        return Observation(status, False, fill(prompts.program_raised, error=error))
    try:
        columns, first, count, digest = ast.literal_eval(outcome.values[0])
    except (ValueError, SyntaxError):  # infinity has no literal
        return Observation("passed", None, result=(outcome.values[0],))
    rows = f"{count} row{'' if count == 1 else 's'}"
    if first:
        rows += f"{':' if count == len(first) else ', first'} {', '.join(map(repr, first))}"
    text = fill(prompts.query_returned, columns=", ".join(columns), rows=rows)
    return Observation("passed", None, text, result=(digest,))


SQL = Language(
    label="sql",
    pose=pose,
    read=read,
    observe=observe,
    trace=None,
    check=check,
    explain=lambda prompts: [
        Question("question", prompts.explain_question),
        Question("explanation", prompts.explain_query),
    ],
    judge=lambda prompts: Question("verdict", prompts.verdict_query),
)


def build_harness(task: Task) -> str:
    """The program over the task's database: `meta.schema` (an SQL script), or the file that
    `meta.database` names.

    Raises:
        ValueError: the task has neither, or a file that cannot be used.
    """
    script, path, data = task.meta.get("schema"), task.meta.get("database"), ""
    if isinstance(path, str) and path:
        try:
            raw = Path(path).read_bytes()
        except OSError:
            raise ValueError("the database cannot be read") from None
        data = b64encode(zlib.compress(raw)).decode()
        if len(data) > LARGEST:
            raise ValueError("the database is too large")
    elif not isinstance(script, str) or not script.strip():
        raise ValueError("no database")
    return f"SCRIPT = {'' if data else script!r}\nDATA = {data!r}\n{HARNESS}"


def _call(call: str, harness: str, bench: Bench) -> Program:
    return Program(source=harness, calls=(call,), seconds=bench.seconds)


HARNESS = '''\
import base64
import hashlib
import sqlite3
import zlib
from collections import Counter


def open_database():
    db = sqlite3.connect(":memory:")
    db.text_factory = lambda raw: raw.decode(errors="replace")
    if DATA:
        db.deserialize(zlib.decompress(base64.b64decode(DATA)))
    else:
        db.executescript(SCRIPT)
    return db


def query(sql):
    """Columns, first rows, how many there are, and what tells this result from others."""
    cursor = open_database().execute(sql)
    rows = cursor.fetchall()
    columns = [column[0] for column in cursor.description or ()]
    digest = hashlib.sha256("\\n".join(sorted(map(repr, rows))).encode()).hexdigest()
    return columns, rows[:5], len(rows), digest[:16]


def matches(sql, reference):
    rows, right = (open_database().execute(text).fetchall() for text in (sql, reference))
    if "order by" in " ".join(reference.lower().split()):
        return rows == right
    return Counter(rows) == Counter(right)


def describe():
    db, parts = open_database(), []
    tables = db.execute("select name, sql from sqlite_master where type = 'table' order by rowid")
    for name, sql in tables.fetchall():
        if not name.startswith("sqlite_"):
            rows = db.execute('select * from "%s" limit 3' % name.replace('"', '""')).fetchall()
            parts.append("\\n".join([sql + ";", *("-- %r" % (row,) for row in rows)]))
    return "\\n".join(parts)
'''
