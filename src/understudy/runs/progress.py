"""Where a run stands: rows so far, tasks under way, and how fast it goes."""

import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self, TypeAlias

from understudy.call.limits import Endpoint
from understudy.call.stack import Tally
from understudy.journal.read import Records
from understudy.journal.rows import Kind, Row
from understudy.runs.quota import Quota

Clock: TypeAlias = Callable[[], float]


@dataclass
class Progress:
    """Written by the engine alone, read by displays."""

    quota: Quota = field(default_factory=Quota)
    tally: Tally = field(default_factory=Tally)
    counts: dict[str, Counter[tuple[Kind, str]]] = field(
        default_factory=dict[str, "Counter[tuple[Kind, str]]"]
    )
    """Rows by step, kind and reason. Failures of earlier attempts are left out: they are tried again."""
    seeds: int | None = None
    """How many seeds there are, if that is known."""
    under_way: int = 0
    """Tasks of all steps that are started and not yet written."""
    started: int = 0
    """Tasks started in this attempt, all steps together."""
    skipped: int = 0
    """Seeds that an earlier attempt has finished."""
    changed: Counter[str] = field(default_factory=Counter[str])
    """Tasks, by step, that an earlier attempt had finished with another content."""

    @classmethod
    def of_records(
        cls, records: Records, quota: Quota, tally: Tally, seeds: int | None, last: str
    ) -> Self:
        """Where earlier attempts have left a run whose last step is called `last`."""
        counts = {
            step: Counter({key: n for key, n in rows.items() if key[0] != "failure"})
            for step, rows in records.counts().items()
        }
        progress = cls(quota, tally, counts, seeds)
        quota.accepted = progress.of(last, "example")
        quota.rejected = progress.of(last, "rejection")
        return progress

    def count(self, rows: Iterable[Row]) -> None:
        """Add rows that are on disk."""
        for row in rows:
            self.counts.setdefault(row.step, Counter())[row.kind, row.reason] += 1

    def discount(self, rows: Iterable[Row]) -> None:
        """Take back rows that have been removed."""
        for row in rows:
            self.counts[row.step][row.kind, row.reason] -= 1

    def of(self, step: str, kind: Kind) -> int:
        """Rows of a kind that a step has made."""
        return sum(n for (k, _), n in self.counts.get(step, Counter()).items() if k == kind)

    def reasons(self, kind: Kind) -> Counter[str]:
        """Rows of a kind by reason, all steps together."""
        totals: Counter[str] = Counter()
        for counts in self.counts.values():
            for (k, reason), n in counts.items():
                if k == kind:
                    totals[reason] += n
        return totals

    @property
    def left(self) -> int | None:
        """What is still to come: examples of the last step where `n` are asked for, else tasks of the
        first. None if that is not known."""
        if self.quota.missing is not None:
            return self.quota.missing
        if self.seeds is None:
            return None
        seeds = min(self.seeds, self.quota.max_seeds or self.seeds)
        return max(0, seeds - self.quota.seeds + self.under_way)


class Mark(NamedTuple):
    """Counters at one moment."""

    time: float
    calls: int
    tokens: int
    seeds: int
    """Seeds of this attempt that have come through all steps."""
    accepted: int


class Meter:
    """A run in words: counts, rates over the last half minute, and the time that is left."""

    def __init__(
        self, progress: Progress, endpoints: Sequence[Endpoint], clock: Clock = time.monotonic
    ) -> None:
        self._progress = progress
        self._endpoints = endpoints
        self._clock = clock
        self._marks = deque([self._mark()])

    def line(self) -> str:
        """The state in one line."""
        parts = [f"{n:,} {what}" for what, n, _ in self.counts() if n]
        return " · ".join([*parts, f"{self.under_way:,} under way", *self.speeds()])

    @property
    def under_way(self) -> int:
        """Tasks of all steps that are under way."""
        return self._progress.under_way

    def counts(self) -> list[tuple[str, int, str]]:
        """Counts of examples, rejections and failures, and the most frequent reasons."""
        rejected, failed = self._progress.reasons("rejection"), self._progress.reasons("failure")
        return [
            ("accepted", self._progress.quota.accepted, ""),
            ("rejected", rejected.total(), _most_common(rejected)),
            ("failed", failed.total(), _most_common(failed)),
        ]

    def limits(self) -> str:
        """The calls in flight at each endpoint, and its current limit."""
        return ", ".join(
            f"{e.in_flight:,} of {int(e.limit):,} calls to {e.name}" for e in self._endpoints
        )

    def speeds(self) -> list[str]:
        """Calls and tokens per second, the cost so far, and the time that is left where it is known."""
        self._marks.append(self._mark())
        while len(self._marks) > 2 and self._marks[-1].time - self._marks[1].time >= WINDOW:
            self._marks.popleft()
        then, now = self._marks[0], self._marks[-1]
        seconds = max(now.time - then.time, 1e-9)
        tally = self._progress.tally
        parts = [
            f"{(now.calls - then.calls) / seconds:,.1f} calls/s",
            f"{(now.tokens - then.tokens) / seconds:,.0f} tokens/s",
            f"cost {'unknown' if tally.unpriced else f'${tally.cost:.4f}'}",
        ]
        by_examples = self._progress.quota.n is not None
        done = now.accepted - then.accepted if by_examples else now.seeds - then.seeds
        if (left := self._progress.left) is not None and done > 0:
            parts.append(f"{_duration(left * seconds / done)} left")
        return parts

    def _mark(self) -> Mark:
        progress, tally = self._progress, self._progress.tally
        return Mark(
            time=self._clock(),
            calls=tally.sent,
            tokens=tally.tokens_in + tally.tokens_out,
            seeds=progress.quota.seeds - progress.skipped - progress.under_way,
            accepted=progress.quota.accepted,
        )


Display: TypeAlias = Callable[[Progress, Sequence[Endpoint]], Awaitable[None]]
"""Called as the run begins; what it returns is awaited beside the run and cancelled at its end."""

WINDOW = 30.0
"""Seconds that rates are averaged over."""


def _most_common(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason} {n:,}" for reason, n in reasons.most_common(4))


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes}:{seconds:02}"
