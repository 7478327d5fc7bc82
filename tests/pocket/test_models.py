"""Which models there are, and what they say of themselves."""

import json
from pathlib import Path

import pytest
from tiny_pocket import folder

from understudy.errors import ConfigError
from understudy.pocket.models import CARD, FILES, listing, load, revision


def test_both_models_are_read_from_their_files(tmp_path: Path) -> None:
    folder(tmp_path, {"tokens": 5})
    for name in FILES:
        model = load(name, tmp_path)
        assert model.card == {"tokens": 5}
        assert model.tokenizer.size == model.decoder.shape.vocabulary


def test_an_unknown_model_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"pocket, pocket:student, found 'pocket:giant'"):
        load("pocket:giant", tmp_path)


@pytest.mark.parametrize("name", ["teacher.safetensors", "tokenizer.json"])
def test_missing_or_broken_files_say_what_to_do(name: str, tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / name).write_text("{}")
    with pytest.raises(ConfigError, match="Install understudy again"):
        load("pocket", tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ConfigError, match="Install understudy again"):
        load("pocket", tmp_path)


def test_a_tokenizer_that_is_larger_than_the_vocabulary_is_refused(tmp_path: Path) -> None:
    folder(tmp_path, vocab_size=200)
    with pytest.raises(ConfigError, match="do not belong together"):
        load("pocket", tmp_path)


def test_the_listing_says_what_they_are_in_honest_words(tmp_path: Path) -> None:
    folder(tmp_path, {"parameters": 1_440_000, "tokens": 30_000_000})
    assert "measured" not in listing(tmp_path)
    targets = [{"target": "greedy accuracy", "value": 0.6, "met": True}]
    (tmp_path / CARD).write_text(json.dumps({"targets": targets}))
    text = listing(tmp_path)
    assert "1.44 M parameters" in text
    assert "trained on 30 M tokens" in text
    assert "greedy accuracy: 0.6" in text
    assert "No figure of theirs is a research result" in text
    (tmp_path / "student.safetensors").unlink()
    assert "its weights are missing" in listing(tmp_path)


def test_other_weights_or_another_tokenizer_are_another_revision(tmp_path: Path) -> None:
    folder(tmp_path)
    revisions = [revision("pocket", tmp_path)]
    for name in (FILES["pocket"], "tokenizer.json"):
        file = tmp_path / name
        file.write_bytes(file.read_bytes() + b" ")
        revisions.append(revision("pocket", tmp_path))

    assert len(set(revisions)) == 3
    assert all(revisions)
    assert revision("pocket") == revision("pocket") != revision("pocket:student")


def test_weights_that_cannot_be_read_have_no_revision(tmp_path: Path) -> None:
    assert revision("pocket", tmp_path) == revision("pocket:giant") == ""
