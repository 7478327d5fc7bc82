"""What the steps of a run under way share."""

import asyncio
from dataclasses import dataclass, field

from understudy.journal.read import Records
from understudy.runs.halt import Halt
from understudy.runs.progress import Progress
from understudy.runs.quota import Quota
from understudy.runs.step import OnError


@dataclass(frozen=True)
class State:
    """Made once for each attempt."""

    records: Records
    attempt: int
    """Its number; rows of earlier attempts have lower ones."""
    progress: Progress
    halt: Halt
    on_error: OnError = "stop"
    concurrency: int = 512
    """Most tasks under way in each step."""
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a task has ended or left a queue: one more may have room."""

    @property
    def quota(self) -> Quota:
        return self.progress.quota

    @property
    def over(self) -> bool:
        """Nothing more is to be started."""
        return self.halt.reason is not None or self.quota.enough
