"""The key-value cache: which sequence is in which row.

Rows have no gaps, so that one matrix product serves them all: the last row moves into the place of
a row that leaves. Attention covers every row of a pool up to its longest. So sequences with long
prompts have pools of their own; otherwise one of them would make every short one as slow as itself.

Several replies to one long prompt share its keys and values; their rows hold only new tokens.
Reading the cache is most of the work of attention.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from understudy.pocket.weights import Floats, Shape

T = TypeVar("T")

_CLASSES = (96, 192, 384)
"""Prompt lengths in tokens at which the next pool begins."""
_GRAIN = 32
"""A pool grows by this many tokens: rarely, and without wasting much."""
_LONG = 256
"""An empty pool keeps room for this many tokens, since it will soon need it again."""
SHARED_ROWS, SHARED_TOKENS = 4, 128
"""Least rows and least tokens for which a prompt is shared. Measured at 60 rows, 10 for each
prompt: a step took 8.3 ms shared and 11.1 ms copied at 300 tokens, 5.9 and 5.6 at 45."""


class Prompt(NamedTuple):
    """A prompt that was read: its token ids, with their keys and values."""

    ids: tuple[int, ...]
    kv: Floats
    """(key or value, layer, key head, token, head size)"""


class Group(NamedTuple):
    """Rows of a pool that share a prompt."""

    prompt: Prompt
    rows: NDArray[np.intp]


class RowPool(Generic[T]):
    """Rows of similar length."""

    def __init__(self, shape: Shape, *, shares: bool = False) -> None:
        """`shares`: rows do not contain their prompt, and `groups` says which prompt each row
        has."""
        self._shape = shape
        self._shares = shares
        self.owners: list[T] = []
        """The sequence in each row."""
        self._prompts: list[Prompt] = []
        self._kv = self._empty(0, 0)
        self._lengths = np.zeros(0, np.intp)
        self._groups: list[Group] | None = None

    @property
    def lengths(self) -> NDArray[np.intp]:
        """Tokens that the pool holds of each row, without a shared prompt."""
        return self._lengths[: len(self.owners)]

    @property
    def positions(self) -> NDArray[np.intp]:
        """The position of each row's next token, a shared prompt included."""
        if not self._shares:
            return self.lengths
        return self.lengths + np.array([len(prompt.ids) for prompt in self._prompts], np.intp)

    @property
    def groups(self) -> list[Group]:
        """The rows of each shared prompt; empty if prompts are not shared."""
        if self._groups is None:
            rows: dict[int, list[int]] = {}
            for row, prompt in enumerate(self._prompts if self._shares else ()):
                rows.setdefault(id(prompt), []).append(row)
            self._groups = [Group(self._prompts[r[0]], np.array(r, np.intp)) for r in rows.values()]
        return self._groups

    def add(self, prompt: Prompt, owners: Sequence[T]) -> None:
        """One row for each owner, all behind the same prompt."""
        length = 0 if self._shares else len(prompt.ids)
        first, rows = len(self.owners), len(self.owners) + len(owners)
        self._reserve(rows, length + 1)
        if length:
            self._kv[:, :, first:rows, :, :length] = prompt.kv[:, :, None]
        self._lengths[first:rows] = length
        self.owners += owners
        self._prompts += [prompt] * len(owners)
        self._groups = None

    def remove(self, row: int) -> None:
        """Remove a row. The last row moves into its place."""
        last = len(self.owners) - 1
        if row != last:
            length = self._lengths[last]
            self._kv[:, :, row, :, :length] = self._kv[:, :, last, :, :length]
            self._lengths[row] = length
            self.owners[row] = self.owners[last]
            self._prompts[row] = self._prompts[last]
        del self.owners[last], self._prompts[last]
        self._groups = None

    def tidy(self) -> None:
        """Release the memory that an empty pool took for long rows."""
        if not self.owners and self._kv.shape[4] > _LONG:
            self._kv = self._empty(0, 0)

    def open(self) -> tuple[Floats, Floats]:
        """Make room for one more token in every row. Returns keys and values, and a mask that hides
        everything past the end of each row: keys and values as (key or value, layer, row, key head,
        token, head size), the mask as (row, 1, 1, token)."""
        rows, lengths = len(self.owners), self.lengths
        longest = int(lengths.max()) + 1
        self._reserve(rows, longest)
        visible = np.arange(longest) <= lengths[:, None]
        mask = np.where(visible, np.float32(0), np.float32(-np.inf))
        return self._kv[:, :, :rows, :, :longest], mask[:, None, None]

    def close(self) -> None:
        """Count the token that was written since `open`."""
        self._lengths[: len(self.owners)] += 1

    def _reserve(self, rows: int, length: int) -> None:
        had_rows, had_length = self._kv.shape[2], self._kv.shape[4]
        if rows <= had_rows and length <= had_length:
            return
        if rows > had_rows:
            rows = max(rows, had_rows * 3 // 2)
        rows = max(rows, had_rows)
        if length > had_length:
            length = min(-(-length // _GRAIN) * _GRAIN, self._shape.context)
        length = max(length, had_length)
        kv, used = self._empty(rows, length), len(self.owners)
        kv[:, :, :used, :, :had_length] = self._kv[:, :, :used]
        self._kv = kv
        lengths = np.zeros(rows, np.intp)
        lengths[:used] = self._lengths[:used]
        self._lengths = lengths

    def _empty(self, rows: int, length: int) -> Floats:
        # Zeros, not garbage: masked values are multiplied by 0, and 0 * NaN is NaN.
        shape = self._shape
        return np.zeros((2, shape.layers, rows, shape.kv_heads, length, shape.head), np.float32)


class RowBatch(Generic[T]):
    """All sequences in progress. Rows are ordered pool by pool, everywhere."""

    def __init__(self, shape: Shape) -> None:
        self._pools = [RowPool[T](shape) for _ in range(len(_CLASSES) + 1)]
        self._shared = RowPool[T](shape, shares=True)
        self._pools.append(self._shared)

    def __len__(self) -> int:
        return sum(len(pool.owners) for pool in self._pools)

    @property
    def pools(self) -> list[RowPool[T]]:
        """The pools that have rows."""
        return [pool for pool in self._pools if pool.owners]

    @property
    def owners(self) -> list[T]:
        return [owner for pool in self._pools for owner in pool.owners]

    @property
    def positions(self) -> NDArray[np.intp]:
        """Where each row's next token stands."""
        return np.concatenate([pool.positions for pool in self._pools])

    @property
    def cached_tokens(self) -> int:
        """Tokens in all pools, each shared prompt counted once."""
        own = sum(int(pool.lengths.sum()) for pool in self._pools)
        return own + sum(len(group.prompt.ids) for group in self._shared.groups)

    def add(self, prompt: Prompt, owners: Sequence[T]) -> None:
        """One row for each owner, all behind the same prompt."""
        length = len(prompt.ids)
        if len(owners) >= SHARED_ROWS and length >= SHARED_TOKENS:
            self._shared.add(prompt, owners)
            return
        self._pools[sum(length > most for most in _CLASSES)].add(prompt, owners)

    def discard(self, leaving: set[int]) -> None:
        """Remove the owners with these `id`s."""
        for pool in self.pools:
            for row in range(len(pool.owners) - 1, -1, -1):
                if id(pool.owners[row]) in leaving:
                    pool.remove(row)
            pool.tidy()


class PromptCache:
    """The newest prompts. A prompt that shares a prefix with one of them is read from where they
    differ."""

    def __init__(self, most: int = 4096) -> None:
        """`most`: tokens kept over all prompts."""
        self._most = most
        self._prompts: list[Prompt] = []

    def longest_prefix(self, ids: Sequence[int]) -> Prompt | None:
        """The longest cached proper prefix of `ids`; None if it is too short to be worth using."""
        best, length = None, _WORTH - 1
        for prompt in self._prompts:
            shared = _common_length(prompt.ids, ids, length)
            if shared > length:
                best, length = prompt, shared
        length = min(length, len(ids) - 1)
        if best is None or length < _WORTH:
            return None
        return Prompt(best.ids[:length], best.kv[:, :, :, :length])

    def add(self, prompt: Prompt) -> None:
        self._prompts.insert(0, prompt)
        while sum(len(prompt.ids) for prompt in self._prompts) > self._most:
            self._prompts.pop()


_WORTH = 16
"""A shorter prefix is computed again: looking it up would save nothing."""


def _common_length(prefix: tuple[int, ...], ids: Sequence[int], beyond: int) -> int:
    """Length of the common prefix; 0 if it is not longer than `beyond`."""
    if tuple(ids[: beyond + 1]) != prefix[: beyond + 1]:
        return 0
    pairs: Iterator[Any] = zip(prefix, ids, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(prefix), len(ids)))
