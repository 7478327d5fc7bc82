"""A bounded map of recent entries."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A map that forgets what was not used for long.

    Two generations: what is used moves to the young one; when that is full it becomes the old one,
    and the old one is forgotten. A look-up costs no bookkeeping, as it would in a list by use.
    """

    def __init__(self, most: int) -> None:
        """`most`: the weight one generation may have; the whole weighs up to twice as much."""
        self._most = most
        self._weight = 0
        self._young = dict[K, tuple[V, int]]()
        self._old = dict[K, tuple[V, int]]()

    def get(self, key: K) -> V | None:
        """The value, which counts as used."""
        if (entry := self._young.get(key)) is not None:
            return entry[0]
        if (entry := self._old.get(key)) is None:
            return None
        self.add(key, *entry)
        return entry[0]

    def add(self, key: K, value: V, weight: int = 1) -> None:
        """Remember a value; it counts as used."""
        if self._weight >= self._most:
            self._old, self._young, self._weight = self._young, {}, 0
        self._young[key] = value, weight
        self._weight += weight
