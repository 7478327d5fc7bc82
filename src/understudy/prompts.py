"""Prompts and exemplars as data: one YAML file beside a method, typed there, replaceable by a user's.

    class Prompts(PromptSet, file=__file__):      # its texts are in prompts.yaml beside that file
        feedback: str
        refine: str

    class Config(Settings):
        prompts: Prompts = Field(default_factory=Prompts.load)

    fill(config.prompts.refine, question=x, answer=y)

`prompts=./mine.yaml`, or a mapping, replaces the entries that it names. A recipe that is written down
holds the texts that differ from the shipped ones, not the file's name. So a run that is resumed goes on
with the prompts it began with.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import yaml
from pydantic import (
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from understudy.types import Json, Settings

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def fill(template: str, **values: object) -> str:
    """The template with every `{name}` replaced, in one pass. Braces in a value stay as they are, and so
    do braces around anything but a name.

    Raises:
        KeyError: no value for a name that the template has.
    """
    return _PLACEHOLDER.sub(lambda match: str(values[match[1]]), template)


def placeholders(template: str) -> set[str]:
    """The names that `fill` needs values for."""
    return set(_PLACEHOLDER.findall(template))


class PromptSet(Settings):
    """The prompts of one method. An entry that is not given is the shipped one."""

    source: ClassVar[Path]
    """The YAML file with the shipped texts."""

    def __init_subclass__(cls, file: str = "", name: str = "prompts.yaml", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if file:
            cls.source = Path(file).with_name(name)

    @classmethod
    def load(cls) -> Self:
        """The set that comes with the method."""
        return cls.model_validate({})

    @model_validator(mode="wrap")
    @classmethod
    def _fill_in(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, str | Path):
            value = read_yaml(Path(value))
        if not isinstance(value, Mapping):
            return handler(value)
        entries, texts = cast("Mapping[str, Any]", value), _load_texts(cls.source)
        for name, entry in entries.items():
            _compare(name, texts.get(name), entry)
        return handler({**texts, **entries})

    @model_serializer(mode="wrap")
    def _differences(self, handler: SerializerFunctionWrapHandler) -> Json:
        shipped = type(self).load()
        return {k: v for k, v in handler(self).items() if getattr(self, k) != getattr(shipped, k)}

    def __str__(self) -> str:
        """`shipped`, or the names of the entries that are not."""
        shipped = type(self).load()
        own = [k for k in type(self).model_fields if getattr(self, k) != getattr(shipped, k)]
        return ", ".join(own) or "shipped"


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        ValueError: there is no such file, or it is not YAML in UTF-8.
    """
    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"expected a YAML file at {path}, found: {error}") from None


def _load_texts(source: Path) -> Json:
    return _read_once(source, source.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read_once(source: Path, time: int) -> Json:
    """`time`: a file that was written since is read again."""
    return cast("Json", read_yaml(source))


def _compare(name: str, shipped: object, own: object) -> None:
    """Check that a user's text asks for the values that the method has for it."""
    if not isinstance(shipped, str) or not isinstance(own, str):
        return
    expected, names = placeholders(shipped), placeholders(own)
    if expected != names:
        raise ValueError(
            f"{name}: expected the placeholders {_braces(expected)}, found {_braces(names)}. "
            "Copy the method's folder to change what a prompt is made of."
        )


def _braces(names: set[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names)) or "none"
