"""The verdict on a program, made by the process that trusts itself: nothing here runs its code.

`assert CALL == LITERAL` is taken apart: the sandbox evaluates the call, its value comes out as plain
data, and is compared here with the literal, which the program never saw. A test that cannot be taken
apart so (a test file, tolerances, a comparison with another call) runs in a sandbox of its own.
"""

import ast
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from understudy.sandbox.protocol import Mode, Outcome, Program, Status, Test
from understudy.sandbox.wire import Opaque, decode, lines


class Simple(NamedTuple):
    """`assert CALL == LITERAL`, or `assert CALL` and `assert not CALL`, whose truth is compared."""

    call: str
    expected: Any
    truth: bool = False


def simple(test: str) -> Simple | None:
    """A test as a call and the value it should give; None where it is no such test."""
    try:
        body = ast.parse(test.strip()).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    if len(body) != 1 or not isinstance(body[0], ast.Assert):
        return None
    wanted = body[0].test
    if isinstance(wanted, ast.Compare):
        return _comparison(wanted)
    negated = isinstance(wanted, ast.UnaryOp) and isinstance(wanted.op, ast.Not)
    call = wanted.operand if isinstance(wanted, ast.UnaryOp) and negated else wanted
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and _plain(call):
        return Simple(ast.unparse(call), not negated, truth=True)
    return None


def _comparison(wanted: ast.Compare) -> Simple | None:
    if len(wanted.ops) != 1 or not isinstance(wanted.ops[0], ast.Eq | ast.Is):
        return None
    call, literal = wanted.left, wanted.comparators[0]
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or not _plain(call):
        return None
    try:
        expected = ast.literal_eval(literal)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return None
    if isinstance(wanted.ops[0], ast.Is) and not isinstance(expected, bool | None):
        return None
    return Simple(ast.unparse(call), expected)


def _plain(call: ast.Call) -> bool:
    """Whether all arguments are literals. `isclose(f(1), 2)` is not taken apart: a program that has
    an `isclose` of its own would judge itself."""
    try:
        for part in [*call.args, *(keyword.value for keyword in call.keywords)]:
            ast.literal_eval(part)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return False
    return True


class Job(NamedTuple):
    """A program as a worker gets it, and how its tests are to be judged."""

    message: dict[str, Any]
    files: list[str]
    """Tests that run apart; the second frame, where there are any."""
    mode: Mode
    simple: tuple[Simple, ...]


def job(program: Program, nonce: str) -> Job:
    """What is sent to a worker."""
    parts = [simple(test) for test in program.tests]
    outside = tuple(part for part in parts if part is not None)
    apart = len(outside) < len(parts)
    calls = list(program.calls) + ([] if apart else [part.call for part in outside])
    message: dict[str, Any] = {
        "nonce": nonce,
        "source": program.source,
        "prelude": program.prelude,
        "calls": calls,
        "apart": apart,
        "trace": program.trace,
        "seconds": program.seconds,
        "megabytes": program.megabytes,
        "output": program.output,
    }
    mode: Mode = "apart" if apart else "outside" if parts else ""
    files = list(program.tests) if apart else []
    return Job(message, files, mode, () if apart else outside)


def judged(program: Program, job: Job, found: Mapping[str, Any], isolation: str) -> Outcome:
    """The outcome, of what a worker found."""
    nonce = job.message["nonce"]
    said = lines(nonce, found["messages"].encode())
    answers = {m["call"]: m for m in said if isinstance(m.get("call"), int)}
    raised = next((m for m in said if "line" in m), None)
    wanted = len(program.calls)
    values = [_value(answers[i]) for i in range(wanted) if i in answers]
    if job.mode == "apart":
        tests = _apart(program.tests, lines(nonce, found["verdicts"].encode()))
    else:
        tests = _outside(program.tests, job.simple, answers, wanted)
    complete = raised is None and any(m.get("started") for m in said)
    complete = complete and len(tests) == len(program.tests) and len(values) == wanted
    error = str(raised["raised"])[:600] if raised else ""
    status = _status(found, tests, error, complete=complete)
    if status in ("timeout", "output limit"):
        error = ENDED[status].format(program=program)
    elif status == "error" and not error:
        error = _death(int(found["status"]))
    return Outcome(
        status=status,
        tests=tests,
        values=tuple(shown for shown, _ in values),
        raised=tuple(failed for _, failed in values),
        trace=next((str(m["trace"]) for m in said if "trace" in m), ""),
        stdout=found["stdout"],
        stderr=found["stderr"],
        error=error,
        line=raised["line"] if raised and isinstance(raised["line"], int) else None,
        wall=round(found["wall"], 6),
        cpu=round(found["cpu"], 6),
        memory=found["memory"],
        mode=job.mode,
        isolation=isolation,
    )


ENDED: dict[str, str] = {
    "timeout": "TIMEOUT: it ran longer than {program.seconds:g} s",
    "output limit": "it wrote more than {program.output:,} bytes, or returned more than can be kept",
}


def _status(
    found: Mapping[str, Any], tests: Sequence[Test], error: str, *, complete: bool
) -> Status:
    errors = [error, *(test.error for test in tests)]
    if found["ended"]:
        return found["ended"]
    if any(text.startswith("MemoryError") for text in errors):
        return "out of memory"
    if not all(test.passed for test in tests):
        return "failed"
    return "passed" if complete else "error"


def _death(status: int) -> str:
    if status == 125:
        return "the program could not be isolated, and was not begun"
    if status < 0:
        return f"the program's process was ended by signal {-status}"
    return "the program ended its own process before it was done"


def _value(answer: Mapping[str, Any]) -> tuple[str, bool]:
    """`repr` of a value, or the error; and whether it is one."""
    if "value" not in answer:
        return str(answer.get("raised", "nothing was returned"))[:600], True
    return repr(_decoded(answer["value"])), False


def _decoded(data: Any) -> Any:
    try:
        return decode(data)
    except ValueError as error:
        return Opaque("?", f"<a value that cannot be read: {error}>")


def _outside(
    tests: Sequence[str],
    parts: Sequence[Simple],
    answers: Mapping[int, Mapping[str, Any]],
    first: int,
) -> tuple[Test, ...]:
    """Verdicts on values that came out; of tests that were not reached there is none."""
    return tuple(
        _compared(test, part, answers[first + i])
        for i, (test, part) in enumerate(zip(tests, parts, strict=True))
        if first + i in answers
    )


def _compared(test: str, part: Simple, answer: Mapping[str, Any]) -> Test:
    expected = repr(part.expected)
    if "value" not in answer:
        error = str(answer.get("raised", "nothing was returned"))[:600]
        return Test(test, False, expected=expected, error=error)
    actual = _decoded(answer["value"])
    if part.truth:
        told = not isinstance(actual, Opaque)
        return Test(test, told and bool(actual) == part.expected, repr(actual), expected)
    return Test(test, bool(actual == part.expected), repr(actual), expected)


def _apart(tests: Sequence[str], verdicts: Sequence[Mapping[str, Any]]) -> tuple[Test, ...]:
    found = {v["test"]: v for v in verdicts if isinstance(v.get("test"), int)}
    return tuple(
        Test(
            str(found[i].get("assert") or test),
            found[i].get("passed") is True,
            str(found[i].get("actual", "")),
            str(found[i].get("expected", "")),
            str(found[i].get("error", "")),
        )
        for i, test in enumerate(tests)
        if i in found
    )
