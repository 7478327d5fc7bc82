"""Installed packages: real files on the path, with the metadata that an installer writes."""

from pathlib import Path

import pytest

from understudy.errors import ConfigError
from understudy.plugins import find_plugins, load


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "visitor-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: visitor\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[understudy.numbers]\n"
        "two = visitor_of_plugins:TWO\nabsent = visitor_of_plugins:THREE\n"
        "broken = visitor_of_nothing:ONE\n"
    )
    (tmp_path / "visitor_of_plugins.py").write_text("TWO = 2\n")
    monkeypatch.syspath_prepend(tmp_path)


def test_what_is_installed_is_found_without_being_imported(package: None) -> None:
    points = find_plugins("understudy.numbers")

    assert list(points) == ["absent", "broken", "two"]
    assert load(points["two"], int) == 2
    assert find_plugins("understudy.other") == {}


def test_an_entry_point_that_does_not_load_names_its_package(package: None) -> None:
    points = find_plugins("understudy.numbers")

    with pytest.raises(ConfigError, match=r"'absent' of understudy\.numbers \(visitor\): expected"):
        load(points["absent"], int)
    with pytest.raises(ConfigError, match=r"found ModuleNotFoundError: .* Fix or uninstall"):
        load(points["broken"], int)


def test_an_entry_point_of_another_kind_is_refused(package: None) -> None:
    with pytest.raises(ConfigError, match="to be a str, found a int"):
        load(find_plugins("understudy.numbers")["two"], str)
