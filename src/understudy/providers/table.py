"""All providers: one table that model strings, help and docs are made from.

To add one: a file beside this one with a function `connect(target)`, and an entry here. An installed
package adds an `Entry` by an entry point of its name:

    [project.entry-points."understudy.providers"]
    acme = "acme_understudy:ENTRY"
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol
from urllib.parse import urlsplit

from understudy.errors import ConfigError
from understudy.plugins import find_plugins, load
from understudy.types import Reply, WireCall


class Provider(Protocol):
    """What answers calls; `close` when the run ends."""

    async def __call__(self, call: WireCall, /) -> Sequence[Reply]: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a provider is to be connected to."""

    model: str
    url: str = ""
    """The base URL; empty where the provider has none."""
    key: str = field(default="", repr=False)
    """The secret of the endpoint; empty where it needs none."""
    timeout: float = 600
    """Seconds that one request may take in all."""
    notice: Callable[[str], None] = lambda text: None
    """Called once with each feature that the endpoint lacks."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One provider, by what its model strings begin with."""

    name: str
    connect: str
    """`module:function`, imported when it is needed: from a `Target` to a `Provider`."""
    about: str
    """Who answers, in a few words."""
    example: str
    """A model string."""
    url: str = ""
    """The usual base URL. Only a provider that has one takes another, after an `@`."""
    url_variable: str = ""
    """An environment variable that names another usual one."""
    key: str = ""
    """The environment variable with the key for the host of `url`."""
    models: tuple[str, ...] = ()
    """All model strings, if the provider has a fixed set."""
    weights: str = ""
    """`module:function`: from a model's name to a digest of its weights, where they are at hand."""

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    def open(self, target: Target) -> Provider:
        """The provider. Nothing is sent yet.

        Raises:
            ConfigError: a key, a file or a function cannot be used.
        """
        connect: Callable[[Target], Provider] = _load(self.connect)
        return connect(target)

    def read_revision(self, model: str) -> str:
        """A digest of a model's weights; empty if they are not on this machine."""
        digest: Callable[[str], str] = _load(self.weights) if self.weights else lambda _: ""
        return digest(model)


def _load(reference: str) -> Any:
    module, _, function = reference.partition(":")
    return getattr(import_module(module), function)


def _vendor(name: str, about: str, url: str, model: str) -> Entry:
    """A vendor that speaks OpenAI's dialect."""
    return Entry(
        name=name,
        connect="understudy.providers.openai:connect",
        about=about,
        example=f"{name}:{model}",
        url=url,
        key=f"{name.upper()}_API_KEY",
    )


PROVIDERS = (
    Entry(
        name="pocket",
        connect="understudy.providers.pocket:connect",
        about="the built-in models: tiny, offline, for demonstrations and tests",
        example="pocket",
        models=("pocket", "pocket:student"),
        weights="understudy.pocket.models:revision",
    ),
    Entry(
        name="openai",
        connect="understudy.providers.openai:connect",
        about="OpenAI; with @URL any server of its dialect: vLLM, SGLang, llama.cpp, Ollama, ...",
        example="openai:qwen3-8b@http://localhost:8000/v1",
        url="https://api.openai.com/v1",
        url_variable="OPENAI_BASE_URL",
        key="OPENAI_API_KEY",
    ),
    _vendor("deepseek", "DeepSeek", "https://api.deepseek.com/v1", "deepseek-chat"),
    _vendor(
        "fireworks",
        "Fireworks",
        "https://api.fireworks.ai/inference/v1",
        "accounts/fireworks/models/gpt-oss-120b",
    ),
    _vendor(
        "gemini",
        "Google Gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "gemini-2.5-flash",
    ),
    _vendor("groq", "Groq", "https://api.groq.com/openai/v1", "openai/gpt-oss-20b"),
    _vendor("mistral", "Mistral", "https://api.mistral.ai/v1", "mistral-small-latest"),
    _vendor("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", "qwen/qwen3-8b"),
    _vendor("together", "Together", "https://api.together.xyz/v1", "openai/gpt-oss-20b"),
    _vendor("xai", "xAI", "https://api.x.ai/v1", "grok-4"),
    Entry(
        name="recorded",
        connect="understudy.providers.recorded:connect",
        about="replies recorded earlier; nothing is sent",
        example="recorded:replies.jsonl",
    ),
    Entry(
        name="scripted",
        connect="understudy.providers.scripted:connect",
        about="a Python function, for tests and dry runs",
        example="scripted:./mine.py:answer",
    ),
)

GROUP = "understudy.providers"
"""The entry points of installed packages."""


def find_provider(name: str) -> Entry | None:
    """The provider of a name; of two, the one that comes with this package.

    Raises:
        ConfigError: an installed package has it, and it cannot be loaded.
    """
    if (entry := SHIPPED.get(name)) is not None:
        return entry
    if (point := find_plugins(GROUP).get(name)) is None:
        return None
    entry = load(point, Entry)
    if entry.name != name:
        raise ConfigError(
            f"the entry point {name!r} of {GROUP} holds a provider called {entry.name!r}: the two "
            "names must be the same. Fix or uninstall that package."
        )
    return entry


def list_names() -> list[str]:
    """The names of all providers, installed ones included. Nothing is imported."""
    return [*SHIPPED, *(name for name in find_plugins(GROUP) if name not in SHIPPED)]


def list_providers() -> Iterator[Entry | ConfigError]:
    """All providers; for an installed one that cannot be used, what is wrong with it."""
    yield from PROVIDERS
    for name in find_plugins(GROUP):
        if name in SHIPPED:
            yield ConfigError(f"an installed package names a provider {name!r}: it is hidden.")
            continue
        try:
            entry = find_provider(name)
        except ConfigError as error:
            yield error
        else:
            if entry is not None:
                yield entry


SHIPPED = {entry.name: entry for entry in PROVIDERS}
KEYS = {entry.host: entry.key for entry in PROVIDERS if entry.key}
"""The usual environment variable of each vendor's host. A key is sent to its own vendor only; for
any other host a recipe names the variable with `key_env`."""
