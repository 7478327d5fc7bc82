"""OpenAI's dialect from the server's side: a body to generation requests, their outputs to a body.

What the model cannot do is refused, never ignored. `param` names the field, so that a client can
leave it out.
"""

import re
import secrets
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

from understudy.errors import Rejected
from understudy.pocket.sampling import sampling_params
from understudy.pocket.sequence import Delta, Job, RequestOutput
from understudy.pocket.tokenizer import Tokenizer
from understudy.types import Json, Sampling, Stop, Token

T = TypeVar("T")

REPLIES = 128
"""Most replies per request."""

Positive = Annotated[int, Meta(ge=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]


class BadRequest(Exception):
    """A body that cannot be served: the message, and the field at fault."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class StreamOptions(Struct):
    include_usage: bool = False


class Body(Struct, kw_only=True):
    """The fields that both kinds of request have. Fields that are not listed are ignored."""

    model: str
    n: Annotated[int, Meta(ge=1, le=REPLIES)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=-1)] | None = None
    min_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Meta(ge=0)] | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    logit_bias: dict[str, Annotated[float, Meta(ge=-100, le=100)]] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    repetition_penalty: Annotated[float, Meta(gt=0)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: Json | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    suffix: str | None = None
    best_of: int | None = None

    @property
    def usage_streamed(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage


class Turn(Struct):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Json] | None = None


class Chat(Body, kw_only=True):
    """The body of `POST /v1/chat/completions`."""

    messages: Annotated[list[Turn], Meta(min_length=1)]
    max_completion_tokens: Positive | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None


class Completion(Body, kw_only=True):
    """The body of `POST /v1/completions`."""

    prompt: str | list[Any]
    echo: bool | None = None
    logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None


def read(kind: type[T], body: bytes) -> T:
    """Decode and validate a body. Raises `BadRequest`."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        text = str(error)
        field = re.search(r"`\$\.(\w+)|required field `(\w+)`", text)
        raise BadRequest(f"{text}.", field and (field[1] or field[2])) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is no JSON: {error}.") from None


def chat_job(body: Chat, tokenizer: Tokenizer) -> Job:
    """A chat body as a generation request. Raises `BadRequest`."""
    turns = [("system" if t.role == "developer" else t.role, _text(t)) for t in body.messages]
    if body.top_logprobs and not body.logprobs:
        raise BadRequest("`top_logprobs` needs `logprobs` to be true.", "top_logprobs")
    most = body.max_tokens if body.max_completion_tokens is None else body.max_completion_tokens
    job = _job(body, tokenizer.chat(turns), most, tokenizer.size)
    job.logprobs = (body.top_logprobs or 0) if body.logprobs else None
    return job


def completion_jobs(body: Completion, tokenizer: Tokenizer) -> list[Job]:
    """One generation request for each prompt. Raises `BadRequest`."""
    jobs: list[Job] = []
    most = 16 if body.max_tokens is None else body.max_tokens  # OpenAI's own default
    for ids in _prompts(body.prompt, tokenizer):
        job = _job(body, ids, most, tokenizer.size)
        job.logprobs, job.score = body.logprobs, bool(body.echo)
        jobs.append(job)
    return jobs


def _job(body: Body, ids: Sequence[int], most: int | None, vocabulary: int) -> Job:
    for name, value in (
        ("tools", body.tools), ("functions", body.functions), ("suffix", body.suffix),
    ):  # fmt: skip
        if value:
            raise BadRequest(f"This model knows no `{name}`.", name)
    if body.response_format and body.response_format.get("type") != "text":
        raise BadRequest("This model knows no `response_format` but text.", "response_format")
    if body.best_of not in (None, body.n or 1):
        raise BadRequest("`best_of` must be `n`, or left out.", "best_of")
    stop = [body.stop] if isinstance(body.stop, str) else body.stop or []
    try:
        params = sampling_params(
            Sampling(
                temperature=body.temperature,
                top_p=body.top_p,
                top_k=body.top_k,
                min_p=body.min_p,
                presence_penalty=body.presence_penalty,
                frequency_penalty=body.frequency_penalty,
                repetition_penalty=body.repetition_penalty,
                logit_bias=body.logit_bias or {},
            ),
            vocabulary,
        )
    except Rejected as error:
        raise BadRequest(str(error), str(error).partition(":")[0]) from None
    seed = secrets.randbits(62) if body.seed is None else body.seed
    return Job(ids=ids, n=body.n or 1, seed=seed, params=params, most=most, stop=stop)


def _text(turn: Turn) -> str:
    if turn.content is None or isinstance(turn.content, str):
        return turn.content or ""
    texts: list[str] = []
    for part in turn.content:
        text = part.get("text")
        if part.get("type") != "text" or not isinstance(text, str):
            raise BadRequest(
                f"This model reads text alone, not {part.get('type')!r} parts.", "messages"
            )
        texts.append(text)
    return "".join(texts)


def _prompts(prompt: str | list[Any], tokenizer: Tokenizer) -> list[list[int]]:
    """A text, several, the ids of one, or of several."""
    several = [prompt] if _is_one(prompt) else cast("list[object]", prompt)
    prompts: list[list[int]] = []
    for one in several:
        if isinstance(one, str) and one:
            prompts.append(tokenizer.encode(one))
        elif isinstance(one, list) and one and _are_ids(cast("list[object]", one), tokenizer.size):
            prompts.append(cast("list[int]", one))
        else:
            raise BadRequest("Expected a text, or token ids, that are not empty.", "prompt")
    if not prompts:
        raise BadRequest("Expected at least one prompt.", "prompt")
    return prompts


def _is_one(prompt: str | list[Any]) -> bool:
    return isinstance(prompt, str) or any(isinstance(item, int) for item in prompt)


def _are_ids(items: list[object], size: int) -> bool:
    return all(isinstance(i, int) and not isinstance(i, bool) and 0 <= i < size for i in items)


def finish(stop: Stop | None) -> str | None:
    """`finish_reason`; None while a reply continues."""
    return None if stop is None else "length" if stop == "length" else "stop"


def usage(jobs: Sequence[Job], results: Sequence[RequestOutput]) -> Json:
    """The tokens of a request, over all of its prompts and replies."""
    read_in = sum(len(job.ids) for job in jobs)
    tokens_out = sum(reply.tokens_out for result in results for reply in result.replies)
    return {
        "prompt_tokens": read_in,
        "completion_tokens": tokens_out,
        "total_tokens": read_in + tokens_out,
        "prompt_tokens_details": {"cached_tokens": sum(result.cached for result in results)},
    }


def chat_choices(job: Job, result: RequestOutput) -> list[Json]:
    """The choices of a finished chat."""
    return [
        {
            "index": index,
            "message": {"role": "assistant", "content": reply.text, "refusal": None},
            "logprobs": chat_logprobs(job, reply.tokens or ()),
            "finish_reason": finish(reply.stop),
        }
        for index, reply in enumerate(result.replies)
    ]


def completion_choices(
    job: Job, result: RequestOutput, first: int, tokenizer: Tokenizer
) -> list[Json]:
    """Choices, numbered from `first`. With `echo` each begins with the prompt."""
    before = tokenizer.decode(job.ids) if job.score else ""
    return [
        {
            "index": first + index,
            "text": before + reply.text,
            "logprobs": legacy_logprobs(job, (*(result.prompt or ()), *(reply.tokens or ())), 0),
            "finish_reason": finish(reply.stop),
        }
        for index, reply in enumerate(result.replies)
    ]


def chat_chunk(job: Job, index: int, delta: Delta) -> Json:
    """A choice of one streamed event."""
    return {
        "index": index,
        "delta": {"content": delta.text} if delta.text else {},
        "logprobs": chat_logprobs(job, delta.tokens) if delta.tokens else None,
        "finish_reason": finish(delta.stop),
    }


def completion_chunk(job: Job, index: int, delta: Delta, offset: int) -> Json:
    """The same in the legacy shape. `offset`: characters of this choice that were sent already."""
    return {
        "index": index,
        "text": delta.text,
        "logprobs": legacy_logprobs(job, delta.tokens, offset) if delta.tokens else None,
        "finish_reason": finish(delta.stop),
    }


def chat_logprobs(job: Job, tokens: Sequence[Token]) -> Json | None:
    """Log-probabilities, if requested."""
    if job.logprobs is None:
        return None
    return {
        "content": [
            {
                **_token(token.text, token.logprob),
                "top_logprobs": [_token(text, logprob) for text, logprob in token.top],
            }
            for token in tokens
        ],
        "refusal": None,
    }


def legacy_logprobs(job: Job, tokens: Sequence[Token], offset: int) -> Json | None:
    """The same in the legacy shape. `offset`: where in the text the first token begins. The first
    token of an echoed prompt has no context, so its log-probability is null."""
    if job.logprobs is None:
        return None
    offsets: list[int] = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.text)
    values: list[float | None] = [token.logprob for token in tokens]
    tops: list[dict[str, float] | None] = [dict(token.top) for token in tokens]
    if job.score and tokens and not offsets[0]:
        values[0] = tops[0] = None
    return {
        "tokens": [token.text for token in tokens],
        "token_logprobs": values,
        "top_logprobs": tops if job.logprobs else None,
        "text_offset": offsets,
    }


def _token(text: str, logprob: float) -> Json:
    data = text.encode()
    if text.startswith("bytes:\\x"):
        data = bytes.fromhex(text.removeprefix("bytes:").replace("\\x", ""))
    return {"token": text, "logprob": logprob, "bytes": list(data)}
