"""Pictures and sound that come back with a reply."""

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.endpoint import DONE, Server, ask, call, chunk, ok, stream
from understudy.errors import Unavailable
from understudy.providers.openai.decode import decode
from understudy.providers.openai.media import MOST_MEDIA, decode_media
from understudy.types import Reply, Request
from understudy.values import Audio, Image

PNG, WAV = b"\x89PNG", b"RIFF...."
PLAIN = Request(model="m")


def data_url(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def picture(url: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def sound(data: bytes, transcript: str | None = "Hello.") -> dict[str, Any]:
    return {"id": "a1", "data": base64.b64encode(data).decode(), "transcript": transcript}


async def test_pictures_of_a_gateway_come_beside_the_text(server: Server) -> None:
    message = {"content": "Here.", "images": [picture(data_url(PNG))]}
    server.answer = lambda body: ok(message=message)
    (reply,) = await ask(server, call())
    assert (reply.text, reply.media) == ("Here.", (Image(media_type="image/png", data=PNG),))


def test_pictures_may_be_parts_of_the_content_or_web_addresses() -> None:
    content = [
        {"type": "text", "text": "a"}, picture(data_url(PNG, "image/JPEG")),
        {"type": "image_url", "image_url": "https://x/y.png"}, {"type": "text", "text": "b"},
    ]  # fmt: skip
    (reply,) = decode({"choices": [{"message": {"content": content}}]}, PLAIN)
    assert reply.text == "ab"
    assert reply.media == (
        Image(media_type="image/jpeg", data=PNG), Image(url="https://x/y.png"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("extra", "media_type"),
    [
        ({}, "audio/wav"),
        ({"audio": {"format": "mp3", "voice": "x"}}, "audio/mpeg"),
        ({"audio": {"format": "flac"}}, "audio/flac"),
        ({"audio": {"format": "pcm16"}}, "audio/pcm"),
        ({"audio": "x"}, "audio/wav"),
    ],
)
async def test_sound_has_the_format_that_was_asked_for_and_its_words_are_the_text(
    server: Server, extra: dict[str, Any], media_type: str
) -> None:
    server.answer = lambda body: ok(message={"content": None, "audio": sound(WAV)})
    (reply,) = await ask(server, call(extra=extra))
    assert reply.text == "Hello."
    assert reply.media == (Audio(media_type=media_type, data=WAV),)


async def test_sound_without_words_is_a_reply(server: Server) -> None:
    server.answer = lambda body: ok(message={"content": None, "audio": sound(WAV, None)})
    (reply,) = await ask(server, call())
    assert (reply.text, len(reply.media)) == ("", 1)


async def test_sound_and_pictures_come_in_pieces_too(server: Server) -> None:
    server.answer = stream(
        chunk({"audio": {"id": "a", "transcript": "Hel"}}),
        chunk({"audio": {"data": base64.b64encode(b"RIFF.").decode()}}),
        chunk({"audio": {"data": base64.b64encode(b"...").decode(), "transcript": "lo."}}),
        chunk({"images": [picture(data_url(PNG))]}, "stop"),
        DONE,
    )
    (reply,) = await ask(server, call())
    assert reply.text == "Hello."
    assert reply.media == (
        Image(media_type="image/png", data=PNG),
        Audio(media_type="audio/wav", data=WAV),
    )


@pytest.mark.parametrize(
    "message",
    [
        {"images": [picture("data:image/png;base64,???")]},
        {"images": [picture("data:text/html;base64,AAAA")]},
        {"images": [picture("file:///etc/passwd")]},
        {"images": [picture("https://x/" + "y" * 5_000)]},
        {"images": [picture(None)]},
        {"images": [picture(data_url(PNG))] * (MOST_MEDIA + 1)},
        {"audio": {"data": "?"}},
    ],
)
async def test_media_that_cannot_be_read_are_no_reply_rather_than_lost(
    server: Server, message: dict[str, Any]
) -> None:
    server.answer = lambda body: ok(message={"content": "x"} | message)
    with pytest.raises(Unavailable, match="expected") as caught:
        await ask(server, call())
    assert caught.value.answered


JSON = st.recursive(
    st.none()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["AAAA", "image_url", data_url(PNG)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "image_url", "url", "data", "transcript"]), inner
        )
    ),
)


@given(st.dictionaries(st.sampled_from(["content", "images", "audio"]), JSON))
def test_any_message_gives_media_of_ours_or_a_reason(message: Any) -> None:
    try:
        media = decode_media(message, PLAIN)
    except ValueError:
        return
    reply = Reply(media=media)
    assert msgspec.json.decode(msgspec.json.encode(reply), type=Reply) == reply
    assert json.dumps([part.media_type for part in media])
