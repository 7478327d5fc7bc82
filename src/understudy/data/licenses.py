"""The terms under which a model's output may train other models, as far as known (`licenses.yaml`)."""

import re
from functools import cache
from importlib import resources
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import yaml

_HOME = {
    "openai": "api.openai.com",
    "anthropic": "api.anthropic.com",
    "google": "generativelanguage.googleapis.com",
    "gemini": "generativelanguage.googleapis.com",
}
"""The host of a provider's calls if no base URL is given."""


class Term(NamedTuple):
    """One entry of the table."""

    name: str
    says: str
    source: str
    dated: str
    """The version that was read; empty if it has no date."""
    checked: str
    """When it was read."""
    hosts: tuple[str, ...]
    weights: str
    """If the entry is about weights: a regular expression that matches names of the model."""


def find_terms(model: str, endpoint: str) -> tuple[Term, ...]:
    """The entries that apply to a model at an endpoint (`openai`, a base URL, or both as
    `openai https://...`). None if nothing is known."""
    host = _host(endpoint)
    return tuple(
        term
        for term in _table()
        if host in term.hosts or (term.weights and re.search(term.weights, model, re.IGNORECASE))
    )


def _host(endpoint: str) -> str:
    if match := re.search(r"https?://\S+", endpoint):
        try:
            return (urlsplit(match[0]).hostname or "").lower()
        except ValueError:
            return ""
    return _HOME.get(endpoint.strip().lower(), "")


@cache
def _table() -> tuple[Term, ...]:
    text = resources.files("understudy.data").joinpath("licenses.yaml").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = yaml.safe_load(text)
    return tuple(
        Term(
            name=entry["name"],
            says=" ".join(entry["says"].split()),
            source=entry["source"],
            dated=str(entry.get("dated", "")),
            checked=str(entry["checked"]),
            hosts=tuple(entry.get("hosts", ())),
            weights=entry.get("weights", ""),
        )
        for entry in entries
    )
