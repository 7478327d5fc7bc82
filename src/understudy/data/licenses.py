"""What is known of the terms under which a model's output may train other models (`licenses.yaml`)."""

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
"""Where a provider's calls go if no base URL is given."""


class Term(NamedTuple):
    """One entry of the table."""

    name: str
    says: str
    source: str
    dated: str
    """The version that was looked at; empty where it has no date."""
    checked: str
    """When that was."""
    hosts: tuple[str, ...]
    weights: str
    """A regular expression; finds the model's name where the entry is about weights."""


def terms_of(model: str, endpoint: str) -> tuple[Term, ...]:
    """The entries that apply to a model's name at an endpoint (`openai`, a base URL, or both as
    `openai https://...`); none where nothing is known."""
    host = _host(endpoint)
    return tuple(
        term
        for term in _table()
        if host in term.hosts or (term.weights and re.search(term.weights, model, re.IGNORECASE))
    )


def _host(endpoint: str) -> str:
    if found := re.search(r"https?://\S+", endpoint):
        try:
            return (urlsplit(found[0]).hostname or "").lower()
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
