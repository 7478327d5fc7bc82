"""Pictures and sound that come back: OpenAI's `audio`, `images` of gateways, and parts of a content."""

import base64
import binascii
import re
from collections.abc import Iterator

from understudy.providers.fields import as_list, as_object, as_objects, as_text
from understudy.types import Json, Request
from understudy.values import Audio, Image

MOST_MEDIA = 100
"""Pictures and sounds that one reply may have."""
_LONGEST_URL = 4_096
_DATA_URL = re.compile(r"data:(image/[\w.+-]{1,40});base64,", re.ASCII | re.IGNORECASE)
_SOUNDS = {"mp3": "mpeg", "pcm16": "pcm"}
"""What OpenAI calls a format of sound, where its media type has another name."""


def decode_media(message: Json, request: Request) -> tuple[Image | Audio, ...]:
    """The pictures and the sound of a message.

    Raises:
        ValueError: one of them cannot be read, or there are too many.
    """
    media: list[Image | Audio] = [_decode_image(part) for part in _list_images(message)]
    if audio := as_object(message.get("audio")):
        media += _decode_audio(audio, request)
    if len(media) > MOST_MEDIA:
        raise ValueError(f"expected at most {MOST_MEDIA} pictures and sounds, found {len(media)}")
    return tuple(media)


def read_transcript(message: Json) -> str:
    """The transcript of the sound, which takes the place of the text."""
    return as_text(as_object(message.get("audio")).get("transcript"))


def _list_images(message: Json) -> Iterator[Json]:
    for part in (*as_objects(message.get("content")), *as_objects(message.get("images"))):
        if part.get("type") in ("image_url", "image", "output_image"):
            yield part


def _decode_image(part: Json) -> Image:
    value = part.get("image_url")
    url = as_text(value) or as_text(as_object(value).get("url"))
    if match := _DATA_URL.match(url):
        return Image(media_type=match[1].lower(), data=_decode_base64(url[match.end() :]))
    if url.startswith(("https://", "http://")) and len(url) <= _LONGEST_URL and url.isprintable():
        return Image(url=url)
    raise ValueError("expected a picture as a data URL or a web address, found neither")


def _decode_audio(audio: Json, request: Request) -> Iterator[Audio]:
    """The sound, whose format only the request tells."""
    pieces = as_list(audio.get("data")) or [audio.get("data")]
    data = b"".join(_decode_base64(as_text(piece)) for piece in pieces)
    if data:
        name = as_text(as_object(request.extra.get("audio")).get("format")) or "wav"
        yield Audio(media_type=f"audio/{_SOUNDS.get(name, name)}", data=data)


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("expected media in base64, found something else") from None
