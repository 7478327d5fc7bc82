"""What an endpoint supports. This is learnt from its answers and needs no configuration.

A feature that the endpoint refuses is left out of the request, which is sent again, once per
feature. What was learnt is kept for the requests that follow. Requests, and so the journal's keys,
stay as they are: only the wire changes.

* `n`, refused: one reply per request from then on.
* `schema`, refused: it goes into the messages, in words. Passed over in silence: there as well.
* `logprobs`, refused: replies come without.
* `stop`, left in a text: cut off here. What was generated after it is paid for all the same.
* `max_tokens`, where the endpoint insists on `max_completion_tokens`: sent by that name.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal, TypeAlias

import msgspec

from understudy.text.lenient_json import has_json
from understudy.types import Reply, Request, Token, WireCall

Support: TypeAlias = Literal["native", "ignored", "refused"]
"""Asked for and given; asked for and passed over in silence; answered with an error."""


@dataclass(slots=True)
class Features:
    """Mutable: its provider notes here what the endpoint lacks, the layers above read it.

    It starts with every feature, and can only lose some. It speaks of one model behind one endpoint.
    """

    n: bool = True
    """Several draws may be asked for in one request. Where not, a request brings one reply."""
    logprobs: Support = "native"
    """Where refused they are no longer asked for, and replies come without them."""
    schema: Support = "native"
    """Where ignored the schema is sent in the messages too, where refused in the messages alone."""
    max_completion_tokens: bool = False
    """`max_tokens` goes by its newer name."""
    stop: Support = "native"
    """Where ignored, stop strings were left in a text; they are cut off on this side, always."""
    family: Literal["", "llama.cpp"] = ""
    """The software behind the endpoint, where that changes what must be sent."""

    def copy(self) -> "Features":
        """A copy of the present state; `dataclasses.replace` takes five times as long, on every call."""
        return Features(
            self.n, self.logprobs, self.schema, self.max_completion_tokens, self.stop, self.family
        )


_REFUSED = {
    "schema": re.compile(r"response_format|json_schema|json_object|\bschema\b|grammar", re.I),
    "n": re.compile(r"""['"`]n['"`]|\bn must be|\bn ?(>|=|should|cannot)|num_?choices|best_of"""
                    r"|candidate_?count|(multiple|only one) (choice|completion|candidate)", re.I),
    "logprobs": re.compile(r"log_?probs", re.I),
    "max_tokens": re.compile(r"max_completion_tokens"),
}  # fmt: skip

_NOTICES: dict[tuple[str, object], str] = {
    ("logprobs", "ignored"): "gives no log-probabilities though asked to.",
    ("logprobs", "refused"): "refuses to give log-probabilities: asking without.",
    ("schema", "ignored"): "ignores the JSON Schema of a request: sending it in words too.",
    ("schema", "refused"): "knows no JSON Schema in a request: sending it in words instead.",
    ("stop", "ignored"): "leaves stop strings in its texts: cutting them off here.",
    ("family", "llama.cpp"): "is llama.cpp, which samples with top_k, top_p, min_p and a repeat "
    "penalty unasked: turned off where a temperature is set and they are not.",
}


class Negotiation:
    """The features that one endpoint has shown to support."""

    def __init__(self, name: str, features: Features, notice: Callable[[str], None]) -> None:
        """`notice` is called with what the endpoint lacks, once each."""
        self.features = features
        self._name = name
        self._notice = notice
        self._notices = set[str]()

    def concede(self, call: WireCall, sent: Features, status: int, body: bytes) -> Features | None:
        """The features to try again with, where an answer refuses one that the call uses."""
        if status not in (400, 422, 500, 501):
            return None
        request = call.request
        words = body[:20_000].decode("utf-8", "replace")
        refused = {feature for feature, pattern in _REFUSED.items() if pattern.search(words)}
        chat = not request.prompt
        if "schema" in refused and chat and request.schema is not None and sent.schema != "refused":
            return replace(sent, schema="refused")
        if "n" in refused and call.n > 1 and sent.n:
            return replace(sent, n=False)
        scored = request.logprobs is not None and not request.echo
        if "logprobs" in refused and scored and sent.logprobs != "refused":
            return replace(sent, logprobs="refused")
        bounded = request.sampling.max_tokens is not None
        if "max_tokens" in refused and chat and bounded and not sent.max_completion_tokens:
            return replace(sent, max_completion_tokens=True)
        return None

    def accept(self, call: WireCall, sent: Features, replies: Sequence[Reply]) -> list[Reply]:
        """The replies without what follows a stop string. What they show of the endpoint is kept:
        `sent` are the features that their request was sent with."""
        request = call.request
        if (stops := request.sampling.stop) and not request.echo:
            whole, replies = replies, [cut_at_stop(reply, stops) for reply in replies]
            if any(reply is not cut for reply, cut in zip(whole, replies, strict=True)):
                sent.stop = "ignored"
        self._judge(request, sent, replies)
        if not sent.n and self.features.n and request.sampling.temperature == 0:
            sent.n = True  # vLLM refuses n where all draws would be alike, and there only
        if sent != self.features:
            self.lower(sent)
        return list(replies)

    def lower(self, learnt: Features) -> None:
        """Keep what is known to be lacking, and say so where it is new."""
        for field in fields(Features):
            value = getattr(learnt, field.name)
            if value != field.default and value != getattr(self.features, field.name):
                setattr(self.features, field.name, value)
                text = _NOTICES.get((field.name, value))
                if text and text not in self._notices:
                    self._notices.add(text)
                    self._notice(f"{self._name} {text}")

    def _judge(self, request: Request, sent: Features, replies: Sequence[Reply]) -> None:
        whole = [reply for reply in replies if reply.stop in ("end", "length") and reply.text]
        scored = request.logprobs is not None and sent.logprobs == "native"
        if scored and whole and all(reply.logprobs is None for reply in whole):
            sent.logprobs = "ignored"
        if request.schema is not None and sent.schema == "native":
            texts = [reply.text for reply in whole if reply.stop == "end"]
            if texts and not any(map(has_json, texts)):
                sent.schema = "ignored"


def cut_at_stop(reply: Reply, stops: Sequence[str]) -> Reply:
    """The reply up to the first of the stop strings; the same object where it has none."""
    ends = [at for stop in stops if stop and (at := reply.text.find(stop)) >= 0]
    if not ends:
        return reply
    text, tokens, length = reply.text[: min(ends)], list[Token](), 0
    for token in reply.logprobs or ():
        if length >= len(text):
            break
        tokens.append(token)
        length += len(token.text)
    logprobs = None if reply.logprobs is None else tuple(tokens)
    return msgspec.structs.replace(reply, text=text, stop="end", logprobs=logprobs)
