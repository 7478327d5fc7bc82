"""A request as the body of a chat completion, or of a legacy completion for a `prompt`."""

import base64
from typing import cast

import msgspec

from understudy.errors import Rejected
from understudy.providers.fields import as_list, as_object
from understudy.providers.negotiate import Features
from understudy.types import (
    Audio,
    Image,
    Json,
    Message,
    Part,
    Request,
    Sampling,
    Text,
    WireCall,
)

INSTRUCTION = """\
Reply with one JSON value that satisfies this JSON Schema, and with nothing else:
"""

NEUTRAL: Json = {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.0}
"""What turns the samplers off that llama.cpp applies unasked (top_k 40, top_p 0.95, min_p 0.05 and,
in its Python server, repeat_penalty 1.1, which changes even a greedy reply)."""

_PLAIN = ("temperature", "top_p", "top_k", "min_p", "seed", "presence_penalty",
          "frequency_penalty", "repetition_penalty")  # fmt: skip
_UNSET = Sampling()


def path(request: Request) -> str:
    """Where a request goes."""
    return "completions" if request.prompt else "chat/completions"


def encode(call: WireCall, features: Features) -> Json:
    """The body of the request. The caller's `extra` overrides every other field."""
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
        alternatives = max(1, alternatives)  # by default it sends 20, and for 0 nothing at all
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
        if set(as_object(node.get("properties"))) != set(as_list(node.get("required"))):
            return False
    return all(map(_is_strict, node.values()))


def messages(request: Request, features: Features) -> list[Json]:
    """The conversation as it is sent, with the schema in words if the endpoint needs that."""
    turns = [_message(message) for message in request.messages]
    if request.schema is None or features.schema == "native":
        return turns
    instruction = INSTRUCTION + msgspec.json.encode(request.schema).decode()
    for turn in reversed(turns):
        if turn["role"] == "user":
            content = turn["content"]
            if isinstance(content, str):
                turn["content"] = f"{content}\n\n{instruction}" if content else instruction
            else:
                turn["content"] = [*content, {"type": "text", "text": instruction}]
            return turns
    return [*turns, {"role": "user", "content": instruction}]


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
        raise Rejected(f"expected {part.media_type or 'media'} with its bytes, found none.")
    return base64.b64encode(part.data).decode()
