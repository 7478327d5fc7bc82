"""The `embeddings` route of OpenAI's dialect: texts in, one vector each out.

https://platform.openai.com/docs/api-reference/embeddings
"""

import math
from collections.abc import Sequence
from typing import Any, cast

import msgspec
import numpy as np

from understudy.handles.embedder import Embedding, Vector
from understudy.providers.fields import as_list, as_object, as_objects, name_kind, read_count
from understudy.providers.http import Http
from understudy.providers.openai import authorize
from understudy.providers.table import Target
from understudy.types import Usage

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
PATH = "embeddings"
MOST_DIMENSIONS = 1 << 16


class Embeddings:
    """One embedding model behind one endpoint. Close it when done."""

    def __init__(self, target: Target) -> None:
        """Raises `ConfigError` where the URL or the key cannot be used."""
        self._http = Http(target.url, key=target.key, timeout=target.timeout, headers=authorize)
        self._model = target.model

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()

    async def __call__(self, texts: Sequence[str]) -> list[Embedding]:
        """One embedding per text; the first carries the count of tokens.

        Raises a `ProviderError`.
        """
        body = _encode({"model": self._model, "input": list(texts)})
        answer = await self._http.post(PATH, body, replies=len(texts))
        if not 200 <= answer.status < 300:
            raise self._http.explain_refusal(PATH, self._model, answer)
        error: object = None
        try:
            node = _decode(answer.body)
            error = node.get("error")
            if not error:
                return decode(node, len(texts))
            why = ""
        except (msgspec.MsgspecError, ValueError, RecursionError) as cause:
            why = str(cause)
        # Raised out here, so that it does not refer to the cause: that may quote the key.
        if error:
            raise self._http.explain_field(PATH, self._model, answer, error)
        raise self._http.explain_body(PATH, answer, why)


def decode(body: dict[str, Any], n: int) -> list[Embedding]:
    """The `n` embeddings of an answer. Total: any JSON object gives them, or `ValueError`."""
    items = as_objects(body.get("data"))
    if len(items) != n:
        raise ValueError(f"expected {n} embeddings, found {len(items)}")
    vectors: list[Vector | None] = [None] * n
    for place, item in enumerate(items):
        index = item.get("index", place)
        if type(index) is not int or not 0 <= index < n or vectors[index] is not None:
            raise ValueError("expected each embedding to have an index of its own")
        vectors[index] = _vector(item.get("embedding"))
    if len({len(vector) for vector in vectors if vector is not None}) != 1:
        raise ValueError("expected embeddings of one length")
    usage = as_object(body.get("usage"))
    tokens = read_count(usage, "prompt_tokens", "total_tokens") if usage else None
    first = None if tokens is None else Usage(tokens_in=tokens)
    rest = None if tokens is None else Usage()
    return [Embedding(cast("Vector", v), rest if i else first) for i, v in enumerate(vectors)]


def _vector(value: object) -> Vector:
    numbers = as_list(value)
    if not 0 < len(numbers) <= MOST_DIMENSIONS:
        raise ValueError(f"expected an array of numbers as embedding, found {name_kind(value)}")
    if not all(type(number) in (int, float) for number in numbers):
        raise ValueError("expected an embedding of numbers")
    try:
        vector = np.array(numbers, dtype=np.float32)
    except OverflowError:
        raise ValueError("expected an embedding of finite numbers") from None
    if not math.isfinite(float(np.abs(vector).max())):
        raise ValueError("expected an embedding of finite numbers")
    return vector
