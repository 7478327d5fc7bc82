"""Pictures of a task, from whatever a seed file holds of them."""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from understudy.data.bad_row import preview
from understudy.types import Image

_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
}
_MAGIC = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
    b"BM": "image/bmp",
}
_LARGEST = 64 * 2**20
"""Bytes of a picture; endpoints take some MB."""


def image(value: object, folder: Path) -> Image:
    """A picture by path (relative to `folder`), by `http(s)` or `data:` URL, by its bytes, or as a
    record of one of these (`{bytes, path}`, `{url}`, `{data, media_type}`).

    A file must have the suffix of a picture: a seed file from elsewhere cannot have other files of
    this machine sent to an endpoint.

    Raises:
        ValueError: it is none of these, or is missing.
    """
    if isinstance(value, bytes):
        return Image(media_type=_sniff(value), data=value)
    if isinstance(value, str):
        return _by_name(value, folder)
    if isinstance(value, Mapping):
        return _record(cast("Mapping[str, object]", value), folder)
    raise ValueError(f"expected a picture's path, URL or bytes, found {preview(value)}")


def _by_name(name: str, folder: Path) -> Image:
    if name.startswith(("http://", "https://")):
        return Image(url=name)
    if name.startswith("data:"):
        return _data_url(name)
    path = folder / name
    media_type = _TYPES.get(path.suffix.lower())
    if media_type is None:
        raise ValueError(
            f"expected a picture ({', '.join(_TYPES)}), found {preview(name)}. Convert or rename it."
        )
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= _LARGEST else b""
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise ValueError(
            f"expected a picture at {preview(str(path))}, found none ({_reason(error)}). Paths count "
            "from the seed file's own folder."
        ) from error
    if not data:
        raise ValueError(
            f"expected a picture of 1 byte to 64 MiB, found {preview(name)} of {size:,}"
        )
    return Image(media_type=media_type, data=data)


def _data_url(url: str) -> Image:
    head, _, body = url.partition(",")
    if not head.endswith(";base64"):
        raise ValueError(f"expected a picture as a base64 data URL, found {preview(url)}")
    return Image(media_type=head[len("data:") : -len(";base64")], data=_decode(body))


def _record(record: Mapping[str, object], folder: Path) -> Image:
    for name in ("bytes", "data"):
        data = record.get(name)
        if isinstance(data, str) and data:
            data = _decode(data)
        if isinstance(data, bytes) and data:
            return Image(media_type=str(record.get("media_type") or _sniff(data)), data=data)
    for name in ("url", "image_url", "path", "image", "file_name"):
        if isinstance(value := record.get(name), str) and value:
            return _by_name(value, folder)
    raise ValueError(f"expected a picture's bytes, url or path, found {preview(record)}")


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"expected a picture in base64, found {preview(text)}") from error


def _sniff(data: bytes) -> str:
    for magic, media_type in _MAGIC.items():
        if data.startswith(magic):
            return media_type
    raise ValueError(
        f"expected the bytes of a PNG, JPEG, GIF, WebP or BMP, found {preview(data[:12])}"
    )


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
