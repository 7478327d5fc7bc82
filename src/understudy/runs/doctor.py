"""Checks an endpoint by using it: whether it answers, takes the key, and which features really work.

Servers accept settings that they ignore, so nothing is believed that a reply does not show.
"""

import resource
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from understudy.errors import (
    ConfigError,
    NoSandbox,
    ProviderError,
    Rejected,
    Unauthorized,
    UnderstudyError,
)
from understudy.providers.connect import Provider, connect, parse
from understudy.sandbox.isolation import AUTO
from understudy.sandbox.worker_pool import WorkerPool
from understudy.text import lenient_json
from understudy.types import Call, Reply, Request, Sampling, WireCall, user

Finding = tuple[bool | None, str]
"""Works, does not, or cannot be told; and what was seen."""


class Examination(NamedTuple):
    """What was found out, as text for a terminal."""

    text: str
    well: bool
    """It can be used: it answered a plain request."""


async def examine(spec: str, key_env: str = "") -> Examination:
    """The findings on a model string; on this machine alone where it is empty.

    Raises:
        ConfigError: the model string is none, or the key is missing.
    """
    if not spec:
        return Examination("\n".join([*_machine(), *await _sandboxes(), _NEXT]), True)
    address = parse(spec)
    notices = list[str]()
    provider = connect(address, key_env=key_env, timeout=60, notice=notices.append)
    lines = [f"{spec}"]
    try:
        ask = Ask(provider, address.model, address.endpoint, notices)
        try:
            reply = (await ask("Reply with the word: hello", Sampling(max_tokens=64)))[0]
        except UnderstudyError as error:
            kind = "the key is refused" if isinstance(error, Unauthorized) else "no answer"
            lines.append(f"  [no]  reachable: {kind}: {error}")
            return Examination("\n".join(lines), False)
        lines.append(f"  [yes] reachable: {reply.model or address.model} says {_cut(reply.text)}")
        for name, probe in PROBES.items():
            try:
                works, seen = await probe(ask)
            except Rejected as error:
                works, seen = False, f"refused: {_cut(str(error))}"
            except ProviderError as error:
                works, seen = None, f"cannot be told: {_cut(str(error))}"
            mark = {True: "[yes]", False: "[no] ", None: "[?]  "}[works]
            lines.append(f"  {mark} {name}: {seen}")
    finally:
        await provider.close()
    lines.append("What is missing is made up for where it can be: see docs/providers.md.")
    return Examination("\n".join(lines), True)


@dataclass(frozen=True)
class Ask:
    """Sends one request to the model under examination."""

    provider: Provider
    model: str
    endpoint: str
    notices: Sequence[str]
    """What the provider has had to make up for so far, in its words."""

    async def __call__(
        self, prompt: str, sampling: Sampling, /, n: int = 1, draw: int = 0, **fields: object
    ) -> Sequence[Reply]:
        request = Request(
            model=self.model,
            endpoint=self.endpoint,
            messages=() if "prompt" in fields else (user(prompt),),
            sampling=sampling,
            **fields,  # type: ignore[reportArgumentType]  # each probe names its own
        )
        return await self.provider(WireCall.of(Call(request=request, draw=draw), n))


STORY = "Write one sentence about a lighthouse."
HOT = Sampling(temperature=1.0, max_tokens=24)


async def _several(ask: Ask) -> Finding:
    replies = await ask(STORY, HOT, n=3)
    if len(replies) < 3:
        return False, f"asked for 3 replies at once, got {len(replies)}"
    different = len({reply.text for reply in replies})
    return different > 1, f"3 replies at once, {different} of them different"


async def _sampling(ask: Ask) -> Finding:
    texts = {(await ask(STORY, HOT, draw=draw))[0].text for draw in range(3)}
    if len(texts) > 1:
        return True, f"{len(texts)} different replies to 3 requests at temperature 1"
    return False, "3 requests at temperature 1 gave the same reply: is sampling switched off?"


async def _seed(ask: Ask) -> Finding:
    first, second = [
        (await ask(STORY, Sampling(temperature=1.0, max_tokens=24, seed=7)))[0].text
        for _ in range(2)
    ]
    other = (await ask(STORY, Sampling(temperature=1.0, max_tokens=24, seed=8)))[0].text
    if first != second:
        return False, "the same seed gave two different replies"
    return first != other, "the same seed gives the same reply" + (
        "" if first != other else ", and so does another seed"
    )


