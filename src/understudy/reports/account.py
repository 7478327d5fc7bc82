"""What a step's method says of its rows. A method's report may be a user's own code. If it fails, the
error takes its place, and `show` or the export continues.
"""

import traceback
from typing import cast

from understudy.charts import Chart
from understudy.registry import Account
from understudy.runs.reader import Run


def give_account(run: Run, label: str, most: int | None = None) -> Account | None:
    """The account of a step's rows, or of the `most` oldest. None if its method gives none."""
    definition = run.definitions[label]
    if definition is None or definition.report is None:
        return None
    try:
        account = cast("object", definition.report(run.outcomes(label, most)))
        if isinstance(account, str):
            return Account(account)
        if not isinstance(account, Account):
            kind = type(account).__name__
            raise TypeError(f"expected a report to return text or an Account, found a {kind}")
    except Exception as error:
        return Account(
            f"the report of {label} failed: {_describe(error)}\nThe rows are not affected. Correct "
            f"the report function, then: understudy export {run.path}"
        )
    return account


def draw(chart: Chart) -> str:
    """The chart as an `svg` element, or a sentence that says why there is none."""
    try:
        return chart.draw()
    except Exception as error:
        return f"the chart could not be drawn: {_describe(error)}"


def _describe(error: Exception) -> str:
    line = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({line.filename}:{line.lineno})"
