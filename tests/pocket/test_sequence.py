"""One reply under way: stop strings and characters that several tokens make."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_pocket import tokenizer

from understudy.pocket.models import FOLDER, TOKENIZER
from understudy.pocket.sampling import Uniforms
from understudy.pocket.sequence import Job, TokenLogprob, TokenSequence
from understudy.pocket.tokenizer import Tokenizer

SHIPPED = Tokenizer.read(FOLDER / TOKENIZER)


def sequence(words: Tokenizer, *stop: str, most: int = 1000) -> TokenSequence:
    job = Job(ids=[1], stop=stop, logprobs=0)
    return TokenSequence(job, 0, words, most=most, uniforms=Uniforms(0, [1], 0), counts=None)


def wrote(writing: TokenSequence, ids: list[int]) -> list[str]:
    """The pieces as a reader sees them, to the end of the ids or of the reply."""
    deltas = list[str]()
    for i, token in enumerate(ids):
        writing.add(token, TokenLogprob(-float(i), ()))
        deltas.append(writing.release().text)
        if writing.stop is not None:
            break
    return deltas


@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=4), max_size=3))
def test_text_ends_before_the_first_stop_string_and_pieces_make_it_up(
    text: str, stops: list[str]
) -> None:
    text = text.encode("utf-8", "replace").decode()
    stops = [stop.encode("utf-8", "replace").decode() for stop in stops]
    writing = sequence(SHIPPED, *stops)
    deltas = wrote(writing, [*SHIPPED.encode(text), SHIPPED.end])
    ends = [at for stop in stops if (at := text.find(stop)) >= 0]
    # Two stop strings may overlap: the one that is complete first ends the reply.
    output = writing.output()
    assert writing.stop == "end"
    assert "".join(deltas) == output.text
    if not ends:
        assert output.text == text
        assert output.tokens_out == len(SHIPPED.encode(text)) + 1
    elif len(stops) == 1:
        assert output.text == text[: ends[0]]
    else:
        assert text.startswith(output.text)
        assert any(text[len(output.text) :].startswith(stop) for stop in stops)


def test_a_character_of_several_tokens_is_told_when_it_is_whole(tmp_path: Path) -> None:
    words = tokenizer(tmp_path)
    ids = words.encode("a\u00fcb")
    assert len(ids) == 4
    writing = sequence(words)
    assert wrote(writing, [*ids, words.end]) == ["a", "", "\u00fc", "b", ""]
    tokens = writing.output().tokens or ()
    assert [token.text for token in tokens] == ["a", "", "\u00fc", "b"]
    assert [token.logprob for token in tokens] == [0.0, -1.0, -2.0, -3.0]


def test_bytes_that_become_no_character_are_told_at_the_end(tmp_path: Path) -> None:
    words = tokenizer(tmp_path)
    first, _ = words.encode("\u00fc")
    writing = sequence(words, most=1)
    assert wrote(writing, [first]) == ["\ufffd"]
    output = writing.output()
    assert (output.text, output.stop) == ("\ufffd", "length")
    assert [token.text for token in output.tokens or ()] == ["\ufffd"]


def test_what_may_become_a_stop_string_is_held_back(tmp_path: Path) -> None:
    words = tokenizer(tmp_path)
    ids = [words.encode(letter)[0] for letter in "xEND!ENDING"]
    writing = sequence(words, "ENDING")
    assert wrote(writing, ids) == ["x", "", "", "", "END!", "", "", "", "", "", ""]
    assert writing.output().text == "xEND!"


def test_tokens_that_begin_after_the_end_are_left_out(tmp_path: Path) -> None:
    words = tokenizer(tmp_path)
    ids = words.encode("a hello")
    writing = sequence(words, "lo")
    wrote(writing, ids)
    output = writing.output()
    assert output.text == "a hel"
    assert [token.text for token in output.tokens or ()] == ["a", " ", "hello"]


@pytest.mark.parametrize("stop", ["", "\u00fc"])
def test_stop_strings_may_be_empty_or_take_several_tokens(stop: str, tmp_path: Path) -> None:
    words = tokenizer(tmp_path)
    writing = sequence(words, stop)
    wrote(writing, [*words.encode("a\u00fcb"), words.end])
    assert writing.output().text == ("a" if stop else "a\u00fcb")
