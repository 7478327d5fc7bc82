"""How many examples a run is to have, and how many seeds it may try for them."""

from dataclasses import dataclass
from math import ceil


@dataclass
class Quota:
    """Counts towards `n` and `max_seeds`, earlier attempts included."""

    n: int | None = None
    """Accepted examples to stop at; None for as many as the seeds give."""
    max_seeds: int | None = None
    """Most seeds to try; None for all."""
    accepted: int = 0
    """Examples of the last step."""
    rejected: int = 0
    """Rejections and failures of the last step."""
    seeds: int = 0
    """Seeds tried: started, or finished by an earlier attempt."""

    @property
    def enough(self) -> bool:
        """Whether `n` examples have been accepted."""
        return self.n is not None and self.accepted >= self.n

    @property
    def exhausted(self) -> bool:
        """Whether `max_seeds` seeds have been tried."""
        return self.max_seeds is not None and self.seeds >= self.max_seeds

    @property
    def missing(self) -> int | None:
        """Examples still to be accepted; None if `n` is not set."""
        return None if self.n is None else max(0, self.n - self.accepted)

    def most_at_once(self, concurrency: int) -> int:
        """How many tasks may be on their way through the steps: no more than the acceptance rate so
        far says are needed, but always one. The rate counts one example more on both sides, so that
        it is defined before the first."""
        if self.missing is None:
            return concurrency
        rate = (self.accepted + 1) / (self.accepted + self.rejected + 1)
        return max(1, min(concurrency, ceil(self.missing / rate)))
