"""From a model string to a provider. The only file that reads keys.

openai:gpt-5-mini                              api.openai.com, or OPENAI_BASE_URL
openai:qwen3-8b@http://localhost:8000/v1       any server of that dialect
pocket, pocket:student                         the built-in models
recorded:replies.jsonl                         recorded replies
scripted:./mine.py:answer                      a Python function, for tests and dry runs
"""

import importlib.util
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from understudy.errors import ConfigError
from understudy.types import Reply, WireCall


class Provider(Protocol):
    """What answers calls; `close` when the run ends."""

    async def __call__(self, call: WireCall, /) -> Sequence[Reply]: ...
    async def close(self) -> None: ...


@dataclass(frozen=True)
class Address:
    """A model string, taken apart."""

    provider: str
    model: str
    base_url: str
    """Empty where the provider has no or a usual one."""

    @property
    def endpoint(self) -> str:
        return f"{self.provider}@{self.base_url}" if self.base_url else self.provider

    @property
    def label(self) -> str:
        """What to call it: the model string without its base URL."""
        return self.model if self.provider == "pocket" else f"{self.provider}:{self.model}"


OPENAI_URL = "https://api.openai.com/v1"

KEYS = {
    "api.openai.com": "OPENAI_API_KEY",
    "api.deepseek.com": "DEEPSEEK_API_KEY",
    "api.fireworks.ai": "FIREWORKS_API_KEY",
    "api.groq.com": "GROQ_API_KEY",
    "api.mistral.ai": "MISTRAL_API_KEY",
    "api.together.xyz": "TOGETHER_API_KEY",
    "api.x.ai": "XAI_API_KEY",
    "generativelanguage.googleapis.com": "GEMINI_API_KEY",
    "openrouter.ai": "OPENROUTER_API_KEY",
}
"""The usual environment variable of each vendor. A key is sent to its own vendor only; for any
other host a recipe names the variable with `key_env`."""

PROVIDERS = ("openai", "pocket", "recorded", "scripted")

POCKET = ("pocket", "pocket:student")
"""The built-in models, whose names are their model strings."""


def parse(spec: str) -> Address:
    """Take a model string apart.

    Raises:
        ConfigError: it is none.
    """
    if spec in POCKET:
        return Address("pocket", spec, "")
    provider, colon, rest = spec.partition(":")
    if provider == "pocket":
        raise ConfigError(f"model {spec!r}: the built-in models are {' and '.join(POCKET)}.")
    if provider not in PROVIDERS or not colon or not rest:
        raise ConfigError(
            f"model {spec!r}: expected provider:name[@base_url] with a provider of "
            f"{', '.join(PROVIDERS)}; e.g. openai:gpt-5-mini or "
            "openai:qwen3-8b@http://localhost:8000/v1, or of pocket alone, the built-in model."
        )
    if provider != "openai":
        return Address(provider, rest, "")
    model, _, url = rest.partition("@")
    url = (url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"model {spec!r}: expected a base URL like http://localhost:8000/v1.")
    if parts.username or parts.password:
        raise ConfigError(
            f"model {spec.partition('@')[0]!r}: put no key into the URL; use key_env."
        )
    return Address(provider, model, "" if url == OPENAI_URL else url)


def connect(
    address: Address, *, key_env: str = "", timeout: float = 600, notice: Callable[[str], None]
) -> Provider:
    """A provider for an address. Nothing is sent yet.

    Raises:
        ConfigError: the key, the file or the function is missing.
    """
    match address.provider:
        case "openai":
            from understudy.providers.openai import OpenAI  # aiohttp takes 0.1 s to import

            url = address.base_url or OPENAI_URL
            return OpenAI(base_url=url, key=_key(url, key_env), timeout=timeout, notice=notice)
        case "pocket":
            from understudy.providers.pocket import Pocket

            return Pocket(address.model, notice=notice)
        case "recorded":
            from understudy.providers.recorded import Recorded

            return Recorded(Path(address.model))
        case _:
            from understudy.providers.scripted import Scripted

            return Scripted(_function(address.model))


def _key(url: str, key_env: str) -> str | None:
    host = urlsplit(url).hostname or ""
    name = key_env or KEYS.get(host, "")
    if not name and os.environ.get("OPENAI_BASE_URL", "").rstrip("/") == url:
        name = "OPENAI_API_KEY"  # the pair that OpenAI's own client reads together
        return os.environ.get(name)
    if not name:
        return None
    if key := os.environ.get(name, "").strip():
        return key
    raise ConfigError(f"{host} needs a key: set the environment variable {name}.")


def _function(reference: str) -> Any:
    path, _, name = reference.rpartition(":")
    file = Path(path).expanduser()
    if not file.is_file():
        raise ConfigError(
            f"scripted:{reference}: expected scripted:FILE.py:FUNCTION, no such file."
        )
    spec = importlib.util.spec_from_file_location(f"understudy_script_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not callable(function := getattr(module, name, None)):
        raise ConfigError(f"scripted:{reference}: {file} has no function {name!r}.")
    return function