async def _stop(ask: Ask) -> Finding:
    full = (await ask("Count from 1 to 9: 1, 2, 3,", Sampling(temperature=0.0, max_tokens=32)))[
        0
    ].text
    middle = full[len(full) // 2 :][:3]
    if len(middle) < 3:
        return None, "the reply was too short to tell"
    sampling = Sampling(temperature=0.0, max_tokens=32, stop=(middle,))
    cut = (await ask("Count from 1 to 9: 1, 2, 3,", sampling))[0].text
    if any("stop string" in notice for notice in ask.notices):
        return False, "the stop string is left in the text, or ignored; it is cut off on this side"
    if middle in cut:
        return False, "the stop string is left in the text"
    return True, "the reply ends before the stop string"


async def _length(ask: Ask) -> Finding:
    reply = (await ask(STORY, Sampling(max_tokens=3)))[0]
    if reply.stop == "end" and reply.usage is not None and reply.usage.tokens_out <= 3:
        return None, f"the reply ended by itself within 3 tokens: {_cut(reply.text)}"
    return reply.stop == "length", f"max_tokens=3 ended with stop reason {reply.stop!r}"


async def _logprobs(ask: Ask) -> Finding:
    reply = (await ask("Say yes or no.", Sampling(max_tokens=4), logprobs=5))[0]
    if not reply.logprobs:
        return False, "asked for, none came"
    return True, f"{len(reply.logprobs)} tokens, {len(reply.logprobs[0].top)} alternatives each"


async def _schema(ask: Ask) -> Finding:
    schema = {
        "type": "object",
        "properties": {"colour": {"type": "string", "enum": ["red", "green"]}},
        "required": ["colour"],
        "additionalProperties": False,
    }
    reply = (await ask("Name a colour.", Sampling(max_tokens=64), schema=schema))[0]
    try:
        value = lenient_json.loads(reply.text)
    except ValueError:
        return False, f"no JSON came: {_cut(reply.text)}"
    held = isinstance(value, dict) and value in ({"colour": "red"}, {"colour": "green"})
    return held, "kept to" if held else f"not kept to: {_cut(reply.text)}"


async def _usage(ask: Ask) -> Finding:
    usage = (await ask("Hello.", Sampling(max_tokens=4)))[0].usage
    if usage is None or not usage.tokens_in:
        return False, "no token counts: cost will be unknown"
    return True, f"{usage.tokens_in} tokens in, {usage.tokens_out} out"


async def _echo(ask: Ask) -> Finding:
    sampling = Sampling(max_tokens=0, temperature=0.0)
    reply = (await ask("", sampling, prompt="The sky is blue.", echo=True, logprobs=1))[0]
    if not reply.logprobs:
        return False, "the prompt came back without log-probabilities"
    return True, f"a given text is scored, {len(reply.logprobs)} tokens"


PROBES: dict[str, Callable[[Ask], Awaitable[Finding]]] = {
    "token counts": _usage,
    "sampling": _sampling,
    "n replies at once": _several,
    "seed": _seed,
    "stop strings": _stop,
    "max_tokens": _length,
    "log-probabilities": _logprobs,
    "JSON schema": _schema,
    "scoring of given text": _echo,
}


_NEXT = "Name a model to check its endpoint: understudy doctor openai:NAME@http://HOST/v1"


def _machine() -> list[str]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return [
        f"python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, {sys.platform}",
        f"open files: {soft:,} now, {hard:,} at most: bounds the calls under way",
    ]


async def _sandboxes() -> list[str]:
    """What can hold programs that models wrote, tried with a hostile one."""
    lines = ["sandbox, tried with a program that reads, connects, forks, signals and writes:"]
    for name in AUTO:
        try:
            async with WorkerPool.open(name, size=1) as pool:
                await pool.isolation()
            lines.append(f"  [yes] {name}")
        except (ConfigError, NoSandbox) as error:
            lines.append(f"  [no]  {name}: {_cut(_why(str(error), name))}")
    return lines


def _why(error: str, name: str) -> str:
    """The reason alone."""
    return error.partition(f"({name}: ")[2].partition("). Run on")[0] or error


def _cut(text: str, most: int = 120) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= most else text[: most - 1] + "…")
