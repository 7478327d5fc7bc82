"""A step at work: from an item to the rows that the journal keeps, and to the next step's items."""

import traceback
from collections.abc import AsyncGenerator, Awaitable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from understudy.errors import (
    MethodError,
    ProviderError,
    Unauthorized,
    UnderstudyError,
    Unparsable,
    first,
)
from understudy.handles.world import Handle
from understudy.registry import Definition, NoSettings
from understudy.runs.rows import Item, Output, apply_verdict, failure_output, pool_failure, rows_of
from understudy.types import Example, Rejection, Settings, Task, Verdict

OnError: TypeAlias = Literal["stop", "row"]
"""What an error in a method's own code does: stop the run, or become a failure row."""


@dataclass(frozen=True)
class BoundStep:
    """A step with its settings and handles."""

    label: str
    definition: Definition
    config: Settings
    handles: Mapping[str, Handle]
    """By the method's parameter, bound to no task yet."""

    def arguments(self, task: str) -> dict[str, Any]:
        """All arguments for one task but the task itself; `task` is empty for a step over the pool."""
        handles = self.handles.items()
        arguments: dict[str, Any] = {name: h.at(self.label, task, name) for name, h in handles}
        if self.definition.config is not NoSettings:
            arguments["config"] = self.config
        return arguments


async def process(step: BoundStep, item: Item, on_error: OnError, **more: Any) -> Output:
    """What the step makes of one item; where an expected error ends it, a failure row.

    Raises:
        RunStopped, Unauthorized: the run cannot go on now.
        MethodError: the step's code is wrong, and `on_error` is `stop`.
    """
    try:
        outcomes = await _call(step, item, step.arguments(item.id) | more)
        return rows_of(step.label, item, outcomes)
    except Exception as error:
        return failure_output(step.label, item, *_failure(step, item.id, error, on_error))


async def process_pool(
    step: BoundStep, tasks: Sequence[Task], content: bytes, on_error: OnError
) -> AsyncGenerator[Output]:
    """What a step over the pool makes, one outcome after another. `content`: a digest of the tasks.
    An expected error ends it with a failure row of the step itself.

    Raises:
        RunStopped, Unauthorized, MethodError: as for `process`.
    """
    ordinal, pool = 0, Item(id="", position=b"", content=content)
    try:
        generator = step.definition.run(tasks, **step.arguments(""))
        async with aclosing(cast("AsyncGenerator[object]", generator)) as outcomes:
            async for outcome in outcomes:
                yield rows_of(step.label, pool, [_check_outcome(outcome)], ordinal, pool=True)
                ordinal += 1
    except Exception as error:
        yield pool_failure(step.label, *_failure(step, "", error, on_error))


async def _call(
    step: BoundStep, item: Item, arguments: dict[str, Any]
) -> list[Example | Rejection]:
    run = step.definition.run
    if step.definition.shape == "example":
        example = item.as_example()
        verdict = await _await(run(example, **arguments))
        if not isinstance(verdict, Verdict):
            raise TypeError(f"expected a Verdict, found {type(verdict).__name__}")
        return [apply_verdict(step.label, example, verdict)]
    outcome = await _await(run(item.as_task(), **arguments))
    if isinstance(outcome, Iterable) and not isinstance(outcome, str):
        outcomes = [_check_outcome(one) for one in cast("Iterable[object]", outcome)]
        return outcomes or [Rejection(reason="the method made nothing")]
    return [_check_outcome(outcome)]


async def _await(value: object) -> object:
    return await cast("Awaitable[object]", value) if isinstance(value, Awaitable) else value


def _check_outcome(outcome: object) -> Example | Rejection:
    if not isinstance(outcome, Example | Rejection):
        raise TypeError(
            f"expected an Example, a Rejection or a list of them, found {type(outcome).__name__}"
        )
    return outcome


def _failure(step: BoundStep, task: str, error: Exception, on_error: OnError) -> tuple[str, str]:
    """Class and message of an error that is to be a row; raises every other."""
    error = cast("Exception", first(error))
    if isinstance(error, ProviderError | Unparsable) and not isinstance(error, Unauthorized):
        return type(error).__name__, str(error)
    if isinstance(error, UnderstudyError):
        raise error
    bug = _method_error(step, task, error)
    if on_error == "row":
        return bug.kind, str(bug)
    raise MethodError(
        f"{bug}\nFix it and run the same command again: it continues from here. With on_error=row such "
        "a task becomes a failure row, and the run continues.",
        bug.kind,
        bug.traceback,
    ) from error


def _method_error(step: BoundStep, task: str, error: Exception) -> MethodError:
    """The error with the step, the task and the line of the step's own code that it came from."""
    file = step.definition.file
    room = file.parent if file.name == "__init__.py" else file
    frames = traceback.extract_tb(error.__traceback__)
    own = [i for i, frame in enumerate(frames) if Path(frame.filename).is_relative_to(room)]
    last = frames[own[-1]] if own else None
    kind, whom = type(error).__name__, f"{step.label}, task {task!r}" if task else step.label
    message = f"{whom}: {kind}: {error}\n  {_place(last) if last else file}"
    if frames and frames[-1] is not last:
        message += f"\n  raised in {_place(frames[-1])}"
    lines = traceback.format_list(frames[own[0] :] if own else frames)
    return MethodError(message, kind, "".join([*lines, *traceback.format_exception_only(error)]))


def _place(frame: traceback.FrameSummary) -> str:
    return f"{frame.filename}:{frame.lineno}, in {frame.name}: {frame.line}"
