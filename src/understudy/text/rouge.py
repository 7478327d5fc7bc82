"""ROUGE-L between a text and every text of a growing pool: exact, without comparing most of them.

The F-measure of Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", section 3, in the
arithmetic of Google's `rouge_score` without stemming, bit for bit: P = L / |old|, R = L / |new|,
F = 2 P R / (P + R), with L the length of the longest common subsequence of words.

Why most pairs need no comparison: L is at most the overlap of the two bags of words, and F > t needs
L > t (m + n) / 2 for lengths m and n. So a text that is that similar has a length near m and shares
at least one of any m - L + 1 words of the new one, so also of its rarest. Only the texts listed under
these are looked at, and only those that share enough of them are compared. Nothing is missed. The
k-th occurrence of a word in a text is listed as a word of its own, which makes sets of the bags.

Memory is linear in the pool: a string with one character for each word of a text, the form that
rapidfuzz compares fastest, and one 4-byte number for each word in the lists.
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

Words: TypeAlias = Callable[[str], list[str]]
"""How a text is cut into words."""

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.intp]


def latin_words(text: str) -> list[str]:
    """Runs of a-z and 0-9 in lower case, as `rouge_score` has them: any other letter is a gap, so that
    a text in another script has no words at all."""
    return _LATIN.findall(text.lower())


def words(text: str) -> list[str]:
    """Words of any script: runs of letters, digits and their marks, in one case and one Unicode form.

    In scripts without blanks between words (Chinese, Japanese, Thai, ...) each character is one. The
    optional points of Arabic and Hebrew are left out. A text without letters is its signs.
    """
    if text.isascii():
        return _LATIN.findall(text.lower()) or text.split()
    found, fresh = list[str](), True
    for character in unicodedata.normalize("NFKC", text).casefold():
        match _kind(character):
            case "alone":
                found.append(character)
                fresh = True
            case "letter" if fresh:
                found.append(character)
                fresh = False
            case "letter":
                found[-1] += character
            case "mark" if found:
                found[-1] += character
            case "gap":
                fresh = True
            case _:
                pass
    return found or [character for character in text if not character.isspace()]


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


class Pool:
    """Texts in the order they came, and how similar a new one is to them."""

    def __init__(self, cut: Words = words) -> None:
        self._cut = cut
        self._codes = dict[str, str]()
        """Word to character."""
        self._texts = list[str]()
        self._lengths = array("I")
        self._lists: dict[tuple[str, int], array[int]] = {}
        """For the k-th occurrence of a word, the texts that have it, in order."""

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str) -> None:
        """One more text in the pool."""
        found = self._cut(text)
        text_number = len(self._texts)
        coded = "".join([self._code(word) for word in found])
        self._texts.append(coded)
        self._lengths.append(len(coded))
        for listed in _occurrences(coded):
            self._lists.setdefault(listed, array("I")).append(text_number)

    def above(self, text: str, threshold: float) -> Similar | None:
        """The most similar text whose F exceeds `threshold`; None where there is none."""
        return self._above(self._coded(text), threshold)

    def highest(self, text: str) -> Similar | None:
        """The most similar text; None where no text has a word in common with this one."""
        coded = self._coded(text)
        for threshold in _STAIRS:
            if (found := self._above(coded, threshold)) is not None:
                return found
        return None

    def similarities(self, text: str) -> Floats:
        """F with every text, in their order. The one question whose answer costs a comparison each."""
        every = np.arange(len(self._texts), dtype=np.intp)
        return self._measure(self._coded(text), every, 0)

    def _above(self, new: str, threshold: float) -> Similar | None:
        candidates = self._candidates(new, threshold)
        if not len(candidates):
            return None
        f = self._measure(new, candidates, _least(len(new), threshold))
        best = int(np.argmax(f))
        return Similar(int(candidates[best]), float(f[best])) if f[best] > threshold else None

    def _candidates(self, new: str, threshold: float) -> Integers:
        """All texts whose F with `new` can exceed `threshold`, in order."""
        m, least = len(new), _least(len(new), threshold)
        lists = sorted((self._lists.get(key, _NONE) for key in _occurrences(new)), key=len)
        looked_at = [listed for listed in lists[: m - least + 1] if listed]
        if not looked_at:
            return np.empty(0, np.intp)
        listed = np.concatenate([np.frombuffer(one, np.uint32) for one in looked_at])
        if len(listed) * 8 < len(self._texts):
            texts, shared = np.unique(listed, return_counts=True)
            texts = texts.astype(np.intp)
        else:
            counts = np.bincount(listed)
            texts = np.flatnonzero(counts)
            shared = counts[texts]
        unseen = max(0, least - 1)  # words of `new` that were not looked up, all shared at best
        lengths = np.frombuffer(self._lengths, np.uint32)[texts]
        bound = np.minimum(shared + unseen, lengths)
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

    def _coded(self, text: str) -> str:
        """A text as the pool knows its words; those it does not know are alike: no text has them."""
        return "".join([self._codes.get(word, _UNKNOWN) for word in self._cut(text)])


_FIRST_SURROGATE, _SURROGATES = 0xD800, 0x800
_UNKNOWN = "\U0010ffff"
_NONE = array("I")
_SLACK = 1e-9
"""Far more than the rounding of F, far less than the distance of two different F of texts of fewer
than 10,000 words: bounds err towards comparing."""
_STAIRS = (0.7, 0.5, 0.35, 0.2, 0.0)
"""Thresholds at which the most similar text is looked for, one after another: the higher, the fewer
candidates."""


def _least(m: int, threshold: float) -> int:
    """Fewest common words with a text of m words at which F can exceed the threshold, whatever the
    other's length n: L > t (m + n) / 2 and L <= n give L > t m / (2 - t)."""
    return max(1, int(np.ceil((threshold - _SLACK) * m / (2 - threshold))))


def _occurrences(coded: str) -> list[tuple[str, int]]:
    """Each word with how often it came before."""
    seen = Counter[str]()
    listed = list[tuple[str, int]]()
    for code in coded:
        listed.append((code, seen[code]))
        seen[code] += 1
    return listed


def top(scores: Floats, k: int = 10) -> Sequence[int]:
    """Numbers of the `k` highest, highest first, ties as `numpy.argsort` leaves them."""
    return [int(i) for i in np.argsort(scores)[-k:][::-1]]
