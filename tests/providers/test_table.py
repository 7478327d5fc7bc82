"""The table of all providers, and what is made from it."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.providers.test_contract import visitor as visitor
from understudy.errors import ConfigError
from understudy.providers.connect import list_models, parse
from understudy.providers.table import (
    KEYS,
    PROVIDERS,
    Entry,
    find_provider,
    list_names,
    list_providers,
)

ENTRIES = pytest.mark.parametrize("entry", PROVIDERS, ids=lambda entry: entry.name)


@ENTRIES
def test_an_entry_can_be_read_and_used(entry: Entry) -> None:
    assert re.fullmatch(r"[a-z]+", entry.name)
    assert entry.about
    assert parse(entry.example).provider == entry.name
    assert bool(entry.key) <= bool(entry.url)
    if entry.url:
        parts = urlsplit(entry.url)
        assert parts.scheme == "https" or parts.hostname == "localhost"
        assert not entry.url.endswith("/")


def test_names_and_keys_are_each_one_providers() -> None:
    assert len({entry.name for entry in PROVIDERS}) == len(PROVIDERS)
    assert len(KEYS) == len(set(KEYS.values())) == sum(bool(entry.key) for entry in PROVIDERS)


@ENTRIES
def test_every_provider_is_in_the_docs_and_in_the_list_of_models(entry: Entry) -> None:
    page = (Path(__file__).parents[2] / "docs/providers.md").read_text()
    assert f"`{entry.example}`" in page
    assert entry.example in list_models()
    if entry.key:
        assert f"`{entry.key}`" in page


def test_an_installed_provider_is_found_and_listed(visitor: None) -> None:
    entry = find_provider("visitor")
    assert entry is not None
    assert parse("visitor:m").endpoint == "visitor"
    assert parse("visitor:m@http://localhost:1/v1").endpoint == "visitor@http://localhost:1/v1"
    assert {"visitor", "openai"} <= set(list_names())
    assert "visitor:m" in list_models()


def test_an_installed_provider_that_cannot_be_used_is_named_and_hides_no_other(
    visitor: None,
) -> None:
    with pytest.raises(ConfigError, match=r"'broken' of understudy\.providers \(visitor\)"):
        parse("broken:m")
    with pytest.raises(ConfigError, match="the two names must be the same"):
        parse("misnamed:m")
    complaints = [str(entry) for entry in list_providers() if isinstance(entry, ConfigError)]
    assert len(complaints) == 2
    assert all(complaint in list_models() for complaint in complaints)
    assert parse("openai:m").model == "m"


def test_an_installed_provider_takes_no_shipped_ones_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "usurper-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: usurper\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[understudy.providers]\nopenai = usurper:ENTRY\n")
    monkeypatch.syspath_prepend(tmp_path)
    entry = find_provider("openai")
    assert entry is not None
    assert entry.host == "api.openai.com"
    assert "'openai'" in list_models()
