"""Turns, pictures and sound as several formats write them."""

import pytest
from conversations import CAT, CAT_URL

from understudy.exports.formats.turns import encode_turns, mark_media, media_columns
from understudy.types import Audio, Example, Image, Message, Text, assistant, user

SOUND = Audio(url="https://example.org/a.wav")


def test_pictures_before_the_first_question_need_no_parts() -> None:
    example = Example(messages=(user("q", CAT, CAT), assistant("a")))

    assert encode_turns(example.messages)[0] == {"role": "user", "content": "q"}
    assert media_columns(example) == {"images": [CAT_URL, CAT_URL]}


@pytest.mark.parametrize(
    "turns",
    [
        (Message("user", (Text("a"), CAT, SOUND, Text("b"))),),
        (user("q", SOUND),),
        (user("q", CAT), assistant("a"), user("q2", CAT)),
        (Message("assistant", (CAT,)), user("q")),
    ],
)
def test_pictures_elsewhere_and_sound_have_parts_for_their_places(
    turns: tuple[Message, ...],
) -> None:
    records = encode_turns(turns)

    kinds = {"image": "image", "audio": "audio"}
    for turn, record in zip(turns, records, strict=True):
        if turn.media:
            places = [part["type"] for part in record["content"] if part["type"] in kinds]
            assert places == [type(part).__name__.lower() for part in turn.media]
        else:
            assert record["content"] == turn.text


def test_a_message_of_parts_keeps_their_order() -> None:
    message = Message("user", (Text("a"), CAT, SOUND, Text("b")))

    assert encode_turns([message])[0]["content"] == [
        {"type": "text", "text": "a"},
        {"type": "image"},
        {"type": "audio"},
        {"type": "text", "text": "b"},
    ]
    assert mark_media(message) == "a<image><audio>b"
    assert media_columns(Example(messages=(message,))) == {
        "images": [CAT_URL],
        "audios": ["https://example.org/a.wav"],
    }


def test_a_picture_of_which_only_the_digest_is_left_is_refused() -> None:
    with pytest.raises(ValueError, match="only its digest"):
        media_columns(Example(messages=(user("q", Image(sha256="ab")),)))
