"""From a model string to a provider. The only file that reads keys.

A model string is `provider:name`, with `@base_url` where the provider has an endpoint. `table.py` lists
the providers.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from understudy.errors import ConfigError, nearest
from understudy.handles.embedder import Embed, Embedding, make_embedding
from understudy.providers.table import (
    KEYS,
    PROVIDERS,
    Entry,
    Provider,
    Target,
    find_provider,
    list_names,
    list_providers,
)
from understudy.types import Usage


@runtime_checkable
class EmbeddingProvider(Protocol):
    """A provider that embeds texts too."""

    async def embed(
        self, model: str, texts: Sequence[str]
    ) -> tuple[list[list[float]], Usage | None]: ...


@dataclass(frozen=True)
class Address:
    """A model string, taken apart."""

    provider: str
    model: str
    base_url: str
    """Empty where the provider has no or its usual one."""

    @property
    def endpoint(self) -> str:
        return f"{self.provider}@{self.base_url}" if self.base_url else self.provider

    @property
    def label(self) -> str:
        """What to call it: the model string without its base URL."""
        return self.model if self.provider == "pocket" else f"{self.provider}:{self.model}"


def parse(spec: str) -> Address:
    """Take a model string apart.

    Raises:
        ConfigError: it is none.
    """
    name, colon, rest = spec.partition(":")
    entry = find_provider(name) if name else None
    if entry is None:
        raise ConfigError(_explain(spec, name if colon else ""))
    if entry.models:
        if spec not in entry.models:
            raise ConfigError(f"model {spec!r}: expected {' or '.join(entry.models)}.")
        return Address(name, spec, "")
    if not rest or rest[0] == "@":
        raise ConfigError(f"model {spec!r}: expected a name after the colon, e.g. {entry.example}.")
    if not entry.url:
        return Address(name, rest, "")
    model, _, url = rest.partition("@")
    url = (url or _usual_url(entry)).rstrip("/")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        raise ConfigError(_NO_URL.format(f"{name}:{model}")) from None
    if parts.username or parts.password:
        raise ConfigError(f"model {f'{name}:{model}'!r}: put no key into the URL; use key_env.")
    if not usable:
        raise ConfigError(_NO_URL.format(f"{name}:{model}"))
    return Address(name, model, "" if url == entry.url else url)


_NO_URL = "model {!r}: expected a base URL like http://localhost:8000/v1 after the @."


def _explain(spec: str, name: str) -> str:
    """What is wrong with a model string whose provider is unknown; `name` is what it is called."""
    names = list_names()
    if name:
        hint = nearest(name, names)
        other = "" if hint.endswith("?") else " Any server of OpenAI's dialect is openai:NAME@URL."
        return f"model {spec!r}: no provider {name!r}{hint}{other}"
    whole = [model for entry in PROVIDERS for model in entry.models]
    hint = nearest(spec, [*whole, *names])
    return (
        f"model {spec!r}: expected provider:name[@base_url], e.g. openai:gpt-5-mini, "
        "openai:qwen3-8b@http://localhost:8000/v1, or pocket, the built-in model"
        f"{hint if hint.endswith('?') else '; available: ' + ', '.join(names) + '.'}"
    )


def connect(
    address: Address, *, key_env: str = "", timeout: float = 600, notice: Callable[[str], None]
) -> Provider:
    """A provider for an address. Nothing is sent yet.

    Raises:
        ConfigError: the key, the file or the function is missing.
    """
    entry, target = _aim(address, key_env, timeout, notice)
    return entry.open(target)


def connect_embedder(
    address: Address, *, key_env: str = "", timeout: float = 600, notice: Callable[[str], None]
) -> tuple[Provider, Embed]:
    """The embedder at an address, and what to close when done. Nothing is sent yet.

    Raises:
        ConfigError: the key is missing, or the provider has no embeddings.
    """
    entry, target = _aim(address, key_env, timeout, notice)
    provider = entry.open(target)
    if not isinstance(provider, EmbeddingProvider):
        raise ConfigError(
            f"embedder {address.label!r}: expected hashing, the built-in one, or a model behind an "
            "endpoint with embeddings, e.g. openai:text-embedding-3-small."
        )

    async def embed(texts: Sequence[str]) -> list[Embedding]:
        vectors, usage = await provider.embed(address.model, texts)
        return [make_embedding(vector, Usage() if i else usage) for i, vector in enumerate(vectors)]

    return provider, embed


def _aim(
    address: Address, key_env: str, timeout: float, notice: Callable[[str], None]
) -> tuple[Entry, Target]:
    """The provider of an address, and what it is to be connected to."""
    if (entry := find_provider(address.provider)) is None:
        raise ConfigError(_explain(address.label, address.provider))
    url = address.base_url or entry.url
    key = _read_key(entry, url, key_env) if url else ""
    return entry, Target(model=address.model, url=url, key=key, timeout=timeout, notice=notice)


def read_revision(address: Address) -> str:
    """A digest of a model's weights; empty if they are not on this machine."""
    entry = find_provider(address.provider)
    return entry.read_revision(address.model) if entry else ""


def _usual_url(entry: Entry) -> str:
    """The base URL of a model string that names none."""
    variable = entry.url_variable
    return (os.environ.get(variable, "").strip() if variable else "") or entry.url


def _read_key(entry: Entry, url: str, key_env: str) -> str:
    host = urlsplit(url).hostname or ""
    name = key_env or KEYS.get(host, "") or (entry.key if host == entry.host else "")
    if not name and entry.url_variable and _usual_url(entry).rstrip("/") == url:
        # OpenAI's own client reads this pair together. The user's own server may need no key.
        return os.environ.get(entry.key, "").strip()
    if not name:
        return ""
    if key := os.environ.get(name, "").strip():
        return key
    raise ConfigError(f"{host} needs a key: set the environment variable {name}.")


def list_keys() -> list[str]:
    """The usual environment variables of keys that are set."""
    return [name for name in KEYS.values() if os.environ.get(name, "").strip()]


def list_models() -> str:
    """How models are named, as text for a terminal: one line per provider."""
    lines = list[str]()
    entries = list(list_providers())
    width = max(len(entry.example) for entry in entries if isinstance(entry, Entry))
    for entry in entries:
        if isinstance(entry, Entry):
            key = f" (key: {entry.key})" if entry.key else ""
            lines.append(f"{entry.example:{width}}  {entry.about}{key}")
        else:
            lines.append(str(entry))
    return "\n".join(lines)
