"""What runs beside the program in its sandbox: executes it, evaluates calls, hands values out.

It shares a process with hostile code, so nothing it says is believed further than "this is what the
program returned": a program that forges its messages has only chosen other return values. Verdicts
are made elsewhere (`judge.py`, `tester.py`).
"""

import json
import os
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from understudy.sandbox.wire import decode, encode, line, show

NAME = "program.py"
_TRACED = 120
"""Most lines of a trace."""
_STEPS = 20_000
"""Most executed lines that are followed."""


def run(job: dict[str, Any], nonce: str, out: int, asked: int | None) -> None:
    """Execute the job's program, then its calls, or what comes in over the socket `asked`."""

    def say(message: dict[str, Any]) -> None:
        write(out, line(nonce, message))

    wanted = job["calls"] or job["trace"] or asked is not None
    space: dict[str, Any] = {"__name__": "program" if wanted else "__main__"}
    if not _started(job, space, say):
        return
    for i, call in enumerate(job["calls"]):
        say({"call": i, **_answer(lambda call=call: eval(_compiled(call, "eval"), space))})
    if job["trace"]:
        say({"trace": trace(job["trace"], space)})
    if asked is not None:
        _serve(asked, space)


def _started(job: dict[str, Any], space: dict[str, Any], say: Callable[..., None]) -> bool:
    """Whether prelude and source ran to their end."""
    try:
        exec(_compiled(job["prelude"], "exec", "prelude"), space)
        exec(_compiled(job["source"], "exec"), space)
    except BaseException as error:
        say({"raised": described(error), "line": _line_of(error)})
        return False
    say({"started": True})
    return True


def _compiled(text: str, mode: str, name: str = NAME) -> CodeType:
    return compile(text, name, mode, dont_inherit=True)


def _answer(evaluate: Callable[[], Any]) -> dict[str, Any]:
    """A value, or what was raised instead."""
    try:
        return {"value": encode(evaluate())}
    except BaseException as error:
        return {"raised": described(error), "kind": type(error).__name__}


def described(error: BaseException) -> str:
    """`NameError: name 'x' is not defined`."""
    try:
        text = str(error)
    except BaseException:
        text = ""
    text = text[:500]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _line_of(error: BaseException) -> int | None:
    if isinstance(error, SyntaxError) and error.filename == NAME:
        return error.lineno
    found, at = None, error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == NAME:
            found = at.tb_lineno
        at = at.tb_next
    return found


def write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


# Questions of a tester


def _serve(asked: int, space: dict[str, Any]) -> None:
    """Answer `{"get": name}` and `{"do": name, "args": [...], "kwargs": {...}}` until the end."""
    with os.fdopen(asked, "rb", closefd=False) as questions:
        for text in questions:
            question = json.loads(text)
            try:
                reply = line("", _reply(question, space))
            except ValueError as error:
                reply = line("", {"raised": f"ValueError: {error}", "kind": "ValueError"})
            write(asked, reply)


def _reply(question: dict[str, Any], space: dict[str, Any]) -> dict[str, Any]:
    if "get" in question:
        name = question["get"]
        if name not in space:
            return {"missing": True}
        if callable(space[name]):
            return {"callable": True}
        return _answer(lambda: space[name])
    arguments = [decode(value) for value in question["args"]]
    named = {key: decode(value) for key, value in question["kwargs"].items()}
    return _answer(lambda: space[question["do"]](*arguments, **named))


# Following an execution


def trace(call: str, space: dict[str, Any]) -> str:
    """What the program did for a call: `Line 3: x = 4` for each assignment, then what came of it."""
    said: list[str] = []
    known: dict[FrameType, dict[str, str]] = {}
    at: dict[FrameType, int] = {}
    left = _STEPS

    def note(frame: FrameType) -> None:
        before = known.setdefault(frame, {})
        for name, value in frame.f_locals.items():
            shown = show(value)
            if before.get(name) != shown:
                before[name] = shown
                if len(said) < _TRACED:
                    said.append(f"Line {at.get(frame, frame.f_lineno)}: {name} = {shown}")

    def follow(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal left
        code = frame.f_code
        if code.co_filename != NAME or code.co_name.startswith("<") or left <= 0:
            return None
        if event == "call":
            known[frame] = {name: show(value) for name, value in frame.f_locals.items()}
        elif event == "line":
            left -= 1
            note(frame)
            at[frame] = frame.f_lineno
        elif event == "return":
            note(frame)
        return follow

    compiled = compile(call, "call", "eval", dont_inherit=True)
    sys.settrace(follow)
    try:
        end = f"It returns {show(eval(compiled, space))}."
    except BaseException as error:
        end = f"It raises {described(error)}."
    finally:
        sys.settrace(None)
    cut = ["..."] if len(said) >= _TRACED or left <= 0 else []
    return "\n".join([*said, *cut, end])
