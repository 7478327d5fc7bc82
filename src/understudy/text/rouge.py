"""ROUGE-L between a text and every text of a growing pool: exact, without comparing most pairs.

The F-measure of Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", section 3, in the
arithmetic of Google's `rouge_score` without stemming, bit for bit: P = L / |old|, R = L / |new|,
F = 2 P R / (P + R), with L the length of the longest common subsequence of words.

Most pairs need no comparison. L is at most the overlap of the two bags of words, and F > t needs
L > t (m + n) / 2 for lengths m and n. So a text that is that similar has a length near m and shares
at least one of any m - L + 1 words of the new text. We take the rarest words. Only the texts that have
one of these are candidates, and only candidates that share enough of them are compared. Nothing is
missed. The k-th occurrence of a word in a text counts as a word of its own, which turns the bags into
sets.

Memory is linear in the pool. A text is a string with one character for each word, the form that
rapidfuzz compares fastest. The index has one 4-byte number for each word.
"""

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq
from rapidfuzz.process import cdist

Split: TypeAlias = Callable[[str], list[str]]
"""How a text is split into words."""

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.intp]


def split_latin_words(text: str) -> list[str]:
    """Runs of a-z and 0-9 in lower case, as `rouge_score` splits: any other letter is a gap. A text in
    another script has no words at all."""
    return _LATIN.findall(text.lower())


def split_words(text: str) -> list[str]:
    """Words of any script: runs of letters, digits and their marks, in one case and one Unicode form.

    In scripts without blanks between words (Chinese, Japanese, Thai, ...) each character is a word. The
    optional points of Arabic and Hebrew are left out. The words of a text without letters are its signs.
    """
    if text.isascii():
        return _LATIN.findall(text.lower()) or text.split()
    words, fresh = list[str](), True
    for character in unicodedata.normalize("NFKC", text).casefold():
        match _kind(character):
            case "alone":
                words.append(character)
                fresh = True
            case "letter" if fresh:
                words.append(character)
                fresh = False
            case "letter":
                words[-1] += character
            case "mark" if words:
                words[-1] += character
            case "gap":
                fresh = True
            case _:
                pass
    return words or [character for character in text if not character.isspace()]


_LATIN = re.compile(r"[a-z0-9]+")

_BLANKLESS = (
    "CJK ", "HIRAGANA ", "KATAKANA", "BOPOMOFO ", "THAI ", "LAO ", "KHMER ", "MYANMAR ", "TIBETAN ",
)  # fmt: skip
_POINTED = ("ARABIC ", "HEBREW ")


@cache
def _kind(character: str) -> str:
    category, name = unicodedata.category(character), unicodedata.name(character, "")
    if category[0] == "M":
        return "nothing" if name.startswith(_POINTED) else "mark"
    if category == "Cf" or name == "ARABIC TATWEEL":
        return "nothing"
    if category[0] not in "LN":
        return "gap"
    return "alone" if name.startswith(_BLANKLESS) else "letter"


class Similar(NamedTuple):
    """A text of the pool, by its number, and how similar it is."""

    number: int
    f: float
    """ROUGE-L F-measure, 0 to 1."""


class RougeIndex:
    """Texts in the order in which they were added, and how similar a new text is to them."""

    def __init__(self, split: Split = split_words) -> None:
        self._split = split
        self._codes = dict[str, str]()
        """Word to character."""
        self._texts = list[str]()
        self._lengths = array("I")
        self._postings: dict[tuple[str, int], array[int]] = {}
        """For the k-th occurrence of a word, the numbers of the texts that have it, in order."""

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str) -> None:
        """Add a text to the pool."""
        number = len(self._texts)
        codes = "".join([self._code(word) for word in self._split(text)])
        self._texts.append(codes)
        self._lengths.append(len(codes))
        for occurrence in _occurrences(codes):
            self._postings.setdefault(occurrence, array("I")).append(number)

    def find_above(self, text: str, threshold: float) -> Similar | None:
        """The most similar text, if its F exceeds `threshold`; else None."""
        return self._find_above(self._encode(text), threshold)

    def find_nearest(self, text: str) -> Similar | None:
        """The most similar text; None if no text has a word in common with this one."""
        codes = self._encode(text)
        for threshold in _STAIRS:
            if (nearest := self._find_above(codes, threshold)) is not None:
                return nearest
        return None

    def measure_all(self, text: str) -> Floats:
        """F with every text, in their order. This costs a comparison with each."""
        every = np.arange(len(self._texts), dtype=np.intp)
        return self._measure(self._encode(text), every, 0)

    def _find_above(self, new: str, threshold: float) -> Similar | None:
        candidates = self._candidates(new, threshold)
        if not len(candidates):
            return None
        f = self._measure(new, candidates, _least(len(new), threshold))
        best = int(np.argmax(f))
        return Similar(int(candidates[best]), float(f[best])) if f[best] > threshold else None

    def _candidates(self, new: str, threshold: float) -> Integers:
        """All texts whose F with `new` can exceed `threshold`, in order."""
        m, least = len(new), _least(len(new), threshold)
        postings = sorted((self._postings.get(key, _NONE) for key in _occurrences(new)), key=len)
        rarest = [numbers for numbers in postings[: m - least + 1] if numbers]
        if not rarest:
            return np.empty(0, np.intp)
        hits = np.concatenate([np.frombuffer(numbers, np.uint32) for numbers in rarest])
        if len(hits) * 8 < len(self._texts):
            texts, shared = np.unique(hits, return_counts=True)
            texts = texts.astype(np.intp)
        else:
            counts = np.bincount(hits)
            texts = np.flatnonzero(counts)
            shared = counts[texts]
        others = max(0, least - 1)  # words of `new` that were not looked up: all shared at best
        lengths = np.frombuffer(self._lengths, np.uint32)[texts]
        bound = np.minimum(shared + others, lengths)
        return texts[bound > (threshold - _SLACK) * (m + lengths) / 2]

    def _measure(self, new: str, candidates: Integers, least: int) -> Floats:
        """F with each of the candidates; 0 where fewer than `least` words are common."""
        if not new or not len(candidates):
            return np.zeros(len(candidates))
        old = [self._texts[i] for i in cast("list[int]", candidates.tolist())]
        common = cdist([new], old, scorer=LCSseq.similarity, score_cutoff=least, dtype=np.int32)[0]
        lengths = np.frombuffer(self._lengths, np.uint32)[candidates]
        precision = common / np.maximum(lengths, 1)
        recall = common / len(new)
        both = precision + recall
        # In this order: the last bit decides at the threshold.
        return 2 * precision * recall / np.where(both > 0, both, 1)

    def _code(self, word: str) -> str:
        if (code := self._codes.get(word)) is None:
            number = len(self._codes)
            code = chr(number + (_SURROGATES if number >= _FIRST_SURROGATE else 0))
            self._codes[word] = code
        return code

    def _encode(self, text: str) -> str:
        """A text with one character for each word. Words that no text of the pool has share one."""
        return "".join([self._codes.get(word, _UNKNOWN) for word in self._split(text)])


_FIRST_SURROGATE, _SURROGATES = 0xD800, 0x800
_UNKNOWN = "\U0010ffff"
_NONE = array("I")
_SLACK = 1e-9
"""Far more than the rounding error of F, and far less than the difference between two values of F for
texts of fewer than 10,000 words. With it, a bound that is in doubt leads to a comparison."""
_STAIRS = (0.7, 0.5, 0.35, 0.2, 0.0)
"""Thresholds at which the most similar text is searched for, one after another. The higher a
threshold, the fewer its candidates."""


def _least(m: int, threshold: float) -> int:
    """Fewest words in common with a text of m words at which F can exceed the threshold, whatever the
    other text's length n: L > t (m + n) / 2 and L <= n give L > t m / (2 - t)."""
    return max(1, int(np.ceil((threshold - _SLACK) * m / (2 - threshold))))


def _occurrences(codes: str) -> list[tuple[str, int]]:
    """Each word with how often it came before."""
    counts = Counter[str]()
    occurrences = list[tuple[str, int]]()
    for code in codes:
        occurrences.append((code, counts[code]))
        counts[code] += 1
    return occurrences


def top_k(scores: Floats, k: int = 10) -> Sequence[int]:
    """The numbers of the `k` highest scores, highest first, ties as `numpy.argsort` leaves them."""
    return [int(i) for i in np.argsort(scores)[-k:][::-1]]
