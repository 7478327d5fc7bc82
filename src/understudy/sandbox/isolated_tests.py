"""Runs test files in a sandbox of their own, away from the program that they test.

A test file uses names that it does not define. Those are the program's: the file gets proxies for
them, whose calls travel over a socket to the program's sandbox. Only plain data comes back. So no
`__eq__` that is always true, no patched built-in and no `os._exit(0)` reaches the tests.
"""

import ast
import builtins
import json
import socket
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from understudy.sandbox.codec import decode, decode_lines, encode, encode_line, show
from understudy.sandbox.runner import describe


class ProgramEndedError(BaseException):
    """The program's process is gone. A test that expects an `Exception` must not catch this."""


class ProgramProxy:
    """The program, as its tests see it."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._replies = link.makefile("rb")

    def get(self, name: str) -> Any:
        """A proxy for a function, or the value of anything else.

        Raises:
            LookupError: the program has no such name.
        """
        reply = self._ask({"get": name})
        if reply.get("callable"):
            return self._build_proxy(name)
        if "value" not in reply:
            raise LookupError(name)
        return decode(reply["value"])

    def _build_proxy(self, name: str) -> Callable[..., Any]:
        def proxy(*args: object, **kwargs: object) -> Any:
            keywords = {key: _encode_plain(value, name) for key, value in kwargs.items()}
            values = [_encode_plain(value, name) for value in args]
            reply = self._ask({"do": name, "args": values, "kwargs": keywords})
            if "value" in reply:
                return decode(reply["value"])
            raise _rebuild_error(str(reply.get("kind")), str(reply.get("raised")))

        proxy.__name__ = proxy.__qualname__ = name
        return proxy

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        try:
            self._link.sendall(json.dumps(question).encode() + b"\n")
            replies = decode_lines("", self._replies.readline())
        except OSError:
            replies = []
        if not replies:
            raise ProgramEndedError("the program ended its process")
        return replies[0]


def _encode_plain(value: object, name: str) -> Any:
    data = encode(value)
    if '"opaque"' in json.dumps(data):
        raise TypeError(f"{name} is called with {show(value)}: only plain data goes to a program")
    return data


def _rebuild_error(kind: str, text: str) -> BaseException:
    """What the program raised: the same built-in exception if it was one, else a RuntimeError."""
    builtin = getattr(builtins, kind, None)
    message = text.partition(": ")[2]
    if isinstance(builtin, type) and issubclass(builtin, Exception):
        try:
            return builtin(message)
        except TypeError:  # some, like UnicodeDecodeError, need more than a message
            pass
    return RuntimeError(text)


def run_tests(
    files: list[str], nonce: str, link: socket.socket, send: Callable[[bytes], None]
) -> None:
    """Run each file and send its verdict as soon as it is known."""
    program = ProgramProxy(link)
    for i, text in enumerate(files):
        verdict = _run_file(text, program)
        try:
            line = encode_line(nonce, {"test": i, **verdict})
        except ValueError:
            error = "the verdict was too long to send"
            line = encode_line(nonce, {"test": i, "passed": False, "error": error})
        send(line)


def _run_file(text: str, program: ProgramProxy) -> dict[str, Any]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        return {"passed": False, "error": describe(error)}
    try:
        space: dict[str, Any] = {"__name__": "tests"}
        for name in list_free_names(tree):
            try:
                space[name] = program.get(name)
            except LookupError:
                continue  # the test raises a NameError if it gets that far
        exec(compile(tree, "tests.py", "exec", dont_inherit=True), space)
    except AssertionError as error:
        return {"passed": False, **_explain_assert(tree, error)}
    except BaseException as error:
        return {"passed": False, "error": describe(error)}
    return {"passed": True}


def list_free_names(tree: ast.Module) -> list[str]:
    """Names that a test file uses and does not define."""
    uses: set[str] = set()
    definitions: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (uses if isinstance(node.ctx, ast.Load) else definitions).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            definitions.add(node.name)
        elif isinstance(node, ast.arg):
            definitions.add(node.arg)
        elif isinstance(node, ast.alias):
            definitions.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            definitions.add(node.name)
    return sorted(uses - definitions - set(dir(builtins)))


def _explain_assert(tree: ast.Module, error: AssertionError) -> dict[str, Any]:
    """The assert that failed, and both of its sides if it compares with `==`."""
    at = error.__traceback__
    frame: FrameType | None = None
    number = 0
    while isinstance(at, TracebackType):
        if at.tb_frame.f_code.co_filename == "tests.py":
            frame, number = at.tb_frame, at.tb_lineno
        at = at.tb_next
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and node.lineno <= number <= (node.end_lineno or 0):
            facts = {"error": describe(error), "assert": ast.unparse(node)}
            compare = node.test
            if frame is None or not isinstance(compare, ast.Compare):
                return facts
            if len(compare.ops) != 1 or not isinstance(compare.ops[0], ast.Eq):
                return facts
            sides = {"actual": compare.left, "expected": compare.comparators[0]}
            return facts | {side: _evaluate_again(part, frame) for side, part in sides.items()}
    return {"error": describe(error)}


def _evaluate_again(part: ast.expr, frame: FrameType) -> str:
    """The value of one side of an assert. It has to be evaluated again: a failed assert keeps none."""
    code = compile(ast.Expression(part), "tests.py", "eval", dont_inherit=True)
    try:
        return show(eval(code, frame.f_globals, frame.f_locals))
    except BaseException as error:
        return describe(error)
