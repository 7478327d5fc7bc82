"""Questions that are asked for at the same moment go out together, in one request."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from understudy.errors import Rejected

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(slots=True)
class _Batch(Generic[Q, A]):
    """Questions that go out together. The first caller sends, the others wait for it."""

    questions: list[Q]
    waiters: list[asyncio.Future[A | None]] = field(default_factory=list[asyncio.Future[A | None]])
    """One per question after the first. None: ask alone."""

    def share(self, answers: Sequence[A]) -> None:
        """Give each waiting caller its answer; callers without one ask alone."""
        for i, waiter in enumerate(self.waiters):
            if not waiter.done():  # its caller was cancelled
                waiter.set_result(answers[i] if i < len(answers) else None)

    def wake(self, turn: asyncio.Future[None], answers: Sequence[A]) -> None:
        """Let the sender go on, and then the others."""
        if not turn.done():  # the sender was cancelled
            turn.set_result(None)
        self.share(answers)

    def fail(self, error: BaseException) -> None:
        """Raise the failure for all callers."""
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_exception(error)


@dataclass(frozen=True)
class Together(Generic[Q, A]):
    """Collects the questions of one turn of the event loop."""

    send: Callable[[Sequence[Q]], Awaitable[Sequence[A]]]
    """The answers in the order of the questions; those that it leaves out are asked for alone."""
    key: Callable[[Q], bytes]
    """Equal for questions that can go out together."""
    fits: Callable[[Sequence[Q], Q], bool]
    """Whether one more can join a batch."""
    separate: Callable[[Sequence[Q]], bool]
    """Whether the questions of a batch that was refused are to be asked one by one: whatever is wrong
    with one, the others must not fail with it."""
    _open: dict[bytes, _Batch[Q, A]] = field(default_factory=dict[bytes, _Batch[Q, A]])

    async def ask(self, question: Q) -> A:
        """The answer to one question."""
        key = self.key(question)
        batch = self._open.get(key)
        if batch is None or not self.fits(batch.questions, question):
            return await self._lead(key, question)
        waiter: asyncio.Future[A | None] = asyncio.get_running_loop().create_future()
        batch.questions.append(question)
        batch.waiters.append(waiter)
        answer = await waiter
        return await self.ask_alone(question) if answer is None else answer

    async def ask_alone(self, question: Q) -> A:
        """The answer to a question that goes out by itself."""
        return (await self.send([question]))[0]

    async def _lead(self, key: bytes, question: Q) -> A:
        batch = self._open[key] = _Batch[Q, A]([question])
        try:
            try:
                await asyncio.sleep(0)  # everything that is ready now may join
            finally:
                if self._open.get(key) is batch:
                    del self._open[key]
            answers = await self.send(batch.questions)
        except asyncio.CancelledError:
            batch.share([])  # only the sender is cancelled, not the callers that wait for it
            raise
        except Rejected as error:
            if len(batch.questions) == 1 or not self.separate(batch.questions):
                batch.fail(error)
                raise
            batch.share([])
            return await self.ask_alone(question)
        except BaseException as error:
            batch.fail(error)
            raise
        if batch.waiters:
            # All wake in the same turn of the loop, and this caller first: what carries the usage of
            # all is paid for and journaled before the others, and nothing stops the run in between.
            loop = asyncio.get_running_loop()
            turn = loop.create_future()
            loop.call_soon(batch.wake, turn, answers[1:])
            await turn
        return answers[0]
