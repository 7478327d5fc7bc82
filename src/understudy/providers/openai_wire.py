"""The chat completions dialect and its legacy form: a `Call` to its body, a body to its replies.

Nothing here does input or output, so all of it can be tested on recorded bodies. Decoding takes
what the many compatible servers really send: null or missing fields, content in parts, several
names for the reasoning trace and for the counts. It raises `ValueError` where there is no usable
reply.
"""

import base64
import math
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from understudy.providers.features import Features
from understudy.text.reasoning import split_reasoning
from understudy.types import (
    Audio,
    Image,
    Json,
    Message,
    Part,
    Reply,
    Request,
    Sampling,
    Stop,
    Text,
    Token,
    ToolCall,
    Usage,
    WireCall,
)

INSTRUCTION = """\
Reply with one JSON value that satisfies this JSON Schema, and with nothing else:
"""

NEUTRAL: Json = {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.0}
"""What turns the samplers off that llama.cpp applies unasked (top_k 40, top_p 0.95, min_p 0.05 and,
in its Python server, repeat_penalty 1.1, which changes even a greedy reply)."""

_STOPS: dict[str, Stop] = {
    "stop": "end", "eos": "end", "eos_token": "end", "end_turn": "end", "stop_sequence": "end",
    "complete": "end", "length": "length", "max_tokens": "length", "model_length": "length",
    "content_filter": "filtered", "safety": "filtered", "refusal": "filtered",
    "tool_calls": "tool", "function_call": "tool", "tool_use": "tool",
}  # fmt: skip
_PLAIN = ("temperature", "top_p", "top_k", "min_p", "seed", "presence_penalty",
          "frequency_penalty", "repetition_penalty")  # fmt: skip
_UNSET = Sampling()


def path(request: Request) -> str:
    """Where the request goes, below the base URL."""
    return "completions" if request.prompt else "chat/completions"


def encode(call: WireCall, features: Features) -> Json:
    """The body of the request. What the caller put into `extra` has the last word."""
    request = call.request
    body: Json = {"model": request.model}
    if request.prompt:
        body["prompt"] = request.prompt
        if request.echo:
            body["echo"] = True
    else:
        body["messages"] = messages(request, features)
    if request.sampling != _UNSET:
        _put_sampling(body, call, features)
    if call.n > 1 and features.n:
        body["n"] = call.n
    if request.logprobs is not None and features.logprobs != "refused":
        _put_logprobs(body, request, features)
    if request.schema is not None and features.schema != "refused":
        body["response_format"] = _response_format(request.schema, features)
    if request.tools:
        body["tools"] = request.tools
    if request.extra:
        body |= request.extra
    return body


def _put_sampling(body: Json, call: WireCall, features: Features) -> None:
    sampling = call.request.sampling
    for name in _PLAIN:
        value = getattr(sampling, name)
        if value is not None:
            body[name] = value
    if sampling.seed is not None:
        body["seed"] = sampling.seed + call.draw
    if sampling.stop:
        body["stop"] = sampling.stop
    if sampling.logit_bias:
        body["logit_bias"] = sampling.logit_bias
    if sampling.max_tokens is not None:
        newer = features.max_completion_tokens and not call.request.prompt
        body["max_completion_tokens" if newer else "max_tokens"] = sampling.max_tokens
    if features.family == "llama.cpp":
        if sampling.repetition_penalty is not None:
            body["repeat_penalty"] = sampling.repetition_penalty
        if sampling.temperature is not None:
            for name, value in NEUTRAL.items():
                body.setdefault(name, value)


def _put_logprobs(body: Json, request: Request, features: Features) -> None:
    if request.prompt:
        body["logprobs"] = request.logprobs
        return
    body["logprobs"] = True
    alternatives = request.logprobs or 0
    if features.family == "llama.cpp":
        alternatives = max(1, alternatives)  # it gives 20 where none are named, and at 0 nothing
    if alternatives:
        body["top_logprobs"] = alternatives


def _response_format(schema: Json, features: Features) -> Json:
    if features.family == "llama.cpp":
        # The one form that both its C++ and its Python server enforce.
        return {"type": "json_object", "schema": schema}
    form = {"name": "reply", "schema": schema, "strict": _is_strict(schema)}
    return {"type": "json_schema", "json_schema": form}


