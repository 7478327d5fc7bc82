"""Runs beside the program in its sandbox: executes it, evaluates calls and sends their values out.

It shares a process with hostile code, so its messages prove one thing only: what the program
returned. A program that forges messages has merely chosen other return values. Verdicts are reached
elsewhere (`verdict.py`, `isolated_tests.py`).
"""

import json
import os
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from understudy.sandbox.codec import decode, encode, encode_line, show

NAME = "program.py"
_MAX_TRACE_LINES = 120
_MAX_TRACE_STEPS = 20_000
"""Executed lines after which a trace stops following."""


def run_program(job: dict[str, Any], nonce: str, out: int, questions: int | None) -> None:
    """Execute the job's program and its calls, then answer what comes in over `questions`.

    `out` and `questions` are descriptors: the pipe for messages, and the socket to the tests.
    """

    def send(message: dict[str, Any]) -> None:
        write(out, encode_line(nonce, message))

    imported = job["calls"] or job["trace"] or questions is not None
    space: dict[str, Any] = {"__name__": "program" if imported else "__main__"}
    if not _execute(job, space, send):
        return
    for i, call in enumerate(job["calls"]):
        send({"call": i, **_evaluate(lambda call=call: eval(_compile(call, "eval"), space))})
    if job["trace"]:
        send({"trace": trace(job["trace"], space)})
    if questions is not None:
        _answer_questions(questions, space)


def _execute(job: dict[str, Any], space: dict[str, Any], send: Callable[..., None]) -> bool:
    """Whether prelude and source ran to their end."""
    try:
        exec(_compile(job["prelude"], "exec", "prelude"), space)
        exec(_compile(job["source"], "exec"), space)
    except BaseException as error:
        send({"raised": describe(error), "line": _find_line(error)})
        return False
    send({"started": True})
    return True


def _compile(text: str, mode: str, name: str = NAME) -> CodeType:
    return compile(text, name, mode, dont_inherit=True)


def _evaluate(expression: Callable[[], Any]) -> dict[str, Any]:
    """The value of an expression, or the exception it raised."""
    try:
        return {"value": encode(expression())}
    except BaseException as error:
        return {"raised": describe(error), "kind": type(error).__name__}


def describe(error: BaseException) -> str:
    """`NameError: name 'x' is not defined`."""
    try:
        text = str(error)
    except BaseException:
        text = ""
    text = text[:500]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _find_line(error: BaseException) -> int | None:
    """The innermost line of the program that an exception passed through."""
    if isinstance(error, SyntaxError) and error.filename == NAME:
        return error.lineno
    line, at = None, error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == NAME:
            line = at.tb_lineno
        at = at.tb_next
    return line


def write(descriptor: int, data: bytes) -> None:
    """All of `data`, in as many writes as it takes."""
    while data:
        data = data[os.write(descriptor, data) :]


# Questions of isolated tests


def _answer_questions(link: int, space: dict[str, Any]) -> None:
    """Answer `{"get": name}` and `{"do": name, "args": [...], "kwargs": {...}}` until the end."""
    with os.fdopen(link, "rb", closefd=False) as questions:
        for text in questions:
            question = json.loads(text)
            try:
                reply = encode_line("", _answer(question, space))
            except ValueError as error:
                reply = encode_line("", {"raised": f"ValueError: {error}", "kind": "ValueError"})
            write(link, reply)


def _answer(question: dict[str, Any], space: dict[str, Any]) -> dict[str, Any]:
    if "get" in question:
        name = question["get"]
        if name not in space:
            return {"missing": True}
        if callable(space[name]):
            return {"callable": True}
        return _evaluate(lambda: space[name])
    args = [decode(value) for value in question["args"]]
    kwargs = {key: decode(value) for key, value in question["kwargs"].items()}
    return _evaluate(lambda: space[question["do"]](*args, **kwargs))


# Execution traces


def trace(call: str, space: dict[str, Any]) -> str:
    """`Line 3: x = 4` for each assignment that a call makes, then what it returns or raises."""
    lines: list[str] = []
    values: dict[FrameType, dict[str, str]] = {}
    at: dict[FrameType, int] = {}
    steps_left = _MAX_TRACE_STEPS

    def note(frame: FrameType) -> None:
        before = values.setdefault(frame, {})
        for name, value in frame.f_locals.items():
            text = show(value)
            if before.get(name) != text:
                before[name] = text
                if len(lines) < _MAX_TRACE_LINES:
                    lines.append(f"Line {at.get(frame, frame.f_lineno)}: {name} = {text}")

    def follow(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal steps_left
        code = frame.f_code
        if code.co_filename != NAME or code.co_name.startswith("<") or steps_left <= 0:
            return None
        if event == "call":
            values[frame] = {name: show(value) for name, value in frame.f_locals.items()}
        elif event == "line":
            steps_left -= 1
            note(frame)
            at[frame] = frame.f_lineno
        elif event == "return":
            note(frame)
        return follow

    code = compile(call, "call", "eval", dont_inherit=True)
    sys.settrace(follow)
    try:
        end = f"It returns {show(eval(code, space))}."
    except BaseException as error:
        end = f"It raises {describe(error)}."
    finally:
        sys.settrace(None)
    cut = ["..."] if len(lines) >= _MAX_TRACE_LINES or steps_left <= 0 else []
    return "\n".join([*lines, *cut, end])
