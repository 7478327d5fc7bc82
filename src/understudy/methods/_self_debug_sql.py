"""Queries on SQLite, run by a fixed program that the sandbox executes: no SQL runs in this process.

The database is made anew in memory for every statement, of the task's script or file.
"""

import ast
import zlib
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from understudy.handles.sandbox import Sandbox
from understudy.methods._self_debug_prompts import CODE_BROKEN, NO_CODE, SQL_RESULT, Seen
from understudy.sandbox.protocol import Outcome, Program
from understudy.types import Task

LARGEST = 900_000
"""Characters of a database file, compressed and as text: the sandbox takes programs of 1,000,000."""


def database(task: Task) -> str:
    """The harness over the task's database: its `meta.schema` (an SQL script), or the file that
    `meta.database` names.

    Raises:
        ValueError: it has neither, or a file that cannot be used.
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


async def described(harness: str, sandbox: Sandbox, seconds: float) -> str:
    """The tables as they were created, with their first rows.

    Raises:
        ValueError: there is no such database.
    """
    outcome = await sandbox.run(program(harness, ["described()"], seconds))
    if not outcome.values or outcome.raised[0]:
        raise ValueError("the database cannot be opened")
    return str(ast.literal_eval(outcome.values[0]))


def program(harness: str, calls: Sequence[str], seconds: float) -> Program:
    """The harness, and what it is to say."""
    return Program(source=harness, calls=tuple(calls), seconds=seconds)


def asked(code: str) -> str:
    """The call that runs a query."""
    return f"query({code!r})"


def matched(code: str, reference: str) -> str:
    """The call that compares a query's result with the reference's."""
    return f"matches({code!r}, {reference!r})"


def seen(outcome: Outcome, code: str) -> Seen:
    """What a query gave."""
    if not code.strip():
        return Seen("no program", False, NO_CODE)
    if not outcome.values or outcome.raised[0]:
        error = outcome.values[0] if outcome.values else outcome.error or outcome.status.upper()
        error = "TIMEOUT" if outcome.status == "timeout" else error
        status = outcome.status if outcome.status != "passed" else "error"
        return Seen(status, False, CODE_BROKEN.format(error=error))
    try:
        columns, rows, count, digest = ast.literal_eval(outcome.values[0])
    except (ValueError, SyntaxError):  # infinity has no literal
        return Seen("passed", None, result=(outcome.values[0],))
    shown = f"{count} row{'' if count == 1 else 's'}"
    if rows:
        shown += f"{':' if count == len(rows) else ', first'} {', '.join(map(repr, rows))}"
    text = SQL_RESULT.format(columns=", ".join(columns), rows=shown)
    return Seen("passed", None, text, result=(digest,))


HARNESS = '''\
import base64
import hashlib
import sqlite3
import zlib
from collections import Counter


def opened():
    db = sqlite3.connect(":memory:")
    db.text_factory = lambda raw: raw.decode(errors="replace")
    if DATA:
        db.deserialize(zlib.decompress(base64.b64decode(DATA)))
    else:
        db.executescript(SCRIPT)
    return db


def query(sql):
    """Columns, first rows, how many there are, and what tells this result from others."""
    cursor = opened().execute(sql)
    rows = cursor.fetchall()
    columns = [column[0] for column in cursor.description or ()]
    digest = hashlib.sha256("\\n".join(sorted(map(repr, rows))).encode()).hexdigest()
    return columns, rows[:5], len(rows), digest[:16]


def matches(sql, reference):
    found, wanted = (opened().execute(text).fetchall() for text in (sql, reference))
    if "order by" in " ".join(reference.lower().split()):
        return found == wanted
    return Counter(found) == Counter(wanted)


def described():
    db, parts = opened(), []
    tables = db.execute("select name, sql from sqlite_master where type = 'table' order by rowid")
    for name, sql in tables.fetchall():
        if not name.startswith("sqlite_"):
            rows = db.execute('select * from "%s" limit 3' % name.replace('"', '""')).fetchall()
            parts.append("\\n".join([sql + ";", *("-- %r" % (row,) for row in rows)]))
    return "\\n".join(parts)
'''
