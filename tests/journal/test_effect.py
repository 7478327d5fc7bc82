"""What the journal keeps of an effect, and how a reply is packed into it."""

from typing import Any

import msgspec
import pytest
from effects import effect
from hypothesis import given
from hypothesis import strategies as st

from understudy.journal.effect import Stored, pack, unpack
from understudy.types import Audio, Image, Reply, Token, ToolCall, Usage

FULL = Reply(
    text="ünd", reasoning="why", stop="length", refusal="no", logprobs=(Token("a", -1.0),),
    tool_calls=(ToolCall("1", "f", "{}"),), usage=Usage(tokens_in=1, tokens_out=2), model="m-1",
)  # fmt: skip
CAT, PURR = Image(media_type="image/png", data=b"\x89PNG"), Audio(media_type="audio/wav", data=b"W")


def store(reply: Reply) -> Stored:
    packed = pack(reply)
    return Stored(packed.reply, packed.text)


def test_a_reply_comes_back_in_all_its_parts() -> None:
    assert unpack(store(FULL)) == FULL


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_comes_back(text: str) -> None:
    assert unpack(store(Reply(text=text))).text == text


def test_the_text_stands_beside_the_reply_and_not_in_it() -> None:
    packed = pack(Reply(text="only here", reasoning="in the JSON"))
    assert packed.text == "only here"
    assert b"only here" not in packed.reply
    assert b"in the JSON" in packed.reply


def test_a_text_that_cannot_be_written_is_refused_before_it_is_handed_to_the_thread() -> None:
    with pytest.raises(UnicodeEncodeError):
        pack(Reply(text="a\ud800"))


def test_pictures_and_sound_stand_beside_the_reply_and_are_named_by_digest() -> None:
    packed = pack(Reply(text="x", media=(CAT, PURR)))
    assert packed.media == (CAT, PURR)
    kept = msgspec.json.decode(packed.reply, type=Reply).media
    assert [part.sha256 for part in kept] == [CAT.sha256, PURR.sha256]
    assert [part.data for part in kept] == [b"", b""]


def test_a_reply_without_media_has_none_beside_it() -> None:
    assert pack(FULL).media == ()


@pytest.mark.parametrize(
    ("fields", "who"),
    [({"endpoint": "e"}, "e:m"), ({"endpoint": ""}, "m"), ({"endpoint": "", "model": ""}, "")],
)
def test_who_answered_is_named_with_where(fields: dict[str, Any], who: str) -> None:
    assert effect(1, **fields).who == who