def _is_strict(schema: object) -> bool:
    """Whether `strict` may be asked: OpenAI refuses it unless every object is closed and full."""
    if isinstance(schema, list):
        return all(map(_is_strict, cast("list[object]", schema)))
    if not isinstance(schema, dict):
        return True
    node = cast("Json", schema)
    if node.get("type") == "object":
        if node.get("additionalProperties") is not False:
            return False
        if set(_object(node.get("properties"))) != set(_list(node.get("required"))):
            return False
    return all(map(_is_strict, node.values()))


def messages(request: Request, features: Features) -> list[Json]:
    """The conversation as the wire has it, with the schema in words where it needs saying."""
    turns = [_message(message) for message in request.messages]
    if request.schema is None or features.schema == "native":
        return turns
    order = INSTRUCTION + msgspec.json.encode(request.schema).decode()
    for turn in reversed(turns):
        if turn["role"] == "user":
            content = turn["content"]
            if isinstance(content, str):
                turn["content"] = f"{content}\n\n{order}" if content else order
            else:
                turn["content"] = [*content, {"type": "text", "text": order}]
            return turns
    return [*turns, {"role": "user", "content": order}]


def _message(message: Message) -> Json:
    content = message.content
    wire: Json = {
        "role": message.role,
        "content": content if isinstance(content, str) else [_part(part) for part in content],
    }
    if message.tool_calls:
        wire["content"] = wire["content"] or None
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        wire["tool_call_id"] = message.tool_call_id
    return wire


def _part(part: Part) -> Json:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Image():
            url = part.url or f"data:{part.media_type};base64,{_base64(part)}"
            return {"type": "image_url", "image_url": {"url": url}}
        case Audio():
            name = part.media_type.rpartition("/")[2].removeprefix("x-")
            name = {"mpeg": "mp3", "wave": "wav"}.get(name, name)
            return {"type": "input_audio", "input_audio": {"data": _base64(part), "format": name}}


def _base64(part: Image | Audio) -> str:
    if not part.data:
        raise ValueError(f"expected {part.media_type or 'media'} with its bytes, found none")
    return base64.b64encode(part.data).decode()


def decode(body: Json, *, echo: bool = False) -> list[Reply]:
    """All usable replies of one answer, the endpoint's count of tokens on the first.

    With `echo` a text is left as it is: tags in it may be the prompt's own. Raises `ValueError`
    where there is no usable reply.
    """
    choices = _list(body.get("choices"))
    if not choices:
        raise ValueError(f"expected choices, found {_kind(body.get('choices'))}")
    usage, model = _usage(body.get("usage")), _text(body.get("model"))
    replies, broken = list[Reply](), ""
    for choice in sorted(choices, key=_index) if len(choices) > 1 else choices:
        counted = usage if usage is None or not replies else Usage()
        try:
            replies.append(_reply(choice, counted, model, echo=echo))
        except ValueError as error:
            broken = str(error)
    if not replies:
        raise ValueError(broken)
    return replies


def _index(choice: object) -> int:
    index = _object(choice).get("index")
    return index if isinstance(index, int) else 0


def _reply(choice: object, usage: Usage | None, model: str, *, echo: bool) -> Reply:
    if not isinstance(choice, dict):
        raise ValueError(f"expected a choice, found {_kind(choice)}")
    node = cast("Json", choice)
    if node.get("error"):
        raise ValueError(f"expected a choice, found an error: {node['error']}")
    stop = _STOPS.get(_text(node.get("finish_reason")).lower(), "unknown")
    logprobs = tokens(node.get("logprobs"))
    if "message" not in node and isinstance(node.get("text"), str):
        said, trace = (node["text"], "") if echo else split_reasoning(node["text"])
        return Reply(
            text=said, reasoning=trace, stop=stop, logprobs=logprobs, usage=usage, model=model
        )
    message = _object(node.get("message"))
    content, trace = _content(message.get("content"))
    content, inline = split_reasoning(content)
    reasoning = "\n".join(filter(None, (_reasoning(message) or trace, inline)))
    called = message.get("tool_calls") or message.get("function_call")
    calls = tuple(_tool_calls(message)) if called else ()
    if calls and stop in ("end", "unknown"):
        stop = "tool"
    refusal = _text(message.get("refusal"))
    silent = message.get("content") is None and not (calls or refusal or reasoning)
    if silent and stop in ("end", "unknown", "tool"):
        raise ValueError(f"expected a message with content, found {_kind(node.get('message'))}")
    return Reply(
        text=content,
        reasoning=reasoning,
        stop=stop,
        refusal=refusal,
        logprobs=logprobs,
        tool_calls=calls,
        usage=usage,
        model=model,
    )


