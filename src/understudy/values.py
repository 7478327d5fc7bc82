"""What all nouns are made of: the bases of values and settings, and the parts of a message.

Values are frozen `msgspec` structs: they encode to JSON without unset fields, in a fixed order,
which is what the journal's key is made of, and decode with validation at a few microseconds each.
Settings, which people write, are pydantic models (`Settings`) for their messages and schemas.
"""

import hashlib
from typing import Any, TypeAlias

import msgspec
from pydantic import BaseModel, ConfigDict

Json: TypeAlias = dict[str, Any]
"""A JSON object."""


class Settings(BaseModel):
    """What a person sets: immutable, closed to unknown keys, documented below each field."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Value(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A value: immutable; fields at their default are left out of its JSON."""


class Text(Value, frozen=True, tag="text", tag_field="type"):
    """A part of a message that is text."""

    text: str


class _Media(Value, frozen=True, kw_only=True):
    media_type: str = ""
    """E.g. `image/png`; needed with `data`."""
    data: bytes = b""
    """The bytes themselves, or empty where `url` says where the endpoint finds them."""
    url: str = ""
    sha256: str = ""
    """Digest of `data`, in hex; names the bytes where they are left out, as in the journal."""

    def __post_init__(self) -> None:
        # Once, where the bytes come in: a picture is asked about many times.
        if self.data and not self.sha256:
            msgspec.structs.force_setattr(self, "sha256", hashlib.sha256(self.data).hexdigest())


class Image(_Media, frozen=True, tag="image", tag_field="type"):
    """A part of a message that is a picture."""


class Audio(_Media, frozen=True, tag="audio", tag_field="type"):
    """A part of a message that is sound."""


Part: TypeAlias = Text | Image | Audio
