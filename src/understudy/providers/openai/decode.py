"""The replies of a chat completion or a legacy completion, whatever a compatible server sends.

Null or missing fields, content in parts, and several names for the reasoning trace and for the
counts are all taken. Nothing is trusted: any JSON object gives replies whose fields have their
types and bounds, or `ValueError`. A message of such an error quotes no value, in which a server may
echo the key.
"""

from collections.abc import Iterator
from typing import Any, cast

import msgspec

from understudy.errors import Rejected
from understudy.providers.fields import (
    as_list,
    as_object,
    as_objects,
    as_text,
    check_usage,
    name_kind,
    read_count,
    read_share,
)
from understudy.providers.openai.media import decode_media, read_transcript
from understudy.text.reasoning import split_reasoning
from understudy.types import FREE, Json, Reply, Request, Stop, Token, ToolCall, Usage

LEAST_LOGPROB = -9_999.0
"""What vLLM sends for a token without probability. JSON knows no minus infinity."""
LONGEST_NAME = 200
"""Characters of the model's name, and of a tool call's id, that are kept."""

_STOPS: dict[str, Stop] = {
    "stop": "end", "eos": "end", "eos_token": "end", "end_turn": "end", "stop_sequence": "end",
    "complete": "end", "length": "length", "max_tokens": "length", "model_length": "length",
    "content_filter": "filtered", "safety": "filtered", "refusal": "filtered",
    "tool_calls": "tool", "function_call": "tool", "tool_use": "tool",
}  # fmt: skip


def decode(body: Json, request: Request) -> list[Reply]:
    """All usable replies of an answer, the endpoint's count of tokens on the first.

    Raises:
        ValueError: there is none.
        Rejected: the endpoint ignores `echo`.
    """
    choices = as_list(body.get("choices"))
    if not choices:
        raise ValueError(f"expected choices, found {name_kind(body.get('choices'))}")
    usage, model = decode_usage(body.get("usage")), as_text(body.get("model"))[:LONGEST_NAME]
    replies, complaint = list[Reply](), ""
    for choice in sorted(choices, key=_index) if len(choices) > 1 else choices:
        counts = FREE if replies else usage
        try:
            replies.append(_decode_choice(choice, counts, model, request))
        except ValueError as error:
            complaint = str(error)
    if not replies:
        raise ValueError(complaint)
    if request.echo:
        _check_echo(request, replies[0])
    return replies


def _index(choice: object) -> int:
    index = as_object(choice).get("index")
    return index if isinstance(index, int) else 0


def _decode_choice(choice: object, usage: Usage | None, model: str, request: Request) -> Reply:
    """One reply. With `echo` a text is left as it is: tags in it may be the prompt's own."""
    if not isinstance(choice, dict):
        raise ValueError(f"expected a choice, found {name_kind(choice)}")
    node = cast("Json", choice)
    if node.get("error"):
        raise ValueError("expected a choice, found an error")
    stop = _STOPS.get(as_text(node.get("finish_reason")).lower(), "unknown")
    logprobs = decode_logprobs(node.get("logprobs"))
    if "message" not in node and isinstance(node.get("text"), str):
        text, trace = (node["text"], "") if request.echo else split_reasoning(node["text"])
        return Reply(
            text=text, reasoning=trace, stop=stop, logprobs=logprobs, usage=usage, model=model
        )
    message = as_object(node.get("message"))
    content, trace = _decode_content(message.get("content"))
    media = decode_media(message, request)
    content, inline = split_reasoning(content or read_transcript(message))
    reasoning = "\n".join(filter(None, (_decode_reasoning(message) or trace, inline)))
    calls = tuple(_decode_tool_calls(message))
    if calls and stop in ("end", "unknown"):
        stop = "tool"
    refusal = as_text(message.get("refusal"))
    silent = message.get("content") is None and not (calls or refusal or reasoning or media)
    if silent and stop in ("end", "unknown", "tool"):
        raise ValueError(f"expected a message with content, found {name_kind(node.get('message'))}")
    return Reply(
        text=content,
        reasoning=reasoning,
        stop=stop,
        refusal=refusal,
        logprobs=logprobs,
        tool_calls=calls,
        usage=usage,
        model=model,
        media=media,
    )


def _decode_content(content: object) -> tuple[str, str]:
    """Text and reasoning of a message's content, which may come in parts."""
    if content is None or isinstance(content, str):
        return content or "", ""
    if not isinstance(content, list):
        raise ValueError(f"expected content as text, found {name_kind(content)}")
    texts, traces = list[str](), list[str]()
    for part in as_objects(cast("object", content)):
        if part.get("type") in ("thinking", "reasoning"):
            trace = part.get("thinking") or part.get("text")
            inner = as_objects(trace)
            traces += [as_text(item.get("text")) for item in inner] if inner else [as_text(trace)]
        else:
            texts.append(as_text(part.get("text")))
    return "".join(texts), "".join(traces)


