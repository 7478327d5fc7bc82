"""Rows as the engine writes them, and items: what is between two steps."""

import struct
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TypeVar

import msgspec

from understudy.errors import UnderstudyError
from understudy.journal.rows import Row
from understudy.runs.recipe import SEEDS
from understudy.runs.seeds import BrokenSeed
from understudy.types import Example, Rejection, Task, Value, Verdict

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Example).decode


class Item(Value, frozen=True, kw_only=True):
    """One unit of work for one step: a seed, or an example of the step before."""

    id: str
    position: bytes
    task: Task | None = None
    example: Example | None = None

    def as_task(self) -> Task:
        if self.task is not None:
            return self.task
        assert self.example is not None
        return self.example.as_task()

    def as_example(self) -> Example:
        """The item as a filter judges it; a seed is its question alone."""
        if self.example is not None:
            return self.example
        assert self.task is not None
        turns = self.task.conversation
        return Example(
            id=self.id, messages=turns, reference=self.task.reference, meta=self.task.meta,
            choices=self.task.choices, tests=self.task.tests,
        )  # fmt: skip

    @property
    def lineage(self) -> tuple[str, ...]:
        return () if self.example is None else self.example.lineage


def judged(step: str, example: Example, verdict: Verdict) -> Example | Rejection:
    """What a filter's verdict makes of an example; a score is kept under the step's name."""
    if not verdict.keep:
        return Rejection(reason=verdict.reason, score=verdict.score, example=example)
    if verdict.score is None:
        return example
    scores = {**example.scores, step: float(verdict.score)}
    return msgspec.structs.replace(example, scores=scores)


class Failure(Value, frozen=True, kw_only=True):
    """The body of a failure row."""

    error: str
    message: str


def rows_of(
    step: str, item: Item, made: Sequence[Example | Rejection], first: int, *, pool: bool
) -> tuple[list[Row], list[Item]]:
    """The rows of what a step made of an item, and the items they are for the next step.

    The ordinal of the first is `first`. Examples are named after the item, and numbered where there
    can be several: over the pool, or where a task made more than one.
    """
    rows, items = list[Row](), list[Item]()
    numbered = pool or len(made) > 1
    for ordinal, outcome in enumerate(made, first):
        position = item.position + struct.pack(">I", ordinal) if numbered else item.position
        name = f"{item.id or step}#{ordinal + 1}" if numbered else item.id
        if isinstance(outcome, Example):
            lineage = (*item.lineage, f"{step}/{item.id}")
            outcome = msgspec.structs.replace(outcome, id=name, lineage=lineage)
            items.append(Item(id=name, position=position, example=outcome))
            row = Row(step, item.id, ordinal, "example", "", position, _encode(outcome))
        else:
            reason, body = outcome.reason, _encode(outcome)
            row = Row(step, item.id, ordinal, "rejection", reason, position, body)
        rows.append(row)
    return rows, items


def failure_row(step: str, item: Item, error: UnderstudyError) -> Row:
    """The row of a task that an expected error ended."""
    body = _encode(Failure(error=type(error).__name__, message=str(error)))
    return Row(step, item.id, 0, "failure", type(error).__name__, item.position, body)


def broken_row(seed: BrokenSeed) -> Row:
    """The row of a line that is no task."""
    body = _encode(Failure(error="BrokenSeed", message=f"{seed.where}: {seed.why}"))
    return Row(SEEDS, seed.where, 0, "failure", "broken seed", seed.position, body)


def end_row(step: str) -> Row:
    """The mark that a step over the pool has made all it will make."""
    return Row(step, "", -1, "end", "", b"", b"{}")


def item_of(row: Row) -> Item:
    """An example row, as the next step's work."""
    example = _decode(row.body)
    return Item(id=example.id, position=row.position, example=example)


def chunks(values: Iterable[T], size: int) -> Iterable[list[T]]:
    """The values in lists of `size`; the last may be shorter."""
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk
