"""Checks an endpoint by using it: whether it answers, takes the key, and which features really work.

Servers accept settings that they ignore, so nothing is believed that a reply does not show.
"""

import resource
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from understudy.errors import (
    ConfigError,
    NoSandbox,
    ProviderError,
    Rejected,
    Unauthorized,
    UnderstudyError,
)
from understudy.providers.connect import Provider, connect, list_keys, parse
from understudy.sandbox.isolation import AUTO
from understudy.sandbox.worker_pool import WorkerPool
from understudy.text import lenient_json
from understudy.types import Call, Reply, Request, Sampling, WireCall, user


class Finding(NamedTuple):
    """What a check found."""

    works: bool | None
    """None if the check was inconclusive."""
    detail: str


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
        return Examination("\n".join([*_describe_machine(), *await _try_sandboxes(), _NEXT]), True)
    address = parse(spec)
    notices = list[str]()
    provider = connect(address, key_env=key_env, timeout=60, notice=notices.append)
    lines = [spec]
    try:
        probe = Probe(provider, address.model, address.endpoint, notices)
        try:
            reply = await probe("Reply with the word: hello", Sampling(max_tokens=64))
        except UnderstudyError as error:
            kind = "the key is refused" if isinstance(error, Unauthorized) else "no answer"
            lines.append(f"  [no]  reachable: {kind}: {error}")
            return Examination("\n".join(lines), False)
        lines.append(f"  [yes] reachable: {reply.model or address.model} says {_cut(reply.text)}")
        for name, check in CHECKS.items():
            works, detail = await run_check(check, probe)
            mark = {True: "[yes]", False: "[no] ", None: "[?]  "}[works]
            lines.append(f"  {mark} {name}: {detail}")
    finally:
        await provider.close()
    lines.append("Understudy works around missing features where it can: see docs/providers.md.")
    return Examination("\n".join(lines), True)


@dataclass(frozen=True)
class Probe:
    """Sends requests to the model under examination."""

    provider: Provider
    model: str
    endpoint: str = ""
    notices: Sequence[str] = ()
    """What the provider has had to make up for so far, in its words."""

    async def __call__(
        self, prompt: str, sampling: Sampling, /, draw: int = 0, **fields: object
    ) -> Reply:
        """One reply."""
        return (await self.sample(prompt, sampling, 1, draw, **fields))[0]

    async def sample(
        self, prompt: str, sampling: Sampling, n: int, /, draw: int = 0, **fields: object
    ) -> Sequence[Reply]:
        """Up to `n` replies, from one request."""
        request = Request(
            model=self.model,
            endpoint=self.endpoint,
            messages=() if "prompt" in fields else (user(prompt),),
            sampling=sampling,
            **fields,  # type: ignore[reportArgumentType]  # each check names its own
        )
        return await self.provider(WireCall.of(Call(request=request, draw=draw), n))


Check = Callable[[Probe], Awaitable[Finding]]


async def run_check(check: Check, probe: Probe) -> Finding:
    """What a check finds; an endpoint that refuses it does not have the feature."""
    try:
        return await check(probe)
    except Rejected as error:
        return Finding(False, f"refused: {_cut(str(error))}")
    except ProviderError as error:
        return Finding(None, f"inconclusive: {_cut(str(error))}")


STORY = "Write one sentence about a lighthouse."
COUNT = "Count from 1 to 9: 1, 2, 3,"
HOT = Sampling(temperature=1.0, max_tokens=24)
GREEDY = Sampling(temperature=0.0, max_tokens=32)


async def check_usage(probe: Probe) -> Finding:
    """Whether tokens are counted."""
    usage = (await probe("Hello.", Sampling(max_tokens=4))).usage
    if usage is None or not usage.tokens_in:
        return Finding(False, "no token counts: cost will be unknown")
    return Finding(True, f"{usage.tokens_in} tokens in, {usage.tokens_out} out")


async def check_sampling(probe: Probe) -> Finding:
    """Whether equal requests at temperature 1 get different replies."""
    texts = {(await probe(STORY, HOT, draw)).text for draw in range(3)}
    if len(texts) > 1:
        return Finding(True, f"{len(texts)} different replies to 3 requests at temperature 1")
    return Finding(
        False, "3 requests at temperature 1 gave the same reply: is sampling switched off?"
    )


async def check_n(probe: Probe) -> Finding:
    """Whether one request brings several different replies."""
    replies = await probe.sample(STORY, HOT, 3)
    if len(replies) < 3:
        return Finding(False, f"asked for 3 replies at once, got {len(replies)}")
    different = len({reply.text for reply in replies})
    return Finding(different > 1, f"3 replies at once, {different} of them different")


async def check_seed(probe: Probe) -> Finding:
    """Whether a seed repeats a reply, and another seed does not."""
    first, second, other = [
        (await probe(STORY, Sampling(temperature=1.0, max_tokens=24, seed=seed))).text
        for seed in (7, 7, 8)
    ]
    if first != second:
        return Finding(False, "the same seed gave two different replies")
    if first == other:
        return Finding(False, "the same seed gives the same reply, and so does another seed")
    return Finding(True, "the same seed gives the same reply")


async def check_stop(probe: Probe) -> Finding:
    """Whether a reply ends before a stop string that it would hold."""
    whole = (await probe(COUNT, GREEDY)).text
    middle = whole[len(whole) // 2 :][:3]
    if len(middle) < 3:
        return Finding(None, "the reply was too short to tell")
    text = (await probe(COUNT, msgspec.structs.replace(GREEDY, stop=(middle,)))).text
    if any("stop string" in notice for notice in probe.notices):
        return Finding(
            False, "the stop string is left in the text, or ignored; it is cut off on this side"
        )
    if middle in text:
        return Finding(False, "the stop string is left in the text")
    return Finding(True, "the reply ends before the stop string")


async def check_max_tokens(probe: Probe) -> Finding:
    """Whether a reply is cut off at `max_tokens`, and says so."""
    reply = await probe(STORY, Sampling(max_tokens=3))
    if reply.stop == "end" and reply.usage is not None and reply.usage.tokens_out <= 3:
        return Finding(None, f"the reply ended by itself within 3 tokens: {_cut(reply.text)}")
    return Finding(reply.stop == "length", f"max_tokens=3 ended with stop reason {reply.stop!r}")


async def check_logprobs(probe: Probe) -> Finding:
    """Whether tokens come with their log-probabilities."""
    reply = await probe("Say yes or no.", Sampling(max_tokens=4), logprobs=5)
    if not reply.logprobs:
        return Finding(False, "requested, but none came")
    alternatives = len(reply.logprobs[0].top)
    return Finding(True, f"{len(reply.logprobs)} tokens, {alternatives} alternatives each")


async def check_schema(probe: Probe) -> Finding:
    """Whether a reply keeps to a JSON Schema."""
    schema = {
        "type": "object",
        "properties": {"colour": {"type": "string", "enum": ["red", "green"]}},
        "required": ["colour"],
        "additionalProperties": False,
    }
    reply = await probe("Name a colour.", Sampling(max_tokens=64), schema=schema)
    try:
        value = lenient_json.loads(reply.text)
    except ValueError:
        return Finding(False, f"the reply is not JSON: {_cut(reply.text)}")
    if value in ({"colour": "red"}, {"colour": "green"}):
        return Finding(True, "the reply follows the schema")
    return Finding(False, f"the reply does not follow the schema: {_cut(reply.text)}")


async def check_echo(probe: Probe) -> Finding:
    """Whether a given text is scored."""
    sampling = Sampling(max_tokens=0, temperature=0.0)
    reply = await probe("", sampling, prompt="The sky is blue.", echo=True, logprobs=1)
    if not reply.logprobs:
        return Finding(False, "the prompt came back without log-probabilities")
    return Finding(True, f"a given text is scored, {len(reply.logprobs)} tokens")


CHECKS: dict[str, Check] = {
    "token counts": check_usage,
    "sampling": check_sampling,
    "n replies at once": check_n,
    "seed": check_seed,
    "stop strings": check_stop,
    "max_tokens": check_max_tokens,
    "log-probabilities": check_logprobs,
    "JSON schema": check_schema,
    "scoring of given text": check_echo,
}


_NEXT = "Name a model to check its endpoint: understudy doctor openai:NAME@http://HOST/v1"


def _describe_machine() -> list[str]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return [
        f"python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, {sys.platform}",
        f"open files: {soft:,} now, {hard:,} at most: limits the calls in flight",
        f"keys in the environment: {', '.join(list_keys()) or 'none'}",
    ]


async def _try_sandboxes() -> list[str]:
    """What can hold programs that models wrote, tried with a hostile one."""
    lines = ["sandbox, tried with a program that reads, connects, forks, signals and writes:"]
    for name in AUTO:
        try:
            async with WorkerPool.open(name, size=1) as pool:
                await pool.isolation()
            lines.append(f"  [yes] {name}")
        except (ConfigError, NoSandbox) as error:
            lines.append(f"  [no]  {name}: {_cut(_find_reason(str(error), name))}")
    return lines


def _find_reason(error: str, name: str) -> str:
    """The reason alone."""
    return error.partition(f"({name}: ")[2].partition("). Run on")[0] or error


def _cut(text: str, most: int = 120) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= most else text[: most - 1] + "…")
