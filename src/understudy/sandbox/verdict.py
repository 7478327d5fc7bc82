"""The verdict on a program, reached in the process that trusts itself. Nothing here runs the program.

`assert CALL == LITERAL` is taken apart. The sandbox evaluates the call, its value comes out as plain
data, and it is compared here with the literal, which the program never saw. A test that cannot be
taken apart (a test file, a tolerance, a comparison with another call) runs in a sandbox of its own.
"""

import ast
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import Meta, field

from understudy.sandbox.codec import MAX_BYTES, Opaque, decode, decode_lines, show
from understudy.sandbox.protocol import Mode, Outcome, Program, Status, TestResult
from understudy.types import Value


class CallTest(NamedTuple):
    """`assert CALL == LITERAL`; or `assert CALL` and `assert not CALL`, which compare a truth value."""

    call: str
    expected: Any
    truth: bool = False


def parse_call_test(test: str) -> CallTest | None:
    """A test as a call and its expected value; None if the test has another form."""
    try:
        body = ast.parse(test.strip()).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    if len(body) != 1 or not isinstance(body[0], ast.Assert):
        return None
    condition = body[0].test
    if isinstance(condition, ast.Compare):
        return _parse_comparison(condition)
    negated = isinstance(condition, ast.UnaryOp) and isinstance(condition.op, ast.Not)
    call = condition.operand if isinstance(condition, ast.UnaryOp) and negated else condition
    if _is_literal_call(call):
        return CallTest(ast.unparse(call), not negated, truth=True)
    return None


def _parse_comparison(condition: ast.Compare) -> CallTest | None:
    if len(condition.ops) != 1 or not isinstance(condition.ops[0], ast.Eq | ast.Is):
        return None
    call, literal = condition.left, condition.comparators[0]
    if not _is_literal_call(call):
        return None
    try:
        expected = ast.literal_eval(literal)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return None
    if isinstance(condition.ops[0], ast.Is) and not isinstance(expected, bool | None):
        return None
    return CallTest(ast.unparse(call), expected)


def _is_literal_call(call: ast.expr) -> bool:
    """Whether a named function is called with literals only. `isclose(f(1), 2)` is not: a program that
    defines an `isclose` of its own would decide its own verdict."""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        return False
    try:
        for part in [*call.args, *(keyword.value for keyword in call.keywords)]:
            ast.literal_eval(part)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return False
    return True


class Job(NamedTuple):
    """A program as a worker gets it, and how its tests become verdicts."""

    message: dict[str, Any]
    files: list[str]
    """Tests that run in a sandbox of their own. They are sent as a second frame, if there are any."""
    mode: Mode
    call_tests: tuple[CallTest, ...]


def build_job(program: Program, nonce: str) -> Job:
    """What a worker is sent."""
    parts = [parse_call_test(test) for test in program.tests]
    call_tests = tuple(part for part in parts if part is not None)
    apart = len(call_tests) < len(parts)
    calls = list(program.calls) + ([] if apart else [test.call for test in call_tests])
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
    return Job(message, files, mode, () if apart else call_tests)


class Report(Value, frozen=True, kw_only=True):
    """What a worker sends back. A program that took its worker over may have written it."""

    refused: str = ""
    """Why the program was not run; empty if it was."""
    limit: Literal["", "timeout", "output limit"] = field(default="", name="ended")
    """The limit that the program went over."""
    status: Annotated[int, Meta(ge=-255, le=255)] = 0
    """Of the program's process: its exit status, or minus the signal that ended it."""
    wall: Annotated[float, Meta(ge=0, le=1e9)] = 0.0
    cpu: Annotated[float, Meta(ge=0, le=1e9)] = 0.0
    memory: Annotated[int, Meta(ge=0, le=1 << 60)] = 0
    messages: str = ""
    verdicts: str = ""
    stdout: str = ""
    stderr: str = ""


