"""The one place where rows are written: to disk, then counted, and only then handed to the next step."""

from collections.abc import Iterable, Sequence

from understudy.journal.effect import Journal
from understudy.journal.rows import Row
from understudy.runs.progress import Progress
from understudy.runs.rows import Item, Output, item_of, surplus_row


class Writer:
    """Writes what the steps make, and no more examples of the last one than the run's quota."""

    def __init__(self, journal: Journal, progress: Progress, labels: Sequence[str]) -> None:
        """`labels`: of all steps, in their order."""
        self._journal = journal
        self._progress = progress
        self._labels = labels

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

    async def forget(self, label: str, tasks: Iterable[str]) -> None:
        """Remove the rows that a step made of tasks whose content has changed since, and those that
        later steps made of these rows. A step over the pool sees for itself what has changed."""
        records, progress = self._journal.records, self._progress
        scopes, rows, changed = list[tuple[str, str]](), list[Row](), list(tasks)
        progress.changed[label] += len(changed)
        for step in self._labels[self._labels.index(label) :]:
            scopes += [(step, task) for task in changed]
            old = [row for task in changed for row in records.rows_of(step, task)]
            changed = [item_of(row).id for row in old if row.kind == "example"]
            rows += old
        await self._journal.finish((), forget=scopes)
        progress.discount(rows)
        last = [row.kind for row in rows if row.step == self._labels[-1]]
        progress.quota.accepted -= last.count("example")
        progress.quota.rejected -= last.count("rejection")

    def _within_quota(self, rows: list[Row]) -> list[Row]:
        """Of the last step's rows those that the run is to have, counted.

        Once there are enough examples, a task that was still under way leaves no row: should more be
        wanted later, its replies are in the journal. A task that makes more examples than are missing
        keeps the others as rejections.
        """
        quota = self._progress.quota
        if not rows or rows[0].step != self._labels[-1]:
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
