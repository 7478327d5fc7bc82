"""Byte-level BPE in the standard library, from a Hugging Face `tokenizer.json`.

It gives the same ids as the `tokenizers` library, for the one kind of file that the built-in models
use: GPT-2's byte-level pre-tokenizer, no normalizer, no prefix space. Characters outside ASCII are
classified by this Python's Unicode tables, so one that a later Unicode version introduced may be
split differently.

Text never becomes a special token: `encode("<|end|>")` gives the ids of seven characters. Only
`chat` inserts them, around the turns."""

import codecs
import json
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

_PIECES = re.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+"
    r"| ?[^\t-\r A-Za-z0-9]+|[\t-\r ]+(?![^\t-\r ])|[\t-\r ]+"
)
"""GPT-2's pattern over ASCII; other characters are first mapped by `_Shadow`."""

_CACHED = 1 << 16
"""Words whose ids are cached; natural text has few different ones."""


class _Shadow(dict[int, int]):
    """Maps a code point to an ASCII character of its kind: same length, same split."""

    def __missing__(self, point: int) -> int:
        if point < 128:
            kind = point
        else:
            character = chr(point)
            kind = ord("!")
            if character.isspace():
                kind = ord("\t")
            elif character.isalnum():  # letters and all kinds of numbers; no letter is a number
                kind = ord("a" if character.isalpha() else "1")
        self[point] = kind
        return kind


class Tokenizer:
    """A vocabulary with its merges. Not to be used by two threads at once."""

    def __init__(self, vocabulary: dict[str, int], merges: Sequence[tuple[str, str]],
                 special: dict[str, int]) -> None:  # fmt: skip
        """`vocabulary` and `merges` are in GPT-2's byte alphabet, as in the file."""
        self.special = special
        self.end = special["<|end|>"]
        """The token that ends every turn, and so every reply."""
        self.size = 1 + max(*vocabulary.values(), *special.values())
        letters = byte_letters()
        self._letters = [letters[byte] for byte in range(256)]
        self._ids = vocabulary
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._cache: dict[str, tuple[int, ...]] = {}
        self._shadow = _Shadow()
        back = {letter: byte for byte, letter in enumerate(letters)}
        self.bytes = [b""] * self.size
        """The bytes of each token; of a special token, its name."""
        for token, number in vocabulary.items():
            if token not in special:
                self.bytes[number] = bytes(back[letter] for letter in token)
        for name, number in special.items():
            self.bytes[number] = name.encode()

    @classmethod
    def read(cls, file: Path) -> "Tokenizer":
        """Read a `tokenizer.json`. Raises ValueError if it is of another kind."""
        data = cast("dict[str, Any]", json.loads(file.read_text("utf-8")))
        model = data["model"]
        split = cast("dict[str, Any]", data.get("pre_tokenizer") or {})
        plain = split.get("type") == "ByteLevel" and not split.get("add_prefix_space")
        if model.get("type") != "BPE" or data.get("normalizer") or not plain:
            raise ValueError(f"{file}: expected a byte-level BPE with GPT-2's pattern alone")
        pairs = (m.split(" ") if isinstance(m, str) else m for m in model["merges"])
        merges = [(first, second) for first, second in pairs]
        special = {token["content"]: int(token["id"]) for token in data["added_tokens"]}
        return cls(model["vocab"], merges, special)

    def encode(self, text: str) -> list[int]:
        """The ids of a text; lone surrogates, which UTF-8 cannot hold, become question marks."""
        ids: list[int] = []
        cache = self._cache
        for piece in self._pieces(text):
            if (ids_of := cache.get(piece)) is None:
                ids_of = self._merge(piece)
                if len(cache) >= _CACHED:
                    cache.clear()
                cache[piece] = ids_of
            ids += ids_of
        return ids

    def chat(self, turns: Iterable[tuple[str, str]]) -> list[int]:
        """The ids of a conversation of (role, text), up to the assistant's next turn."""
        ids: list[int] = []
        for role, text in turns:
            ids += [self.special[f"<|{role}|>"], *self.encode(text), self.end]
        return [*ids, self.special["<|assistant|>"]]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; invalid UTF-8 becomes U+FFFD."""
        return b"".join(self.bytes[i] for i in ids).decode("utf-8", "replace")

    def name(self, token: int) -> str:
        """The text of a single token; `bytes:` and its bytes if it is not a whole character."""
        data = self.bytes[token]
        try:
            return data.decode()
        except UnicodeDecodeError:
            return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)

    def _pieces(self, text: str) -> Iterable[str]:
        if text.isascii():
            return _PIECES.findall(text)
        shadow = text.translate(self._shadow)
        return (text[match.start() : match.end()] for match in _PIECES.finditer(shadow))

    def _merge(self, piece: str) -> tuple[int, ...]:
        """A merge only makes pairs of later ranks, so each rank is visited once and the time is
        linear in the length of the word."""
        letters = self._letters
        parts = [letters[byte] for byte in piece.encode("utf-8", "replace")]
        ranks, unranked = self._ranks, len(self._ranks)
        while len(parts) > 1:
            best = min(pairwise(parts), key=lambda pair: ranks.get(pair, unranked))
            if best not in ranks:
                break
            merged: list[str] = []
            i = 0
            while i < len(parts):
                if i + 1 < len(parts) and (parts[i], parts[i + 1]) == best:
                    merged.append(parts[i] + parts[i + 1])
                    i += 2
                else:
                    merged.append(parts[i])
                    i += 1
            parts = merged
        return tuple(self._ids[part] for part in parts)


def utf8() -> codecs.IncrementalDecoder:
    """An incremental decoder; invalid UTF-8 becomes U+FFFD."""
    return codecs.getincrementaldecoder("utf-8")("replace")


def byte_letters() -> list[str]:
    """The character that stands for each byte in the vocabulary: itself where it can be seen, else
    the next free one from 256 on (GPT-2)."""
    visible = {*range(33, 127), *range(161, 173), *range(174, 256)}
    invisible = [byte for byte in range(256) if byte not in visible]
    return [chr(b) if b in visible else chr(256 + invisible.index(b)) for b in range(256)]
