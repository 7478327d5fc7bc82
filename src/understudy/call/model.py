"""The handle a method holds: a model in a named role, bound to one unit of work.

Everything a method asks goes through here and is journaled, metered, retried and limited beneath.
Asking the same twice draws twice: each identical request of one role in one scope is numbered, and
a resumed run is handed the same replies in the same order.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar, overload

from pydantic import BaseModel

from understudy.call.group import grouped
from understudy.call.schema import SchemaReader
from understudy.call.scope import nest
from understudy.call.stack import stack
from understudy.errors import Rejected, Unparsable
from understudy.journal.keys import canonical
from understudy.types import (
    Call,
    Form,
    Generate,
    Json,
    Layer,
    Message,
    Provide,
    Reply,
    Request,
    Sampling,
    Token,
    assistant,
    user,
)

T = TypeVar("T")
Schema = TypeVar("Schema", bound=BaseModel)
Prompt = str | Sequence[Message]
"""A single user message, or a conversation."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model in a role."""

    name: str
    """The name the endpoint knows."""
    generate: Generate = field(repr=False)
    endpoint: str = ""
    """Provider and base URL; part of every key."""
    role: str = "model"
    step: str = ""
    task: str = ""
    scope: str = ""
    """The worker inside the task that asks; see `within`."""
    revision: str = ""
    """Which weights answer under that name; part of every key, never sent."""
    sampling: Sampling = Sampling()
    """Used for settings that a request leaves open."""
    extra: Json = field(default_factory=dict[str, Any])
    """Sent with every request, in the endpoint's own dialect."""
    _draws: dict[tuple[str, bytes], int] = field(
        default_factory=dict[tuple[str, bytes], int], repr=False, compare=False
    )
    """How often each request has been made in each scope; shared by all scopes of a task."""

    def at(self, step: str, task: str, role: str | None = None) -> "Model":
        """The same model for another unit of work, whose identical requests count from 0."""
        # Called for every task: spelt out, since `replace` takes five times as long.
        return Model(
            self.name, self.generate, self.endpoint, role or self.role, step, task, "",
            self.revision, self.sampling, self.extra,
        )  # fmt: skip

    def within(self, scope: str) -> "Model":
        """The same model for one of several workers inside the task, e.g. `agent 7`. Equal requests
        of two workers are numbered apart, so that neither is ever given the other's reply, whatever
        the timing of a resumed run. Scopes nest."""
        return replace(self, scope=nest(self.scope, scope))

    @classmethod
    def over(cls, name: str, provider: Provide, **fields: Any) -> "Model":
        """A model straight over a provider, for tests and notebooks: nothing is journaled, paid for,
        limited or tried again."""
        return cls(name, grouped(provider), **fields)

    def through(self, *layers: Layer) -> "Model":
        """The same model with layers around it, the first of them outermost."""
        return replace(self, generate=stack(self.generate, layers))

    async def ask(self, prompt: Prompt, sampling: Sampling = Sampling()) -> str:
        """The text of one reply."""
        return (await self.chat(prompt, sampling)).text

    async def chat(
        self,
        prompt: Prompt,
        sampling: Sampling = Sampling(),
        *,
        logprobs: int | None = None,
        tools: Sequence[Json] = (),
    ) -> Reply:
        """One reply. `logprobs`: with token log-probabilities and this many alternatives each."""
        return (await self.sample(prompt, 1, sampling, logprobs=logprobs, tools=tools))[0]

    async def sample(
        self,
        prompt: Prompt,
        n: int,
        sampling: Sampling = Sampling(),
        *,
        logprobs: int | None = None,
        tools: Sequence[Json] = (),
    ) -> list[Reply]:
        """`n` independent replies to the same prompt, in one request where the endpoint can."""
        return await self.send(
            self.request(prompt, sampling, logprobs=logprobs, tools=tuple(tools)), n
        )

    def request(self, prompt: Prompt, sampling: Sampling = Sampling(), **fields: Any) -> Request:
        """The request for a prompt, with this model's own settings where `sampling` has none."""
        return Request(
            model=self.name,
            endpoint=self.endpoint,
            revision=self.revision,
            messages=(user(prompt),) if isinstance(prompt, str) else tuple(prompt),
            sampling=sampling.over(self.sampling),
            extra=self.extra,
            **fields,
        )

    async def send(self, request: Request, n: int = 1) -> list[Reply]:
        """`n` draws of a request."""
        if n < 1:
            return []
        form = Form(request, canonical(request))
        key = self.scope, form.canonical.hash
        # Counted before the first await: concurrent callers are numbered in the order they asked.
        draw = self._draws.get(key, 0)
        self._draws[key] = draw + n
        calls = [
            Call(
                step=self.step, task=self.task, scope=self.scope, role=self.role, draw=d,
                request=request, form=form,
            )
            for d in range(draw, draw + n)
        ]  # fmt: skip
        if n == 1:
            return [await self.generate(calls[0])]
        return await gather(map(self.generate, calls))

    async def complete(self, prompt: str, sampling: Sampling = Sampling()) -> Reply:
        """One continuation of a raw text, as base models write it: no chat template is put around it.
        The endpoint needs a legacy completions route."""
        request = Request(
            model=self.name,
            endpoint=self.endpoint,
            revision=self.revision,
            prompt=prompt,
            sampling=sampling.over(self.sampling),
            extra=self.extra,
        )
        return (await self.send(request))[0]

    @overload
    async def parse(
        self,
        prompt: Prompt,
        schema: type[Schema],
        sampling: Sampling = ...,
        *,
        corrections: int = 2,
    ) -> Schema: ...
    @overload
    async def parse(
        self, prompt: Prompt, schema: Json, sampling: Sampling = ..., *, corrections: int = 2
    ) -> Any: ...
    async def parse(
        self,
        prompt: Prompt,
        schema: type[BaseModel] | Json,
        sampling: Sampling = Sampling(),
        *,
        corrections: int = 2,
    ) -> Any:
        """A reply that satisfies a schema: an instance of a pydantic model, or JSON.

        The endpoint is asked to keep to the schema; what comes is read leniently (fences, broken
        JSON) and checked strictly. A reply that fails is shown to the model with the complaint, at
        most `corrections` times. All turns are calls like any other.

        Raises:
            Unparsable: no reply passed.
        """
        read = SchemaReader(schema)
        messages = [user(prompt)] if isinstance(prompt, str) else list(prompt)
        complaint = ""
        for _ in range(corrections + 1):
            request = self.request(messages, sampling, schema=read.json_schema)
            (reply,) = await self.send(request)
            try:
                return read(reply.text)
            except ValueError as error:
                complaint = str(error)
            if reply.stop == "length":
                complaint += f" The reply was cut off after {len(reply.text)} characters."
            messages += [assistant(reply.text), user(CORRECT.format(complaint=complaint))]
        raise Unparsable(
            f"{self.role}: expected JSON of the given schema, found after {corrections + 1} "
            f"replies: {complaint} Allow more `corrections` or tokens, or ask for less at once."
        )

    async def score(self, prompt: str, continuation: str = "") -> tuple[Token, ...]:
        """The tokens of `continuation` (or of all of `prompt` where it is empty) with the
        log-probability the model gives each, without drawing any: teacher forcing through a
        legacy completions endpoint with `echo`.

        Raises:
            Rejected: the endpoint cannot score.
        """
        request = Request(
            model=self.name,
            endpoint=self.endpoint,
            revision=self.revision,
            prompt=prompt + continuation,
            echo=True,
            logprobs=1,
            sampling=Sampling(max_tokens=0, temperature=0.0),
            extra=self.extra,
        )
        (reply,) = await self.send(request)
        if reply.logprobs is None:
            raise Rejected(f"{self.name}: the endpoint gave no log-probabilities for a given text.")
        tokens, length = list[Token](), 0
        for token in reply.logprobs:
            length += len(token.text)
            # A token that straddles the border belongs to the continuation.
            if not continuation or length > len(prompt):
                tokens.append(token)
        return tuple(tokens)

    async def choose(
        self, prompt: Prompt, options: Sequence[str], sampling: Sampling = Sampling()
    ) -> dict[str, float]:
        """The probability of each option as the first token of a reply, summing to 1.

        Read off the first token's alternatives; an option the endpoint did not list counts as 0.
        Options are compared without surrounding blanks.

        Raises:
            Rejected: the endpoint gives no log-probabilities, or lists none of the options.
        """
        sampling = Sampling(max_tokens=1).over(sampling)
        reply = await self.chat(prompt, sampling, logprobs=20)
        if not reply.logprobs:
            raise Rejected(
                f"{self.name}: log-probabilities were requested and none came; sample instead."
            )
        first = reply.logprobs[0]
        mass = dict.fromkeys(options, 0.0)
        for token, logprob in first.top or ((first.text, first.logprob),):
            if (option := token.strip()) in mass:
                mass[option] += math.exp(logprob)
        if not (total := sum(mass.values())):
            raise Rejected(f"{self.name}: none of {list(options)!r} among the likeliest tokens.")
        return {option: p / total for option, p in mass.items()}


