"""The bases of values and settings, and media, which know their digest."""

import hashlib

import msgspec
import pydantic
import pytest

from understudy.values import Audio, Image, Settings, Text, Value


def test_the_digest_of_media_is_that_of_their_bytes() -> None:
    assert Image(media_type="image/png", data=b"x").sha256 == hashlib.sha256(b"x").hexdigest()
    assert Audio(data=b"").sha256 == ""
    assert Image(url="https://x/y.png").sha256 == ""


def test_a_digest_that_is_given_stands_for_bytes_that_are_elsewhere() -> None:
    assert Image(sha256="ab").data == b""
    assert Image(sha256="ab", data=b"x").sha256 == "ab"


def test_parts_know_their_kind() -> None:
    for part in (Text("a"), Image(sha256="ab"), Audio(sha256="cd")):
        data = msgspec.json.encode(part)
        assert msgspec.json.decode(data, type=Text | Image | Audio) == part


def test_values_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        Text("a").text = "b"  # type: ignore[misc]  # what is tested
    assert issubclass(Text, Value)


class Shots(Settings):
    n: int = 3
    """How many."""


def test_settings_are_closed_frozen_and_documented_by_the_string_below_each() -> None:
    with pytest.raises(pydantic.ValidationError, match="Extra inputs are not permitted"):
        Shots.model_validate({"m": 1})
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        Shots().n = 4  # type: ignore[misc]  # what is tested
    assert Shots.model_fields["n"].description == "How many."
