"""The shipped fake: a function or a list in place of an endpoint, for tests and dry runs.

It counts words as tokens and keeps to `stop` and `max_tokens`, so that budgets, truncation and
stop strings can be tried without a model. Where a request has a JSON Schema and the function gives
None, the reply is an instance of the schema, made up; other draws bring other instances.
"""

import importlib.util
import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, cast

import msgspec

from understudy.errors import ConfigError
from understudy.providers.fill import fill_schema
from understudy.providers.negotiate import Features
from understudy.providers.table import Target
from understudy.types import Call, Reply, Request, Usage, WireCall

Answer: TypeAlias = str | Reply | Exception
"""A text, a whole reply, or an error to raise."""
Answers: TypeAlias = Answer | Sequence[Answer]
"""One answer; or several, for this draw and as many of the draws after it."""
Script: TypeAlias = Callable[[Call], Answers | Awaitable[Answers | None] | None]
"""None leaves the reply to the schema of the request."""


def connect(target: Target) -> "Scripted":
    """The function that a model string names, as `FILE.py:FUNCTION`.

    Raises:
        ConfigError: there is no such file or function.
    """
    path, _, name = target.model.rpartition(":")
    file = Path(path).expanduser()
    spec = importlib.util.spec_from_file_location(f"understudy_script_{file.stem}", file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise ConfigError(
            f"scripted:{target.model}: expected scripted:FILE.py:FUNCTION, no such file."
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not callable(function := getattr(module, name, None)):
        raise ConfigError(f"scripted:{target.model}: {file} has no function {name!r}.")
    return Scripted(cast("Script", function))


_encode = msgspec.json.Encoder().encode


class Scripted:
    """Answers by a function, asked once per draw, or by a list, in the order of the calls."""

    def __init__(
        self,
        replies: Script | Iterable[Answers],
        *,
        fail_on: Mapping[int, Exception] | None = None,
        features: Features | None = None,
    ) -> None:
        """`fail_on[3]` is raised by the third call, in place of an answer. With
        `features=Features(n=False)` it brings one reply per call, as many endpoints do."""
        self.features = features or Features()
        self.calls = list[WireCall]()
        """Every wire call so far, those that failed included."""
        self._fail_on = dict(fail_on or {})
        self._ask = replies if callable(replies) else _in_order(replies)

    async def __call__(self, wire: WireCall, /) -> Sequence[Reply]:
        self.calls.append(wire)
        if (error := self._fail_on.get(len(self.calls))) is not None:
            raise error
        n = wire.n if self.features.n else 1
        replies = list[Reply]()
        while len(replies) < n:
            call = wire.calls[len(replies)]
            answers = self._ask(call)
            if inspect.isawaitable(answers):
                answers = await answers
            if answers is None:
                answers = _fill(call)
            several = _several(answers)
            if not several:
                raise ConfigError(f"expected an answer to draw {call.draw}, the script gave none.")
            replies += [_reply(call, answer) for answer in several[: n - len(replies)]]
        return _count_words(wire.request, replies)

    async def close(self) -> None:
        """Nothing to close."""


def _in_order(replies: Iterable[Answers]) -> Script:
    remaining, count = iter(replies), 0

    def take(call: Call) -> Answers:
        nonlocal count
        for answers in remaining:
            count += 1
            return answers
        raise ConfigError(
            f"the script holds {count} answers, and all were used; found a further call of step "
            f"{call.step!r}, task {call.task!r}, role {call.role!r}, draw {call.draw}. "
            "Script more answers, or use a function."
        )

    return take


def _fill(call: Call) -> Answers:
    """An instance of the request's schema; nothing where it has none."""
    request = call.request
    if request.schema is None:
        return []
    name = (call.step, call.task, call.scope, call.role, call.draw, _encode(request))
    return _encode(fill_schema(request.schema, repr(name))).decode()


def _several(answers: Answers) -> Sequence[Answer]:
    if isinstance(answers, list | tuple):
        return answers
    return (cast("Answer", answers),)


def _reply(call: Call, answer: Answer) -> Reply:
    if isinstance(answer, Exception):
        raise answer
    if isinstance(answer, Reply):
        return answer
    if not isinstance(cast("object", answer), str):
        raise ConfigError(
            f"expected a str, a Reply or an Exception of the script, found {answer!r}."
        )
    sampling, stop = call.request.sampling, "end"
    cut = min((i for i in map(answer.find, sampling.stop) if i >= 0), default=len(answer))
    text = answer[:cut]
    if sampling.max_tokens is not None:
        words = list(re.finditer(r"\S+", text))
        if len(words) > sampling.max_tokens:
            end = words[sampling.max_tokens - 1].end() if sampling.max_tokens else 0
            text, stop = text[:end], "length"
    return Reply(text=text, stop=stop, model=call.request.model)


def _count_words(request: Request, replies: Sequence[Reply]) -> Sequence[Reply]:
    """The replies with usage on the first: their words, unless the script gave usage itself."""
    if any(reply.usage is not None for reply in replies):
        return replies
    prompts = sum(len(message.text.split()) for message in request.messages)
    traces = sum(len(reply.reasoning.split()) for reply in replies)
    usage = Usage(
        tokens_in=prompts + len(request.prompt.split()),
        tokens_out=sum(len(reply.text.split()) for reply in replies) + traces,
        reasoning=traces,
    )
    return [
        msgspec.structs.replace(reply, usage=Usage() if i else usage)
        for i, reply in enumerate(replies)
    ]
