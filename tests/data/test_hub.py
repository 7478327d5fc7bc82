"""Rows of the hub, from a stand-in for the `datasets` library, which needs a network."""

import sys
from pathlib import Path

import pytest

from understudy.data.hub import from_hub
from understudy.data.readers import Raw
from understudy.errors import ConfigError

LIBRARY = """
class Data(list):
    column_names = ["question"]

def load_dataset(name, config, *, split, streaming):
    assert streaming
    if name == "org/missing":
        raise FileNotFoundError("no such data set")
    return Data([{"question": f"{name} {config} {split} {i}"} for i in range(2)])
"""


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "datasets.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(str(tmp_path / "library"))
    monkeypatch.delitem(sys.modules, "datasets", raising=False)


@pytest.mark.parametrize(
    ("reference", "asked"),
    [
        ("org/name", "org/name None train"),
        ("name", "name None train"),
        ("org/name:test", "org/name None test"),
        ("org/name/main:test", "org/name main test"),
        ("org/name/main", "org/name main train"),
    ],
)
def test_a_reference_names_data_set_config_and_split(reference: str, asked: str) -> None:
    source = from_hub(reference)
    assert source.columns == ("question",)
    for _ in range(2):  # rows can be read more than once
        assert list(source.rows()) == [
            Raw(f"hf:{reference}:row {i + 1}", {"question": f"{asked} {i}"}) for i in range(2)
        ]


@pytest.mark.parametrize("reference", ["", "a/b/c/d", "org/name:", "org name", "https://x/y"])
def test_another_form_is_refused(reference: str) -> None:
    with pytest.raises(ConfigError, match="expected hf:org/name"):
        from_hub(reference)


def test_what_the_library_raises_is_said_in_words() -> None:
    with pytest.raises(ConfigError, match=r"a split 'train', found: no such data set"):
        from_hub("org/missing")
