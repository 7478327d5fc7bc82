"""Self-Refine with scripted models: writers, critics and judges, and short ways to run them."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from understudy.call.model import Model
from understudy.handles.sandbox import Sandbox
from understudy.methods.self_refine import Config, self_refine
from understudy.providers.scripted import Scripted
from understudy.sandbox.protocol import Execution, Outcome, TestResult
from understudy.types import Example, Rejection, Reply, Task

TASK = Task(id="t", prompt="Name a prime above 10.", meta={"source": "hand"})
SUM = Task(id="s", prompt="What is 3 + 4?", reference="7")
CODE = Task(id="c", prompt="Write f(n), which adds one.", tests=("assert f(1) == 2",))

FINE = "It is a prime. NO COMPLAINT"
CUT = Reply(text="13 is a", stop="length")


def drafts(*texts: str | Reply) -> Scripted:
    """A writer that gives these answers, one after the other."""
    return Scripted(list(texts))


def complains(times: int, complaint: str = "That is no prime.") -> Scripted:
    """A critic that finds fault this many times, and then none."""
    faults = iter([complaint] * times)
    return Scripted(lambda call: next(faults, FINE))


def scores(*points: int, verdict: str = "revise") -> Scripted:
    """Structured feedback that gives each aspect these points, one number for each version."""
    remaining = iter(points)

    def fill_in(call: Any) -> str:
        names = re.findall(r"^- (\w+):", call.request.messages[-1].text, re.MULTILINE)
        point = next(remaining)
        aspects = [
            {"name": name, "evidence": f"'{point}'", "fix": "Add one.", "score": point}
            for name in names
        ]
        return json.dumps({"aspects": aspects, "verdict": verdict})

    return Scripted(fill_in)


def prefers(judge: Callable[[str, str], str]) -> Scripted:
    """A judge that says A, B or tie of two answers."""

    def compare(call: Any) -> str:
        pair = re.search(r"Answer A:\n(.*)\n\nAnswer B:\n(.*)\n", call.request.messages[-1].text)
        assert pair is not None
        return f"One of them is better.\nVerdict: {judge(pair[1], pair[2])}"

    return Scripted(compare)


async def no_sandbox(execution: Execution) -> Outcome:
    raise AssertionError("nothing is to be run")


def sandboxed(**actual: str) -> Callable[[Execution], Awaitable[Outcome]]:
    """A sandbox in which tests give the value that stands here for their source, else pass."""

    async def execute(execution: Execution) -> Outcome:
        program = execution.program
        value = actual.get(program.source.strip())
        tests = tuple(TestResult(test, value is None, value or "2", "2") for test in program.tests)
        return Outcome(status="failed" if value else "passed", tests=tests)

    return execute


async def run(
    writer: Scripted,
    critic: Scripted | None = None,
    task: Task = TASK,
    *,
    judge: Scripted | None = None,
    execute: Callable[[Execution], Awaitable[Outcome]] = no_sandbox,
    **settings: Any,
) -> Example | Rejection | list[Example]:
    roles = (("writer", writer), ("critic", critic), ("judge", judge))
    w, c, j = (Model.over("m", script or Scripted([]), role=role) for role, script in roles)
    return await self_refine(task, w, c, j, Sandbox(execute), Config(**settings))


async def one(*args: Any, **settings: Any) -> Example:
    """The one example that comes out."""
    row = await run(*args, **settings)
    assert isinstance(row, Example)
    return row


async def rejected(*args: Any, **settings: Any) -> Rejection:
    row = await run(*args, **settings)
    assert isinstance(row, Rejection)
    return row


def prompt(script: Scripted, call: int = -1) -> str:
    """The last message of a call."""
    return script.calls[call].request.messages[-1].text


def trace(row: Example | Rejection, key: str) -> list[Any]:
    """What the trace has under this key, version by version."""
    return [version.get(key) for version in row.meta["trace"]]
