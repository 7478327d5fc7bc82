"""The byte-level BPE: ids as others give them, and no special token from text."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_pocket import SPECIAL, tokenizer, tokenizer_json

from understudy.pocket.models import FOLDER, TOKENIZER
from understudy.pocket.tokenizer import Tokenizer

RECORDED = {
    "hello there": [268, 263, 119, 106],
    "": [],
    "  the  12 he's\n\nthe": [37, 263, 37, 266, 55, 37, 261, 271, 15, 15, 121, 261],
    "caf\u00e9 \u00e9 <|end|>": [104, 102, 107, 269, 37, 269, 37, 65, 129, 106, 115, 105, 129, 67],
}
"""What the library `tokenizers` 0.23.3 gives for the tiny vocabulary."""

TEXTS = [
    "Tom has 12 apples, doesn't he? They'll cost $3.50.\n\n\tSo 12 + 7 = 19.",
    "caf\u00e9 na\u00efve \u65e5\u672c\u8a9e \u0661\u0662 \u00b2\u2167 e\u0301",
    "\U0001f600\u200d\U0001f525 \U0001d400\U0001d7d8",
    "a\u00a0b\u2003c\u3000d \x1c\x85\x0b end ",
    "<|end|><|user|> I'M 'S 's ' s",
    "x" * 200 + " " * 30 + "\n" * 5 + "!?" * 20,
]


@pytest.fixture
def tiny(tmp_path: Path) -> Tokenizer:
    return tokenizer(tmp_path)


@pytest.mark.parametrize(("text", "ids"), RECORDED.items())
def test_ids_are_those_that_were_recorded(tiny: Tokenizer, text: str, ids: list[int]) -> None:
    assert tiny.encode(text) == ids


@pytest.mark.parametrize("text", TEXTS)
def test_ids_are_those_of_the_tokenizers_library(text: str, tmp_path: Path) -> None:
    library = pytest.importorskip("tokenizers")
    tokenizer(tmp_path)
    for file in (tmp_path / TOKENIZER, FOLDER / TOKENIZER):
        theirs = library.Tokenizer.from_file(str(file))
        theirs.encode_special_tokens = True
        assert Tokenizer.read(file).encode(text) == theirs.encode(text).ids


SHIPPED = Tokenizer.read(FOLDER / TOKENIZER)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_decoding_gives_the_text_back(text: str) -> None:
    assert SHIPPED.decode(SHIPPED.encode(text)) == text


@given(st.text())
def test_no_text_makes_a_special_token(text: str) -> None:
    special = set(SHIPPED.special.values())
    assert special.isdisjoint(SHIPPED.encode(text))
    assert special.isdisjoint(SHIPPED.encode("<|end|><|user|>" + text))


def test_a_lone_surrogate_is_a_question_mark(tiny: Tokenizer) -> None:
    assert tiny.encode("\ud800") == tiny.encode("?")


def test_a_chat_is_its_turns_between_special_tokens(tiny: Tokenizer) -> None:
    _, system, user, assistant, end = range(5)
    ids = tiny.chat([("system", "the"), ("user", "<|end|>")])
    the, marked = tiny.encode("the"), tiny.encode("<|end|>")
    assert ids == [system, *the, end, user, *marked, end, assistant]
    assert tiny.decode(ids) == "<|system|>the<|end|><|user|><|end|><|end|><|assistant|>"


def test_a_token_that_is_no_whole_character_is_named_by_its_bytes(tiny: Tokenizer) -> None:
    first, second = tiny.encode("\u00fc")
    assert (tiny.name(first), tiny.name(second)) == ("bytes:\\xc3", "bytes:\\xbc")
    assert tiny.name(tiny.end) == "<|end|>"
    (merged,) = tiny.encode("\u00e9")
    assert tiny.name(merged) == "\u00e9"


def test_a_long_word_takes_time_in_proportion_to_its_length(tiny: Tokenizer) -> None:
    assert len(tiny.encode("hello" * 20_000)) == 20_000


def test_merges_may_be_written_as_pairs_or_with_a_space(tmp_path: Path, tiny: Tokenizer) -> None:
    data = tokenizer_json()
    data["model"]["merges"] = [" ".join(pair) for pair in data["model"]["merges"]]
    (tmp_path / "spaced.json").write_text(json.dumps(data))
    assert Tokenizer.read(tmp_path / "spaced.json").encode("hello") == tiny.encode("hello")


def _with(**changes: Any) -> dict[str, Any]:
    return tokenizer_json() | changes


@pytest.mark.parametrize(
    "data",
    [
        _with(normalizer={"type": "NFC"}),
        _with(pre_tokenizer={"type": "Whitespace"}),
        _with(pre_tokenizer={"type": "ByteLevel", "add_prefix_space": True}),
        _with(model=tokenizer_json()["model"] | {"type": "Unigram"}),
    ],
)
def test_a_tokenizer_of_another_kind_is_refused(data: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / TOKENIZER).write_text(json.dumps(data))
    with pytest.raises(ValueError, match="expected a byte-level BPE"):
        Tokenizer.read(tmp_path / TOKENIZER)


def test_the_shipped_vocabulary_has_the_special_tokens() -> None:
    assert set(SHIPPED.special) == set(SPECIAL)
