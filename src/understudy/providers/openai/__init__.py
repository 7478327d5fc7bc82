"""OpenAI's dialect: chat completions, legacy completions for a `prompt`, and embeddings.

Most servers and vendors speak it, each a little differently. What one lacks is negotiated
(`providers/negotiate.py`).

Hidden samplers: llama.cpp's servers apply top_k, top_p, min_p and a repeat penalty that nobody
asked for. Where a request sets a temperature, they are sent in their neutral form unless the
request sets them. Where it sets none, the choice is left to the server. No other server is sent
such fields. A server is known as llama.cpp by the `Server` header of any reply, or by the owner
that its `/models` names. That page is looked up once, before the first such request, and over plain
http only. Behind https the header alone decides, so the first replies may pass unmended.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from understudy.providers.dialect import Dialect, HttpProvider, LookUp
from understudy.providers.negotiate import Features
from understudy.providers.openai.decode import decode
from understudy.providers.openai.embeddings import EMBEDDINGS
from understudy.providers.openai.encode import encode, path
from understudy.providers.openai.stream import assemble
from understudy.providers.table import Target
from understudy.types import Request

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def connect(target: Target) -> HttpProvider:
    """A model of any endpoint that speaks this dialect."""
    url = target.url.rstrip("/").removesuffix("/chat/completions")
    return HttpProvider(DIALECT, replace(target, url=url))


def authorize(host: str, key: str) -> dict[str, str]:
    """The key in its header. Azure knows a key of its own by another name."""
    if key and host.endswith(".openai.azure.com"):
        return {"api-key": key}
    return {"Authorization": f"Bearer {key}"} if key else {}


def guess_features(host: str) -> Features:
    """OpenAI itself takes the bound on tokens by its newer name."""
    return Features(max_completion_tokens=host == "api.openai.com")


def depends_on_family(request: Request) -> bool:
    """Whether llama.cpp must be asked in another way than others."""
    return request.sampling.temperature is not None or request.schema is not None


def recognize(headers: Mapping[str, str], body: bytes) -> str:
    """`llama.cpp`, if it answers here, by a header or by what `/models` holds."""
    if headers.get("Server") == "llama.cpp":
        return "llama.cpp"
    try:
        owner = _decode(body)["data"][0]["owned_by"] if body else ""
    except (msgspec.MsgspecError, ValueError, LookupError, TypeError, RecursionError):
        return ""
    return "llama.cpp" if owner in LLAMA_OWNERS else ""


LLAMA_OWNERS = ("llamacpp", "me")
"""How llama.cpp's C++ server and its Python server name themselves in `/models`."""

DIALECT = Dialect(
    path=path,
    encode=encode,
    decode=decode,
    embeddings=EMBEDDINGS,
    headers=authorize,
    assemble=assemble,
    features=guess_features,
    recognize=recognize,
    look_up=LookUp("models", depends_on_family),
)
