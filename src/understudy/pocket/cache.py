"""Keys and values of the sequences being written, and which sequence stands in which row.

Rows are kept without gaps, so that one matrix product serves them all: a row that leaves is replaced
by the last one. Attention looks at all rows of a pool up to the longest of them; sequences with long
prompts therefore have pools of their own, or one of them would make every short one as dear as itself.

Several replies to one long prompt do not copy it: their rows hold what each of them added, and the
prompt's keys and values are looked at once for all. Reading the cache is most of attention's work.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from understudy.pocket.weights import Floats, Shape

T = TypeVar("T")

_CLASSES = (96, 192, 384)
"""Tokens of prompt from which the next pool is used."""
_GRAIN = 32
"""Tokens by which a pool grows; enough of them that it seldom does, few enough to waste little."""
_LONG = 256
"""Tokens of room that an empty pool may keep: it would soon want them again."""
SHARED_ROWS, SHARED_TOKENS = 4, 128
"""From how many rows and tokens on a prompt is shared. Measured at 60 rows, 10 behind each prompt: a
step of 300-token prompts took 8.3 ms shared and 11.1 ms copied, one of 45-token prompts 5.9 and 5.6."""


class Prompt(NamedTuple):
    """A text that was read: its ids and what attention keeps of them."""

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
        """`shares`: rows leave the prompt out, and `groups` tells whose is whose."""
        self._shape = shape
        self._shares = shares
        self.owners: list[T] = []
        """Who is in each row."""
        self._prompts: list[Prompt] = []
        self._kv = self._empty(0, 0)
        self._lengths = np.zeros(0, np.intp)
        self._groups: list[Group] | None = None

    @property
    def lengths(self) -> NDArray[np.intp]:
        """Tokens of each row that are in the pool, a shared prompt left out."""
        return self._lengths[: len(self.owners)]

    @property
    def positions(self) -> NDArray[np.intp]:
        """Where each row's next token stands, a shared prompt counted."""
        if not self._shares:
            return self.lengths
        return self.lengths + np.array([len(prompt.ids) for prompt in self._prompts], np.intp)

    @property
    def groups(self) -> list[Group]:
        """The rows behind each shared prompt; none where prompts are not shared."""
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
        """The last row takes this one's place."""
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
        """Give back what an empty pool has taken for long rows."""
        if not self.owners and self._kv.shape[4] > _LONG:
            self._kv = self._empty(0, 0)

    def open(self) -> tuple[Floats, Floats]:
        """Room for one more token in every row, and the mask that hides what lies behind each row's
        end: keys and values as (key or value, layer, row, key head, token, head size), the mask as
        (row, 1, 1, token)."""
        rows, lengths = len(self.owners), self.lengths
        longest = int(lengths.max()) + 1
        self._reserve(rows, longest)
        visible = np.arange(longest) <= lengths[:, None]
        mask = np.where(visible, np.float32(0), np.float32(-np.inf))
        return self._kv[:, :, :rows, :, :longest], mask[:, None, None]

    def close(self) -> None:
        """The token that was written into the room counts."""
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
        # Zeros, not garbage: what the mask hides is multiplied by 0, and 0 * NaN is NaN.
        shape = self._shape
        return np.zeros((2, shape.layers, rows, shape.kv_heads, length, shape.head), np.float32)


class RowBatch(Generic[T]):
    """All sequences being written, pool after pool: that is the order of rows everywhere."""

    def __init__(self, shape: Shape) -> None:
        self._pools = [RowPool[T](shape) for _ in range(len(_CLASSES) + 1)]
        self._shared = RowPool[T](shape, shares=True)
        self._pools.append(self._shared)

    def __len__(self) -> int:
        return sum(len(pool.owners) for pool in self._pools)

    @property
    def pools(self) -> list[RowPool[T]]:
        """Those that have rows."""
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
        """Tokens that are held in all."""
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
        """Take the owners with these `id`s out."""
        for pool in self.pools:
            for row in range(len(pool.owners) - 1, -1, -1):
                if id(pool.owners[row]) in leaving:
                    pool.remove(row)
            pool.tidy()


class PromptCache:
    """The prompts read last: one that begins as another did is read from where they part."""

    def __init__(self, most: int = 4096) -> None:
        """`most`: tokens kept in all."""
        self._most = most
        self._prompts: list[Prompt] = []

    def longest_prefix(self, ids: Sequence[int]) -> Prompt | None:
        """The longest known beginning of `ids`, at least one token short of it; None where it is too
        short to be worth it."""
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
"""Tokens: computing fewer again costs no more than looking them up."""


def _common_length(prefix: tuple[int, ...], ids: Sequence[int], beyond: int) -> int:
    """Tokens that both begin with; 0 where they are no more than `beyond`."""
    if tuple(ids[: beyond + 1]) != prefix[: beyond + 1]:
        return 0
    pairs: Iterator[Any] = zip(prefix, ids, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(prefix), len(ids)))
