"""Streamed replies: server-sent events, and the completion that their chunks add up to.

A stream is read to its end before it is decoded: no layer above looks at half a reply.
"""

from collections.abc import Iterator
from typing import Any, cast

import msgspec

from understudy.providers.dialect import StreamError
from understudy.providers.fields import as_object, as_objects
from understudy.types import Json

MOST_CHOICES = 10_000
"""Choices of one stream that are read."""


def events(body: bytes) -> Iterator[tuple[str, str]]:
    """Name (often empty) and data of each event; comments are left out.

    The last event may lack its blank line. Lines end at CR and LF alone: text may hold the other
    line breaks of Unicode.
    """
    name, data = "", list[str]()
    text = body.decode("utf-8").removeprefix("\ufeff")
    for line in [*text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), ""]:
        if not line:
            if any(data):
                yield name, "\n".join(data)
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value


def assemble(body: bytes) -> Json:
    """The chat or legacy completion that a stream of its chunks adds up to, as if never streamed.

    Raises `StreamError` for an error before all choices were finished, and `ValueError` where the
    stream is no such stream or breaks off: no finish reason and no [DONE].
    """
    choices = dict[int, _Choice]()
    whole: Json = {"model": "", "usage": None}
    done = False
    for data in _datas(body):
        if data.strip() == "[DONE]":
            done = True
            break
        chunk = _decode(data)
        finished = bool(choices) and all(choice.finish is not None for choice in choices.values())
        if chunk.get("error") and not finished:
            raise StreamError(chunk["error"])
        whole["model"] = whole["model"] or chunk.get("model")
        whole["usage"] = (
            chunk.get("usage") or as_object(chunk.get("x_groq")).get("usage") or whole["usage"]
        )
        for piece in as_objects(chunk.get("choices")):
            index = piece.get("index")
            index = index if isinstance(index, int) else 0
            if index in choices or len(choices) < MOST_CHOICES:
                choices.setdefault(index, _Choice()).add(piece)
    if not choices:
        raise ValueError("expected choices, found a stream without any")
    if not done and any(choice.finish is None for choice in choices.values()):
        raise ValueError("expected a stream to its end, found one that breaks off")
    whole["choices"] = [choices[index].whole(index) for index in sorted(choices)]
    return whole


def _datas(body: bytes) -> Iterator[str]:
    """Data of all events; one JSON text per line where a server forgot the blank lines."""
    for _, data in events(body):
        if "\n" in data:
            try:
                msgspec.json.decode(data)
            except msgspec.DecodeError:
                yield from data.split("\n")
                continue
        yield data


def _decode(data: str) -> Json:
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise ValueError(f"expected a chunk of JSON in the stream: {error}") from None


class _Choice:
    """One choice of a stream while it grows."""

    def __init__(self) -> None:
        self.finish: str | None = None
        self._texts = dict[str, list[str]]()
        """The string fields of the message, in pieces; `""` is the text of a legacy completion."""
        self._parts = list[object]()
        self._images = list[Json]()
        self._sounds = list[str]()
        """Each in base64 of its own."""
        self._calls = dict[int, Json]()
        self._logprobs = dict[str, list[Any]]()

    def add(self, piece: Json) -> None:
        delta = as_object(piece.get("delta")) or as_object(piece.get("message"))
        if isinstance(piece.get("text"), str):
            self._texts.setdefault("", []).append(piece["text"])
        for name in ("content", "reasoning_content", "reasoning", "refusal"):
            value = delta.get(name)
            if isinstance(value, str):
                self._texts.setdefault(name, []).append(value)
            elif name == "content" and isinstance(value, list):
                self._parts += cast("list[object]", value)
        self._add_media(delta)
        for detail in as_objects(delta.get("reasoning_details")):
            text = detail.get("text") or detail.get("summary")
            if isinstance(text, str):
                self._texts.setdefault("details", []).append(text)
        for call in as_objects(delta.get("tool_calls")):
            self._add_call(call)
        for name, value in as_object(piece.get("logprobs")).items():
            if isinstance(value, list):
                self._logprobs.setdefault(name, []).extend(cast("list[Any]", value))
        if isinstance(piece.get("finish_reason"), str):
            self.finish = piece["finish_reason"]

    def _add_media(self, delta: Json) -> None:
        self._images += as_objects(delta.get("images"))
        audio = as_object(delta.get("audio"))
        if isinstance(audio.get("data"), str):
            self._sounds.append(audio["data"])
        if isinstance(audio.get("transcript"), str):
            self._texts.setdefault("transcript", []).append(audio["transcript"])

    def _add_call(self, piece: Json) -> None:
        index = piece.get("index")
        if not isinstance(index, int):
            # Without an index an id opens a new call, and what has none continues the last.
            index = len(self._calls) if piece.get("id") else max(len(self._calls) - 1, 0)
        call = self._calls.setdefault(index, {"id": "", "name": "", "arguments": []})
        function = as_object(piece.get("function"))
        call["id"] = call["id"] or piece.get("id")
        call["name"] = call["name"] or function.get("name")
        if isinstance(function.get("arguments"), str):
            call["arguments"].append(function["arguments"])

    def whole(self, index: int) -> Json:
        texts = {name: "".join(pieces) for name, pieces in self._texts.items()}
        choice: Json = {"index": index, "finish_reason": self.finish}
        if self._logprobs:
            choice["logprobs"] = self._logprobs
        if "" in texts:
            return choice | {"text": texts[""]}
        content = texts.get("content")
        return choice | {
            "message": {
                # A stream that came to its end without content has an empty one, not none.
                "content": [*self._parts, {"type": "text", "text": content or ""}]
                if self._parts
                else content or "",
                "reasoning": texts.get("reasoning_content")
                or texts.get("reasoning")
                or texts.get("details"),
                "refusal": texts.get("refusal"),
                "images": self._images,
                "audio": {"data": self._sounds, "transcript": texts.get("transcript")},
                "tool_calls": [
                    {
                        "id": call["id"],
                        "function": {
                            "name": call["name"],
                            "arguments": "".join(call["arguments"]),
                        },
                    }
                    for _, call in sorted(self._calls.items())
                ],
            }
        }