def _decode_reasoning(message: Json) -> str:
    if trace := as_text(message.get("reasoning_content")) or as_text(message.get("reasoning")):
        return trace
    details = as_objects(message.get("reasoning_details"))
    return "".join([as_text(part.get("text")) or as_text(part.get("summary")) for part in details])


def _decode_tool_calls(message: Json) -> Iterator[ToolCall]:
    for call in as_objects(message.get("tool_calls")):
        function = as_object(call.get("function"))
        if name := as_text(function.get("name")):
            arguments = function.get("arguments")
            if not isinstance(arguments, str):
                arguments = msgspec.json.encode(arguments or {}).decode()
            yield ToolCall(as_text(call.get("id"))[:LONGEST_NAME], name, arguments)
    function = as_object(message.get("function_call"))
    if name := as_text(function.get("name")):
        yield ToolCall("", name, as_text(function.get("arguments")))


def _check_echo(request: Request, reply: Reply) -> None:
    """Raise `Rejected` where the prompt was not given back, with its tokens if asked for."""
    scored = sum(len(token.text) for token in reply.logprobs or ())
    finding = ""
    if not reply.text.lstrip().startswith(request.prompt.strip()[:64]):
        finding = "a text that does not begin with it"
    elif request.logprobs is not None and scored < len(request.prompt) // 2:
        finding = f"log-probabilities for {scored} characters of it"
    if finding:
        raise Rejected(
            f"ignores `echo`: expected the prompt's {len(request.prompt)} characters back, found "
            f"{finding}. Use an endpoint that scores prompts, e.g. vLLM."
        )


def decode_logprobs(logprobs: object) -> tuple[Token, ...] | None:
    """Log-probabilities, in the chat shape or the legacy one, whichever it is.

    None where there are none or they make no sense. The first token of an echoed prompt has no
    context and so no probability: it counts as certain, 0.0.
    """
    node = as_object(logprobs)
    try:
        if isinstance(node.get("content"), list):
            return tuple(map(_decode_chat_token, node["content"]))
        if isinstance(node.get("tokens"), list):
            return tuple(_decode_legacy_tokens(node))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return None


def _decode_chat_token(token: Any) -> Token:
    top = token.get("top_logprobs") or ()
    return Token(
        _require_text(token["token"]),
        _require_logprob(token["logprob"]),
        tuple((_require_text(o["token"]), _require_logprob(o["logprob"])) for o in top),
    )


def _decode_legacy_tokens(node: Json) -> Iterator[Token]:
    texts, values = node["tokens"], node["token_logprobs"]
    tops = node.get("top_logprobs") or [None] * len(texts)
    for i, (text, value, top) in enumerate(zip(texts, values, tops, strict=True)):
        certain = i == 0 and value is None
        ranks = [(other, _require_logprob(number)) for other, number in as_object(top).items()]
        yield Token(
            _require_text(text),
            0.0 if certain else _require_logprob(value),
            tuple(sorted(ranks, key=lambda rank: -rank[1])),
        )


def _require_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a token's text, found {name_kind(value)}")
    return value


def _require_logprob(value: object) -> float:
    """A log-probability, in its bounds. Rounding may lift it a little above 0."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not value <= 1:
        raise TypeError("expected a log-probability")
    return float(min(max(value, LEAST_LOGPROB), 0.0))


def decode_usage(usage: object) -> Usage | None:
    """The counts of tokens; None where there are none to go by.

    An impossible count, or only zeros, is treated as absent: what a call costs must not rest on
    it. Some endpoints leave hidden reasoning out of the completion's count, none out of the total.
    """
    node = as_object(usage)
    try:
        tokens_in = read_count(node, "prompt_tokens", "input_tokens")
        tokens_out = read_count(node, "completion_tokens", "output_tokens")
        extra = max(0, read_count(node, "total_tokens") - tokens_in - tokens_out)
    except ValueError:
        return None
    tokens_out += extra
    details = as_object(node.get("completion_tokens_details")) or node
    cached = read_share(as_object(node.get("prompt_tokens_details")), "cached_tokens")
    cached = cached or read_share(
        node, "prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens"
    )
    reasoning = read_share(details, "reasoning_tokens") or extra
    return check_usage(
        Usage(
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cached=min(cached, tokens_in),
            reasoning=min(reasoning, tokens_out),
        )
    )
