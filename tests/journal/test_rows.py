"""Checksums tell flipped bits in rows and replies."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.journal.rows import Row, effect_checksum, row_checksum
from understudy.types import Image

ROW = Row("s", "t", 0, "example", "why", b"\x01", b'{"a":1}', b"content")
CHANGES: dict[str, Any] = {
    "step": "s2", "task": "t2", "ordinal": 1, "kind": "rejection", "reason": "", "position": b"\x02",
    "body": b'{"a":2}', "content": b"Content",
}  # fmt: skip


def test_every_field_of_a_row_but_its_media_is_tried_here() -> None:
    assert {*CHANGES, "media"} == set(Row._fields)


@pytest.mark.parametrize("name", CHANGES)
def test_every_field_of_a_row_is_in_its_checksum(name: str) -> None:
    assert row_checksum(ROW._replace(**{name: CHANGES[name]})) != row_checksum(ROW)


def test_pictures_have_a_digest_of_their_own_and_are_not_in_the_checksum_of_a_row() -> None:
    assert row_checksum(ROW._replace(media=(Image(data=b"x"),))) == row_checksum(ROW)


def test_names_of_a_row_do_not_run_into_each_other() -> None:
    assert row_checksum(ROW._replace(step="st", task="")) != row_checksum(
        ROW._replace(step="s", task="t")
    )


@given(st.binary(min_size=1, max_size=200), st.integers(0, 10**6))
def test_a_flipped_bit_is_told(data: bytes, place: int) -> None:
    bit = place % (8 * len(data))
    flipped = bytearray(data)
    flipped[bit // 8] ^= 1 << bit % 8
    assert row_checksum(ROW._replace(body=bytes(flipped))) != row_checksum(ROW._replace(body=data))
    assert effect_checksum(b"k", bytes(flipped), "") != effect_checksum(b"k", data, "")
    assert effect_checksum(bytes(flipped), b"{}", "") != effect_checksum(data, b"{}", "")


def test_the_text_of_a_reply_is_in_its_checksum() -> None:
    assert effect_checksum(b"k", b"{}", "a") != effect_checksum(b"k", b"{}", "b")


def test_checksums_stay_what_they_are() -> None:
    """A change here makes every journal there is look damaged."""
    assert row_checksum(ROW) == ROW_SUM
    assert effect_checksum(b"key", b"{}", "tëxt") == EFFECT_SUM


ROW_SUM = 0x4078FFE3
EFFECT_SUM = 0x3BBCB0D2