def _content(content: object) -> tuple[str, str]:
    """Text and reasoning of a message's content, which may come in parts."""
    if content is None or isinstance(content, str):
        return content or "", ""
    if not isinstance(content, list):
        raise ValueError(f"expected content as text, found {_kind(content)}")
    texts, traces = list[str](), list[str]()
    for part in map(_object, cast("list[object]", content)):
        if part.get("type") in ("thinking", "reasoning"):
            thought = part.get("thinking") or part.get("text")
            traces.append(_content(thought)[0])
        else:
            texts.append(_text(part.get("text")))
    return "".join(texts), "".join(traces)


def _reasoning(message: Json) -> str:
    if trace := _text(message.get("reasoning_content")) or _text(message.get("reasoning")):
        return trace
    details = map(_object, _list(message.get("reasoning_details")))
    return "".join([_text(part.get("text")) or _text(part.get("summary")) for part in details])


def _tool_calls(message: Json) -> Iterator[ToolCall]:
    for call in map(_object, _list(message.get("tool_calls"))):
        function = _object(call.get("function"))
        if name := _text(function.get("name")):
            arguments = function.get("arguments")
            if not isinstance(arguments, str):
                arguments = msgspec.json.encode(arguments or {}).decode()
            yield ToolCall(_text(call.get("id")), name, arguments)
    function = _object(message.get("function_call"))
    if name := _text(function.get("name")):
        yield ToolCall("", name, _text(function.get("arguments")))


def tokens(logprobs: object) -> tuple[Token, ...] | None:
    """Log-probabilities, in the chat shape or the legacy one, whichever it is.

    None where there are none or they make no sense. The first token of an echoed prompt has no
    context and so no probability: it counts as certain, 0.0.
    """
    node = _object(logprobs)
    if not node:
        return None
    try:
        if isinstance(node.get("content"), list):
            return tuple(_chat_token(token) for token in node["content"])
        if isinstance(node.get("tokens"), list):
            return tuple(_legacy_tokens(node))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return None


def _chat_token(token: Any) -> Token:
    top = token.get("top_logprobs") or ()
    return Token(
        token["token"],
        _number(token["logprob"]),
        tuple((other["token"], _number(other["logprob"])) for other in top),
    )


def _legacy_tokens(node: Json) -> Iterator[Token]:
    texts, values = node["tokens"], node["token_logprobs"]
    tops = node.get("top_logprobs") or [None] * len(texts)
    for i, (text, value, top) in enumerate(zip(texts, values, tops, strict=True)):
        first = i == 0 and value is None
        ranked = sorted(_object(top).items(), key=lambda pair: -_number(pair[1]))
        yield Token(
            str(text),
            0.0 if first else _number(value),
            tuple((other, _number(number)) for other, number in ranked),
        )


def _number(value: Any) -> float:
    number = float(value)
    if math.isnan(number):
        raise ValueError("not a number")
    return number


def _usage(usage: object) -> Usage | None:
    node = _object(usage)
    if not node:
        return None
    tokens_in = _count(node, "prompt_tokens", "input_tokens")
    tokens_out = _count(node, "completion_tokens", "output_tokens")
    # Some endpoints leave hidden reasoning out of the completion's count, none out of the total.
    hidden = max(0, _count(node, "total_tokens") - tokens_in - tokens_out)
    details = node.get("completion_tokens_details")
    reasoning = _count(_object(details) or node, "reasoning_tokens") or hidden
    tokens_out += hidden
    cached = _count(_object(node.get("prompt_tokens_details")), "cached_tokens") or _count(
        node, "prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens"
    )
    return Usage(
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cached=min(cached, tokens_in),
        reasoning=min(reasoning, tokens_out),
    )


def _count(node: Json, *names: str) -> int:
    for name in names:
        value = node.get(name)
        if type(value) is int and value > 0:
            return value
        if type(value) is float and 0 < value < math.inf:
            return int(value)
    return 0


def _object(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _kind(value: object) -> str:
    if value is None:
        return "null"
    return f"{type(value).__name__} {str(value)[:80]!r}"