async def gather(awaitables: Iterable[Awaitable[T]]) -> list[T]:
    """Await all concurrently; results in the order given.

    If some fail, the first failure is raised when all have ended: replies that are under way are
    paid for, and are kept for the resumed run.
    """
    results = await asyncio.gather(*awaitables, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


class Prefetch(Generic[T]):
    """Work that is started early and taken in the order in which it was started.

    What a method does next may depend on what it has taken so far, and on nothing else: then it does
    the same in every run, however the replies come in.
    """

    def __init__(self) -> None:
        self._started = deque[asyncio.Future[T]]()

    def __len__(self) -> int:
        """Started and not yet taken."""
        return len(self._started)

    def start(self, work: Coroutine[Any, Any, T]) -> None:
        self._started.append(asyncio.ensure_future(work))

    async def take(self) -> T:
        """The result of the work that was started first."""
        return await self._started.popleft()

    async def drain(self) -> None:
        """Let end what is under way: its replies are paid for, and kept for the resumed run."""
        await asyncio.gather(*self._started, return_exceptions=True)

    async def close(self) -> None:
        """Cancel work that nobody will take."""
        for future in self._started:
            future.cancel()
        for result in await asyncio.gather(*self._started, return_exceptions=True):
            if not isinstance(result, Exception | asyncio.CancelledError) and isinstance(
                result, BaseException
            ):
                raise result
        self._started.clear()


CORRECT = """\
That cannot be used: {complaint}
Reply again with the corrected JSON only."""