def read_outcome(program: Program, job: Job, report: Report, isolation: str) -> Outcome:
    """The outcome of a program. It is total: no report makes it raise."""
    nonce = job.message["nonce"]
    messages = decode_lines(nonce, report.messages.encode())
    answers = {i: m for m in messages if (i := _read_index(m, "call")) is not None}
    failure = next((m for m in messages if "line" in m and "raised" in m), None)
    calls = len(program.calls)
    values = [_read_value(answers[i]) for i in range(calls) if i in answers]
    if job.mode == "apart":
        tests = _read_verdicts(program.tests, decode_lines(nonce, report.verdicts.encode()))
    else:
        tests = _compare_values(program.tests, job.call_tests, answers, calls)
    complete = failure is None and any(m.get("started") is True for m in messages)
    complete = complete and len(tests) == len(program.tests) and len(values) == calls
    error = _read_error(failure) if failure else ""
    status = _classify(report, tests, error, complete=complete)
    if status in ("timeout", "output limit"):
        error = LIMIT_ERRORS[status].format(program=program)
    elif status == "error" and not error:
        error = _explain_exit(report.status)
    return Outcome(
        status=status,
        tests=tests,
        values=tuple(text for text, _ in values),
        raised=tuple(raised for _, raised in values),
        trace=next((_read_text(m, "trace") for m in messages if "trace" in m), ""),
        stdout=report.stdout,
        stderr=report.stderr,
        error=error,
        line=_read_index(failure, "line") if failure else None,
        wall=round(report.wall, 6),
        cpu=round(report.cpu, 6),
        memory=report.memory,
        mode=job.mode,
        isolation=isolation,
    )


LIMIT_ERRORS: dict[str, str] = {
    "timeout": "TIMEOUT: it ran longer than {program.seconds:g} s",
    "output limit": "it wrote more than {program.output:,} bytes, or returned more than can be kept",
}


def _classify(report: Report, tests: Sequence[TestResult], error: str, *, complete: bool) -> Status:
    errors = [error, *(test.error for test in tests)]
    if report.limit:
        return report.limit
    if any(text.startswith("MemoryError") for text in errors):
        return "out of memory"
    if not all(test.passed for test in tests):
        return "failed"
    return "passed" if complete else "error"


def _explain_exit(status: int) -> str:
    if status == 125:
        return "the program could not be isolated, and was not started"
    if status < 0:
        return f"the program's process was ended by signal {-status}"
    return "the program ended its own process before it was done"


# Fields of messages. A hostile program may have written them, so they can hold anything.


def _read_text(message: Mapping[str, Any], key: str, default: str = "") -> str:
    text = message.get(key, default)
    return _escape_surrogates(text) if isinstance(text, str) else default


def _escape_surrogates(text: str) -> str:
    """Half of a surrogate pair cannot be written as UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def _read_index(message: Mapping[str, Any], key: str) -> int | None:
    index = message.get(key)
    return index if type(index) is int and 0 <= index <= MAX_BYTES else None


def _read_error(message: Mapping[str, Any]) -> str:
    return _read_text(message, "raised", "nothing was returned")[:600]


def _read_value(answer: Mapping[str, Any]) -> tuple[str, bool]:
    """`repr` of a value, or the error; and whether it is an error."""
    if "value" not in answer:
        return _read_error(answer), True
    return _show(_decode_or_opaque(answer["value"])), False


def _decode_or_opaque(data: Any) -> Any:
    try:
        return decode(data)
    except ValueError as error:
        return Opaque("?", f"<a value that cannot be read: {error}>")


def _show(value: object) -> str:
    """`repr` in full. Python refuses it for integers of more than 4,300 digits."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        text = show(value)
    return _escape_surrogates(text)


def _compare_values(
    tests: Sequence[str],
    call_tests: Sequence[CallTest],
    answers: Mapping[int, Mapping[str, Any]],
    first: int,
) -> tuple[TestResult, ...]:
    """Verdicts on the values that came out. A test that was not reached has none."""
    return tuple(
        _compare(test, part, answers[first + i])
        for i, (test, part) in enumerate(zip(tests, call_tests, strict=True))
        if first + i in answers
    )


def _compare(test: str, part: CallTest, answer: Mapping[str, Any]) -> TestResult:
    expected = _show(part.expected)
    if "value" not in answer:
        return TestResult(test, False, expected=expected, error=_read_error(answer))
    actual = _decode_or_opaque(answer["value"])
    if part.truth:
        passed = not isinstance(actual, Opaque) and bool(actual) == part.expected
    else:
        passed = bool(actual == part.expected)
    return TestResult(test, passed, _show(actual), expected)


def _read_verdicts(
    tests: Sequence[str], messages: Sequence[Mapping[str, Any]]
) -> tuple[TestResult, ...]:
    verdicts = {i: m for m in messages if (i := _read_index(m, "test")) is not None}
    return tuple(
        TestResult(
            _read_text(verdicts[i], "assert") or test,
            verdicts[i].get("passed") is True,
            _read_text(verdicts[i], "actual"),
            _read_text(verdicts[i], "expected"),
            _read_text(verdicts[i], "error"),
        )
        for i, test in enumerate(tests)
        if i in verdicts
    )
