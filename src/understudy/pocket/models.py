"""The built-in models and their cards."""

import json
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, cast

from understudy.errors import ConfigError
from understudy.pocket.decoder import Decoder
from understudy.pocket.tokenizer import Tokenizer
from understudy.pocket.weights import read_card, read_weights

FOLDER = Path(__file__).parent / "weights"
TOKENIZER = "tokenizer.json"
CARD = "card.json"

FILES = {"pocket": "teacher.safetensors", "pocket:student": "student.safetensors"}
"""The weights file of each model."""

ABOUT = {
    "pocket": "the default teacher",
    "pocket:student": "its smaller sibling, not good at anything yet: the one to train",
}

HONESTY = """\
The built-in models are tiny: made for demonstrations and tests, trained from scratch on text that
training/pocket generates. They know those few families of tasks (docs/pocket_formats.md) and
answer anything else with nonsense. No figure of theirs is a research result."""


class LoadedModel(NamedTuple):
    """A model in memory."""

    decoder: Decoder
    tokenizer: Tokenizer
    card: dict[str, Any]


def load(name: str, folder: Path = FOLDER) -> LoadedModel:
    """Load a built-in model from `folder`.

    Raises:
        ConfigError: there is no such model, or its files are missing or broken.
    """
    if (file := FILES.get(name)) is None:
        raise ConfigError(
            f"expected one of the built-in models {', '.join(FILES)}, found {name!r}."
        )
    try:
        weights = read_weights(folder / file)
        tokenizer = Tokenizer.read(folder / TOKENIZER)
        decoder = Decoder(weights)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"the built-in model {name!r} cannot be read: {error}. Install understudy again."
        ) from error
    if tokenizer.size > decoder.shape.vocabulary:
        raise ConfigError(f"{folder}: the tokenizer and {file} do not belong together.")
    return LoadedModel(decoder, tokenizer, weights.card)


def revision(name: str, folder: Path = FOLDER) -> str:
    """A digest of a built-in model's weights and tokenizer, in hex: another training is another model.

    Empty where the files cannot be read; `load` says what is wrong with them.
    """
    if (file := FILES.get(name)) is None:
        return ""
    try:
        digests = [_digest(path, *_stamp(path)) for path in (folder / file, folder / TOKENIZER)]
    except OSError:
        return ""
    return blake2b(b"".join(digests), digest_size=8).hexdigest()


def _stamp(path: Path) -> tuple[int, int]:
    """What changes when a file is written: its time in nanoseconds, and its size."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=16)
def _digest(path: Path, time: int, size: int) -> bytes:
    """Of a file's content. `time` and `size` keep a stale digest from being taken."""
    return blake2b(path.read_bytes(), digest_size=16).digest()


def listing(folder: Path = FOLDER) -> str:
    """A description of the built-in models, with the figures of their cards."""
    lines = ["built in"]
    for name, file in FILES.items():
        try:
            card = read_card(folder / file)
            size = f"{(folder / file).stat().st_size / 1e6:.1f} MB"
        except (OSError, ValueError):
            lines.append(f"  {name:<16} its weights are missing: install understudy again")
            continue
        lines.append(f"  {name:<16} {ABOUT[name]}; {_facts(card, size)}")
    lines += ["", *(f"  {line}" for line in HONESTY.splitlines())]
    if measurements := _measurements(folder / CARD):
        lines += ["", *measurements]
    return "\n".join(lines)


def _facts(card: Mapping[str, Any], size: str) -> str:
    parts = [size]
    if isinstance(parameters := card.get("parameters"), int):
        parts.insert(0, f"{parameters / 1e6:.2f} M parameters")
    if isinstance(tokens := card.get("tokens"), int):
        parts.append(f"trained on {tokens / 1e6:.0f} M tokens")
    return ", ".join(parts)


def _measurements(file: Path) -> list[str]:
    """The measurements of the evaluation card, one line each; empty without a card."""
    try:
        card = cast("dict[str, Any]", json.loads(file.read_text("utf-8")))
    except (OSError, ValueError):
        return []
    rows = cast("list[dict[str, Any]]", card.get("targets", []))
    lines = [f"  {row['target']}: {row['value']}" for row in rows]
    return (
        ["measured, on held-out tasks of the families it was trained on", *lines] if lines else []
    )
