"""Runs test files that cannot be taken apart, in a sandbox of their own, away from the program.

A test file asks for names that it does not define: those are the program's, and what it gets are
stand-ins whose calls go over a socket to the program's sandbox. Only plain data comes back, so that
neither an `__eq__` that always says yes, nor a patched built-in, nor `os._exit(0)` reaches the tests.
"""

import ast
import builtins
import json
import socket
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from understudy.sandbox.guest import described
from understudy.sandbox.wire import decode, encode, line, lines, show


class ProgramEndedError(BaseException):
    """The program's process is gone. No `Exception`: a test that expects one must not catch it."""


class Program:
    """The program, as its tests see it."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._replies = link.makefile("rb")

    def get(self, name: str) -> Any:
        """A stand-in for a function, or the value of anything else.

        Raises:
            LookupError: the program has no such name.
        """
        reply = self._ask({"get": name})
        if reply.get("callable"):
            return self._standin(name)
        if "value" not in reply:
            raise LookupError(name)
        return decode(reply["value"])

    def _standin(self, name: str) -> Callable[..., Any]:
        def call(*args: object, **kwargs: object) -> Any:
            named = {key: _plain(value, name) for key, value in kwargs.items()}
            reply = self._ask(
                {"do": name, "args": [_plain(value, name) for value in args], "kwargs": named}
            )
            if "value" in reply:
                return decode(reply["value"])
            raise _error(str(reply.get("kind")), str(reply.get("raised")))

        call.__name__ = call.__qualname__ = name
        return call

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        try:
            self._link.sendall(json.dumps(question).encode() + b"\n")
            found = lines("", self._replies.readline())
        except OSError:
            found = []
        if not found:
            raise ProgramEndedError("the program ended its process")
        return found[0]


def _plain(value: object, name: str) -> Any:
    data = encode(value)
    if '"opaque"' in json.dumps(data):
        raise TypeError(f"{name} is called with {show(value)}: only plain data goes to a program")
    return data


def _error(kind: str, text: str) -> BaseException:
    """What the program raised, as the same built-in exception where it was one."""
    found = getattr(builtins, kind, None)
    message = text.partition(": ")[2]
    if isinstance(found, type) and issubclass(found, Exception):
        try:
            return found(message)
        except TypeError:  # UnicodeDecodeError and its like want more than a text
            pass
    return RuntimeError(text)


def run(files: list[str], nonce: str, link: socket.socket, say: Callable[[bytes], None]) -> None:
    """One verdict per file, said as soon as it is there."""
    program = Program(link)
    for i, text in enumerate(files):
        verdict = _verdict(text, program)
        try:
            said = line(nonce, {"test": i, **verdict})
        except ValueError:
            said = line(nonce, {"test": i, "passed": False, "error": "too much was said"})
        say(said)


def _verdict(text: str, program: Program) -> dict[str, Any]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        return {"passed": False, "error": described(error)}
    try:
        space: dict[str, Any] = {"__name__": "tests"}
        for name in wanted(tree):
            try:
                space[name] = program.get(name)
            except LookupError:
                continue  # the test itself will say so, if it comes that far
        exec(compile(tree, "tests.py", "exec", dont_inherit=True), space)
    except AssertionError as error:
        return {"passed": False, **_compared(tree, error)}
    except BaseException as error:
        return {"passed": False, "error": described(error)}
    return {"passed": True}


def wanted(tree: ast.Module) -> list[str]:
    """Names that a test file uses and does not define."""
    used: set[str] = set()
    defined: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else defined).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.arg):
            defined.add(node.arg)
        elif isinstance(node, ast.alias):
            defined.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            defined.add(node.name)
    return sorted(used - defined - set(dir(builtins)))


def _compared(tree: ast.Module, error: AssertionError) -> dict[str, Any]:
    """The assert that failed, with both of its sides where it compares with ==."""
    at = error.__traceback__
    frame: FrameType | None = None
    number = 0
    while isinstance(at, TracebackType):
        if at.tb_frame.f_code.co_filename == "tests.py":
            frame, number = at.tb_frame, at.tb_lineno
        at = at.tb_next
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and node.lineno <= number <= (node.end_lineno or 0):
            told = {"error": described(error), "assert": ast.unparse(node)}
            compare = node.test
            if frame is None or not isinstance(compare, ast.Compare):
                return told
            if len(compare.ops) != 1 or not isinstance(compare.ops[0], ast.Eq):
                return told
            sides = {"actual": compare.left, "expected": compare.comparators[0]}
            return told | {side: _again(part, frame) for side, part in sides.items()}
    return {"error": described(error)}


def _again(part: ast.expr, frame: FrameType) -> str:
    """The value of one side of an assert. It is computed once more: an assert keeps none."""
    compiled = compile(ast.Expression(part), "tests.py", "eval", dont_inherit=True)
    try:
        return show(eval(compiled, frame.f_globals, frame.f_locals))
    except BaseException as error:
        return described(error)
