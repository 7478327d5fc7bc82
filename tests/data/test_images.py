"""Pictures of a task, from whatever a seed file holds of them."""

import base64
from pathlib import Path

import pytest
from seed_files import PNG, bad

from understudy.data.images import image
from understudy.types import Image

PICTURE = Image(media_type="image/png", data=PNG)
BASE64 = base64.b64encode(PNG).decode()


@pytest.mark.parametrize(
    "value",
    ["none.png", "/etc/passwd", "data:image/png,x", {"bytes": b"not a picture"}, 3, "a\0.png"],
)
def test_a_picture_that_is_none_is_a_bad_seed(value: object) -> None:
    why = bad({"prompt": "p", "image": value})

    assert "picture" in why or "PNG" in why


@pytest.mark.parametrize(
    "value",
    [
        PNG,
        f"data:image/png;base64,{BASE64}",
        {"bytes": PNG, "path": None},
        {"bytes": BASE64},
        {"data": BASE64, "media_type": "image/png"},
        {"url": f"data:image/png;base64,{BASE64}"},
        "a.png",
        "A.PNG",
        {"path": "a.png"},
        {"bytes": None, "path": "a.png"},
        {"bytes": b"", "file_name": "a.png"},
        {"image_url": "a.png"},
        {"image": "a.png"},
    ],
    ids=str,
)
def test_the_same_picture_is_read_from_every_form(tmp_path: Path, value: object) -> None:
    for name in ("a.png", "A.PNG"):
        (tmp_path / name).write_bytes(PNG)

    assert image(value, tmp_path) == PICTURE


@pytest.mark.parametrize("url", ["http://example.org/a", "https://example.org/a.svg"])
def test_a_picture_elsewhere_stays_there(url: str) -> None:
    assert image(url, Path()) == image({"url": url}, Path()) == Image(url=url)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"\x89PNG..", "image/png"),
        (b"\xff\xd8\xff..", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF....WEBP", "image/webp"),
        (b"BM....", "image/bmp"),
    ],
)
def test_bytes_say_themselves_what_they_are(data: bytes, media_type: str) -> None:
    assert image(data, Path()) == Image(media_type=media_type, data=data)


def test_a_media_type_that_is_given_goes_before_what_the_bytes_say() -> None:
    record = {"bytes": b"<svg/>", "media_type": "image/svg+xml"}

    assert image(record, Path()) == Image(media_type="image/svg+xml", data=b"<svg/>")


def test_a_file_is_what_its_suffix_says() -> None:
    Path("a.jpeg").write_bytes(PNG)

    assert image("a.jpeg", Path()).media_type == "image/jpeg"


@pytest.mark.parametrize("name", ["secret.txt", "key", "../a.pem", "a.png.bak"])
def test_no_other_file_of_this_machine_is_read(tmp_path: Path, name: str) -> None:
    """A seed file from elsewhere could otherwise have it sent to an endpoint."""
    (tmp_path / name).write_bytes(PNG)

    with pytest.raises(ValueError, match=r"expected a picture \(\.png, .* Convert or rename it"):
        image(name, tmp_path)


def test_a_picture_that_is_missing_is_named_with_where_paths_count_from(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.png.*No such file.*the seed file's own folder"):
        image("a.png", tmp_path)


def test_a_picture_has_1_byte_to_64_mib(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(64 * 2**20 + 1)  # takes no room on the disk

    for name, size in (("empty.png", "0"), ("huge.png", "67,108,865")):
        with pytest.raises(ValueError, match=f"1 byte to 64 MiB, found '{name}' of {size}"):
            image(name, tmp_path)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("data:image/png,abc", "base64 data URL"),
        ("data:image/png;base64,a b", "in base64"),
        ({"bytes": "%%%"}, "in base64"),
        ({"bytes": None}, "bytes, url or path"),
        ({}, "bytes, url or path"),
        (b"plain", "PNG, JPEG, GIF, WebP or BMP"),
        (7, "path, URL or bytes"),
        (None, "path, URL or bytes"),
    ],
)
def test_what_is_no_picture_says_what_was_expected(value: object, expected: str) -> None:
    with pytest.raises(ValueError, match=f"expected .*{expected}.*, found "):
        image(value, Path())
