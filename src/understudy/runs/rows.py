"""Rows as the engine writes them, and items: what is between two steps."""

import struct
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple, TypeVar

import msgspec

from understudy.journal.blobs import list_media, without_bytes
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
    content: bytes = b""
    """A digest of what is in it: of another content, it is another item."""
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
        example = self.task.example(self.task.conversation, **self.task.meta)
        return msgspec.structs.replace(example, id=self.id)

    @property
    def lineage(self) -> tuple[str, ...]:
        return () if self.example is None else self.example.lineage


def apply_verdict(step: str, example: Example, verdict: Verdict) -> Example | Rejection:
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


class Output(NamedTuple):
    """What a step made: rows for the journal, and the examples among them for the next step."""

    rows: list[Row]
    items: list[Item]


def rows_of(
    step: str,
    item: Item,
    outcomes: Sequence[Example | Rejection],
    first: int = 0,
    *,
    pool: bool = False,
) -> Output:
    """The rows of what a step made of an item, numbered from `first`.

    Examples are named after the item. Where there can be several of them, over the pool or of one
    task, their number follows.
    """
    output = Output([], [])
    several = pool or len(outcomes) > 1
    for ordinal, outcome in enumerate(outcomes, first):
        position = item.position + struct.pack(">I", ordinal) if several else item.position
        if isinstance(outcome, Example):
            name = f"{item.id or step}#{ordinal + 1}" if several else item.id
            lineage = (*item.lineage, f"{step}/{item.id}")
            example = msgspec.structs.replace(outcome, id=name, lineage=lineage)
            if media := list_media(example):
                example = without_bytes(example)
            body = _encode(example)
            row = Row(step, item.id, ordinal, "example", "", position, body, item.content)
            output.items.append(
                Item(id=name, position=position, content=content_of(row), example=example)
            )
        else:
            if media := list_media(outcome):
                outcome = without_bytes(outcome)
            reason, body = outcome.reason, _encode(outcome)
            row = Row(step, item.id, ordinal, "rejection", reason, position, body, item.content)
        output.rows.append(row._replace(media=media) if media else row)
    return output


def surplus_row(row: Row) -> Row:
    """A row of an example that is one more than were asked for."""
    rejection = Rejection(reason=SURPLUS, example=_decode(row.body))
    return row._replace(kind="rejection", reason=SURPLUS, body=_encode(rejection))


SURPLUS = "more than were asked for"


def failure_output(step: str, item: Item, error: str, message: str) -> Output:
    """The row of a task that an error ended."""
    body = _encode(Failure(error=error, message=message))
    row = Row(step, item.id, 0, "failure", error, item.position, body, item.content)
    return Output([row], [])


def pool_failure(step: str, error: str, message: str) -> Output:
    """The row of a step over the pool that an error ended. It stands where its end mark would."""
    body = _encode(Failure(error=error, message=message))
    return Output([Row(step, "", END, "failure", error, b"", body)], [])


def broken_row(seed: BrokenSeed) -> Row:
    """The row of a line that is no task."""
    body = _encode(Failure(error="BrokenSeed", message=f"{seed.where}: {seed.why}"))
    return Row(SEEDS, seed.where, 0, "failure", "broken seed", seed.position, body)


def end_row(step: str, content: bytes = b"") -> Row:
    """The mark that a step over the pool has made all it will make of these tasks."""
    return Row(step, "", END, "end", "", b"", b"{}", content)


END = -1
"""The ordinal of the row that says how a step over the pool ended."""


def item_of(row: Row) -> Item:
    """An example row, as the next step's work."""
    example = _decode(row.body)
    return Item(id=example.id, position=row.position, content=content_of(row), example=example)


def content_of(row: Row) -> bytes:
    """A digest of an example row, which says what the next step gets."""
    return blake2b(row.body, digest_size=6).digest()


def chunks(values: Iterable[T], size: int) -> Iterable[list[T]]:
    """The values in lists of `size`; the last may be shorter."""
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk
