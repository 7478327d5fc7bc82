"""The one place where rows are written: to disk, then counted, and only then handed to the next step."""

from collections.abc import Iterable

from understudy.journal.effect import Journal
from understudy.journal.rows import Row
from understudy.runs.progress import Progress
from understudy.runs.rows import Item, Output, surplus_row


class Writer:
    """Writes what the steps make, and no more examples of the last one than the run's quota."""

    def __init__(self, journal: Journal, progress: Progress, last: str) -> None:
        """`last`: the label of the last step."""
        self._journal = journal
        self._progress = progress
        self._last = last

    async def write(self, outputs: Iterable[Output]) -> list[Item]:
        """The items for the next step, once all rows are on disk, in one transaction.

        Raises:
            RunFolderError: the disk did not take them.
        """
        rows, items = list[Row](), list[Item]()
        for output in outputs:
            rows += self._within_quota(output.rows)
            items += output.items
        if rows:
            await self._journal.finish(rows)
            self._progress.count(rows)
        return items

    def _within_quota(self, rows: list[Row]) -> list[Row]:
        """Of the last step's rows those that the run is to have, counted.

        Once there are enough examples, a task that was still under way leaves no row: should more be
        wanted later, its replies are in the journal. A task that makes more examples than are missing
        keeps the others as rejections.
        """
        quota = self._progress.quota
        if not rows or rows[0].step != self._last:
            return rows
        if quota.enough:
            return []
        limited = list[Row]()
        for row in rows:
            if row.kind == "example" and quota.enough:
                row = surplus_row(row)
            quota.accepted += row.kind == "example"
            quota.rejected += row.kind in ("rejection", "failure")
            limited.append(row)
        return limited
